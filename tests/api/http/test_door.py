"""What would wait too long is refused as soon as it is known, and the connection goes on."""

import asyncio
from functools import partial
from typing import Any

import orjson

from app.api.http.middleware import SECURITY_HEADERS
from app.api.http.problems import problem_response
from app.api.http.protocol import HttpProtocol, protocol_of
from app.dispatch.dispatcher import Dispatcher
from app.dispatch.pending_jobs import MAX_SINGLE, WORKSPACE_SHARE, Coming
from app.errors import DatabaseUnavailable, Overloaded, QuotaExceeded, RateLimited
from tests.api.http.raw_lines import GUARD, serving
from tests.api.http.test_protocol import AMBIGUOUS, CHUNKED
from tests.support.workspace import Workspace

LEAD = orjson.dumps({"lead": {"email": "kim@example.com"}})
PARENT = b"00-%b-%b-01" % (b"1" * 32, b"2" * 16)
SET_RATE = "UPDATE api_keys SET rate = 0.001, burst = 2 WHERE workspace_id = $1"


async def test_flood_is_refused_without_its_body_and_the_next_request_is_served(workspace: Workspace) -> None:
    request = _request(workspace.key)
    stranger, parsed = _request("la_test_nobody"), list[bytes]()
    async with serving(workspace.app, _noting(workspace, parsed)) as server, server.line() as line:
        line.send(request)
        decided = await line.answer()
        flood = _flood(workspace)
        line.send(request[: -len(LEAD)])
        refused = await line.answer()
        # The body that follows belongs to the refused request.
        line.send(LEAD + request + stranger)
        refused_again, unknown = await line.answer(), await line.answer()
        # Once something is refused, whole requests are answered without the parser.
        parsed.clear()
        line.send(request)
        at_once = await line.answer()
        line.send(request.replace(b"\r\n", b"\r\nX-Request-Id: a-1\r\nTraceparent: %b\r\n" % PARENT, 1))
        named = await line.answer()
        assert not parsed
        line.send(request.replace(b"1.1", b"1.0"))
        old = await line.answer()
        assert await line.ended()
        for request_ in flood:
            request_.end()
        async with server.line() as another:
            another.send(request)
            last = await another.answer()
    answers = [decided, refused, refused_again, unknown, at_once, named, old, last]
    assert [each.status for each in answers] == [201, 503, 503, 401, 503, 503, 503, 201]
    assert list(at_once.headers) == list(refused.headers)
    own = ("retry-after", "x-request-id", "date")
    for each in (refused_again, at_once):
        assert {**each.headers, **dict.fromkeys(own)} == {**refused.headers, **dict.fromkeys(own)}
        assert each.json == {**refused.json, "request_id": each.headers["x-request-id"]}
    assert refused.json["code"] == "overloaded"
    assert refused.headers["x-content-type-options"] == "nosniff"
    assert int(at_once.headers["retry-after"]) >= 1
    assert (named.json["request_id"], named.headers["x-request-id"]) == ("a-1", "a-1")
    assert (named.json["trace_id"], named.headers["traceparent"]) == ("1" * 32, PARENT.decode())
    metrics = (await workspace.client.get("/metrics")).text
    assert 'requests_total{method="POST",route="/assign",status="503"} 5.0' in metrics


async def test_ambiguous_requests_get_one_answer_also_while_a_flood_is_refused(workspace: Workspace) -> None:
    request = _request(workspace.key)
    more = b"\r\nContent-Length: 0\r\nAuthorization: Bearer %b\r\n" % workspace.key.encode()
    async with serving(workspace.app, protocol_of(workspace.app)) as server:
        async with server.line() as line:
            line.send(request)
            assert (await line.answer()).status == 201
        _flood(workspace)
        for name, ambiguous in AMBIGUOUS.items():
            about = ambiguous.replace(b"GET /x", b"POST /assign").replace(b"POST /x", b"POST /assign")
            if b"-Length" not in about and b"-Encoding" not in about:
                about = about.replace(b"Host: a\r\n", b"Host: a" + more, 1)
            async with server.line() as line:
                line.send(request)
                assert (await line.answer()).status == 503
                line.send(about)
                line.send(request)
                # What is wrong with chunks shows when their request is refused already.
                assert (await line.answer()).status == (
                    503 if "chunk" in name and about.startswith(CHUNKED) else 400
                )
                assert await line.ended(), name
        for cut in (1, len(request) - len(LEAD), len(request) - 1):
            async with server.line() as line:
                line.send(request)
                assert (await line.answer()).status == 503
                line.send(request[:cut])
                await asyncio.sleep(0)
                line.send(request[cut:] + request + request)
                assert [(await line.answer()).status for _ in range(3)] == [503] * 3


async def test_calls_beyond_the_rate_are_refused_at_the_door(workspace: Workspace) -> None:
    async with workspace.pool.acquire() as connection:
        await connection.execute(SET_RATE, workspace.workspace_id)
    request, parsed = _request(workspace.key), list[bytes]()
    async with serving(workspace.app, _noting(workspace, parsed)) as server, server.line() as line:
        answers = []
        for _ in range(5):
            line.send(request)
            answers.append(await line.answer())
        assert [each.status for each in answers] == [201, 201, 429, 429, 429]
        assert answers[-1].headers.keys() == answers[-2].headers.keys()
        assert answers[-1].headers["ratelimit"] == '"key";r=0;t=1000'
        assert len(parsed) == 3


async def test_answers_of_the_door_are_those_of_the_app(workspace: Workspace) -> None:
    middleware = workspace.app.state.observed(workspace.app)
    ids = {"request_id": "a-1"}
    free = partial(RateLimited, "key", retry_after=7)
    problems = [
        Overloaded("Too many requests are waiting."),
        Overloaded('"request_id":"'),
        DatabaseUnavailable(),
        free(fields={"RateLimit": '"key";r=0;t=7'}),
        free(fields={"RateLimit": '"key";r=0;t=8'}),
        QuotaExceeded(5, retry_after=9),
    ]
    for problem in (*problems, *problems):
        for more in ((), ((b"traceparent", PARENT),)):
            scope: dict[str, Any] = {"method": "POST", "headers": [(b"x-request-id", b"a-1"), *more]}
            head, _, body = middleware.refuse(scope, problem).partition(b"\r\n\r\n")
            trace = {"trace_id": "1" * 32} if more else {}
            response = problem_response(problem, {**ids, "trace": trace})
            assert body == response.body
            headers = [line.split(b": ", 1) for line in head.split(b"\r\n")]
            own = [(b"x-request-id", b"a-1"), *more]
            expected = sorted([*response.raw_headers, *SECURITY_HEADERS, *own])
            assert sorted((name, value) for name, value in headers) == expected


async def test_callers_whose_requests_are_alike_are_told_apart(workspace: Workspace) -> None:
    async with workspace.pool.acquire() as connection:
        await connection.execute(SET_RATE, workspace.workspace_id)
    key = await workspace.issue_key("assign")
    first, other = _request(workspace.key), _request(key)
    unknown = first.replace(workspace.key.encode(), workspace.key.encode()[:-1] + b"_")
    async with serving(workspace.app, protocol_of(workspace.app)) as server, server.line() as line:
        statuses = []
        for request in (first, first, first, first, first, other, other, other, first, unknown, first):
            line.send(request)
            statuses.append((await line.answer()).status)
    assert statuses == [201, 201, 429, 429, 429, 201, 201, 201, 429, 401, 429]


async def test_refusals_keep_a_connection_until_nobody_asks_any_more(workspace: Workspace) -> None:
    opened = list[HttpProtocol]()
    protocol = protocol_of(workspace.app)

    class Patient(protocol):  # type: ignore[misc, valid-type]
        def __init__(self, *args: Any, **options: Any) -> None:
            super().__init__(*args, **options)
            self.timeout_keep_alive = GUARD
            opened.append(self)

    request = _request(workspace.key)
    async with serving(workspace.app, Patient) as server, server.line() as line:
        line.send(request)
        assert (await line.answer()).status == 201
        _flood(workspace)
        for _ in range(3):
            line.send(request)
            assert (await line.answer()).status == 503
        # The timer of the first answer ends, and the last one was sent later.
        opened[0].timeout_keep_alive_handler()
        line.send(request)
        assert (await line.answer()).status == 503
        opened[0].timeout_keep_alive = 0
        opened[0].timeout_keep_alive_handler()
        assert await line.ended()


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


def _request(key: str) -> bytes:
    head = (
        b"POST /assign HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nAuthorization: Bearer %b\r\n"
    )
    return head % key.encode() + b"Content-Length: %d\r\n\r\n" % len(LEAD) + LEAD


def _flood(workspace: Workspace) -> list[Coming]:
    """As many requests on their way as there may be."""
    dispatch: Dispatcher = workspace.app.state.dispatch
    many = int(MAX_SINGLE * WORKSPACE_SHARE)
    return [dispatch.coming(workspace.workspace_id, bulk=False) for _ in range(many)]


def _noting(workspace: Workspace, parsed: list[bytes]) -> type[HttpProtocol]:
    """The protocol, noting what goes through the parser."""
    protocol = protocol_of(workspace.app)

    class Noting(protocol):  # type: ignore[misc, valid-type]
        def _feed(self, data: bytes) -> None:
            parsed.append(data)
            super()._feed(data)

    return Noting
