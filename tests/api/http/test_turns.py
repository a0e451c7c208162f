"""Requests begin a few at a time, in their order."""

import asyncio

from starlette.types import ASGIApp, Receive, Scope, Send

from app.api.http.turns import REQUESTS_PER_TURN, TakingTurns

MANY = 5 * REQUESTS_PER_TURN


async def test_each_turn_of_the_event_loop_lets_only_a_few_requests_in() -> None:
    began: list[int] = []
    app = TakingTurns(_noting(began))
    requests = [asyncio.create_task(_call(app, number)) for number in range(MANY)]
    per_turn = []
    while len(began) < MANY:
        before = len(began)
        await asyncio.sleep(0)
        per_turn.append(len(began) - before)
    assert max(per_turn) <= REQUESTS_PER_TURN
    assert began == list(range(MANY))
    await asyncio.gather(*requests)


async def test_canceled_request_does_not_hold_up_those_behind_it() -> None:
    began: list[int] = []
    app = TakingTurns(_noting(began))
    requests = [asyncio.create_task(_call(app, number)) for number in range(MANY)]
    await asyncio.sleep(0)
    for request in requests[REQUESTS_PER_TURN : 3 * REQUESTS_PER_TURN]:
        request.cancel()
    await asyncio.gather(*requests, return_exceptions=True)
    assert began == [*range(REQUESTS_PER_TURN), *range(3 * REQUESTS_PER_TURN, MANY)]


def _noting(began: list[int]) -> ASGIApp:
    async def app(scope: Scope, _receive: Receive, _send: Send) -> None:
        began.append(scope["number"])

    return app


async def _call(app: TakingTurns, number: int) -> None:
    await app({"number": number}, _receive, _send)


async def _receive() -> dict[str, object]:
    return {}


async def _send(_message: object) -> None:
    pass
