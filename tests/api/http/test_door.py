"""What would wait too long is refused once its head is read, and the connection goes on."""

from contextlib import ExitStack

import orjson

from app.api.http.protocol import protocol_of
from app.dispatch.dispatcher import Dispatcher
from app.dispatch.pending_jobs import MAX_SINGLE, WORKSPACE_SHARE
from tests.api.http.raw_lines import serving
from tests.support.workspace import Workspace

LEAD = orjson.dumps({"lead": {"email": "kim@example.com"}})


async def test_flood_is_refused_without_its_body_and_the_next_request_is_served(workspace: Workspace) -> None:
    dispatch: Dispatcher = workspace.app.state.dispatch
    head = b"POST /assign HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nAuthorization: Bearer "
    request = head + workspace.key.encode() + b"\r\nContent-Length: %d\r\n\r\n" % len(LEAD) + LEAD
    stranger = request.replace(workspace.key.encode(), b"la_test_nobody")
    async with serving(workspace.app, protocol_of(workspace.app)) as server, server.line() as line:
        line.send(request)
        decided = await line.answer()
        with ExitStack() as flood:
            for _ in range(int(MAX_SINGLE * WORKSPACE_SHARE)):
                flood.enter_context(dispatch.coming(workspace.workspace_id, bulk=False))
            line.send(request[: -len(LEAD)])
            refused = await line.answer()
            # The body that follows belongs to the refused request.
            line.send(LEAD + request + stranger)
            refused_again, unknown = await line.answer(), await line.answer()
        line.send(request)
        last = await line.answer()
    assert [each.status for each in (decided, refused, refused_again, unknown, last)] == [
        201,
        503,
        503,
        401,
        201,
    ]
    assert refused.json["code"] == "overloaded"
    assert refused.json["request_id"] == refused.headers["x-request-id"]
    assert refused.headers["x-content-type-options"] == "nosniff"
    assert int(refused.headers["retry-after"]) >= 1
    metrics = (await workspace.client.get("/metrics")).text
    assert 'requests_total{method="POST",route="/assign",status="503"} 2.0' in metrics


async def test_key_that_was_revoked_is_not_known_at_the_door(workspace: Workspace) -> None:
    authentication = workspace.app.state.authentication
    scope = {
        "type": "http",
        "headers": [(b"authorization", b"Bearer " + workspace.key.encode())],
        "client": ("127.0.0.1", 1),
    }
    assert authentication.known_caller(scope) is None
    caller = await authentication.caller(scope)
    assert authentication.known_caller(scope) == caller
    twice = {**scope, "headers": [*scope["headers"], (b"authorization", b"Bearer x")]}
    assert authentication.known_caller(twice) is None
