"""Requests begin a few at a time, those of one caller in their order."""

import asyncio
from collections import Counter

from starlette.types import ASGIApp, Receive, Scope, Send

from app.api.http.turns import PARTS_PER_TURN, REQUESTS_PER_TURN, TakingTurns
from app.dispatch.dispatcher import Dispatcher
from app.dispatch.pending_jobs import MAX_SINGLE, WORKSPACE_SHARE
from app.errors import MAX_RETRY_AFTER
from app.pace import Turns
from tests.support.workspace import Workspace

JSON = {"content-type": "application/json"}
MANY = 5 * REQUESTS_PER_TURN


async def test_each_turn_of_the_event_loop_lets_only_a_few_requests_in() -> None:
    began: list[int] = []
    app = TakingTurns(_noting(began), clock=lambda: 0.0)
    requests = [asyncio.create_task(_call(app, number)) for number in range(MANY)]
    per_turn = []
    while len(began) < MANY:
        before = len(began)
        await asyncio.sleep(0)
        per_turn.append(len(began) - before)
    assert max(per_turn) <= REQUESTS_PER_TURN
    assert began == list(range(MANY))
    await asyncio.gather(*requests)


async def test_caller_does_not_wait_behind_the_many_requests_of_another() -> None:
    began: list[int] = []
    app = TakingTurns(_noting(began), clock=lambda: 0.0)
    requests = [asyncio.create_task(_call(app, number, b"greedy")) for number in range(MANY)]
    await asyncio.sleep(0)
    requests.append(asyncio.create_task(_call(app, MANY, b"modest")))
    await asyncio.gather(*requests)
    assert began.index(MANY) <= 3 * REQUESTS_PER_TURN


async def test_webhooks_take_turns_by_their_paths() -> None:
    began: list[int] = []
    app = TakingTurns(_noting(began), clock=lambda: 0.0)
    requests = [asyncio.create_task(_call(app, number, path="/in/1")) for number in range(MANY)]
    await asyncio.sleep(0)
    requests.append(asyncio.create_task(_call(app, MANY, path="/in/2")))
    await asyncio.gather(*requests)
    assert began.index(MANY) <= 3 * REQUESTS_PER_TURN


async def test_more_go_on_after_a_turn_that_took_long() -> None:
    now, went_on = 0.0, Counter[float]()
    turns = Turns(1, per_second=10, clock=lambda: now)

    async def caller() -> None:
        await turns.take()
        went_on[now] += 1

    callers = [asyncio.create_task(caller()) for _ in range(20)]
    while len(went_on) < 3:
        await asyncio.sleep(0)
        now += 0.5
    assert list(went_on.values()) == [1, 5, 5]
    await asyncio.gather(*callers)


async def test_canceled_request_does_not_hold_up_those_behind_it() -> None:
    began: list[int] = []
    app = TakingTurns(_noting(began), clock=lambda: 0.0)
    requests = [asyncio.create_task(_call(app, number)) for number in range(MANY)]
    await asyncio.sleep(0)
    for request in requests[REQUESTS_PER_TURN : 3 * REQUESTS_PER_TURN]:
        request.cancel()
    await asyncio.gather(*requests, return_exceptions=True)
    assert began == [*range(REQUESTS_PER_TURN), *range(3 * REQUESTS_PER_TURN, MANY)]


async def test_large_bodies_are_read_a_few_parts_in_each_turn() -> None:
    read: list[object] = []

    async def app(scope: Scope, receive: Receive, _send: Send) -> None:
        for _ in range(5):
            await receive()
            read.append(scope["number"])

    turns = TakingTurns(app, clock=lambda: 0.0)
    requests = [asyncio.create_task(_call(turns, number, b"greedy")) for number in range(REQUESTS_PER_TURN)]
    requests.append(asyncio.create_task(_call(turns, 100, b"modest")))
    most = 0
    while not all(each.done() for each in requests):
        before = len(read)
        await asyncio.sleep(0)
        first = sum(1 for number in set(read[before:]) if number not in read[:before])
        most = max(most, len(read) - before - first)
    assert most <= PARTS_PER_TURN
    assert read.index(100, read.index(100) + 1) < len(read) / 2


async def test_flood_is_refused_before_the_framework_looks_at_it(workspace: Workspace) -> None:
    """Many are on their way already; the body, which is none, is not looked at."""
    dispatch: Dispatcher = workspace.app.state.dispatch
    for _ in range(int(MAX_SINGLE * WORKSPACE_SHARE)):
        dispatch.coming(workspace.workspace_id, bulk=False)
    client = workspace.client
    refused = await client.post("/assign", content=b"{", headers=JSON)
    page = await client.get("/teams")
    batch = await client.post("/assign/batch", content=b"{", headers=JSON)
    metrics = (await client.get("/metrics")).text
    assert (refused.status_code, refused.json()["code"]) == (503, "overloaded")
    assert refused.json()["request_id"] == refused.headers["x-request-id"]
    assert 1 <= int(refused.headers["retry-after"]) <= MAX_RETRY_AFTER
    assert refused.headers["x-content-type-options"] == "nosniff"
    assert (page.status_code, batch.status_code) == (200, 400)
    assert 'method="POST",route="/assign",status="503"' in metrics


def _noting(began: list[int]) -> ASGIApp:
    async def app(scope: Scope, _receive: Receive, _send: Send) -> None:
        began.append(scope["number"])

    return app


async def _call(app: TakingTurns, number: int, key: bytes = b"", path: str = "/assign") -> None:
    headers = [(b"authorization", key)] if key else []
    scope = {"type": "http", "method": "POST", "path": path, "headers": headers, "number": number}
    await app(scope, _receive, _send)


async def _receive() -> dict[str, object]:
    return {}


async def _send(_message: object) -> None:
    pass
