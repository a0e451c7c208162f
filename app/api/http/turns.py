"""Requests begin a few at a time, so that those under way go on while others arrive in any number."""

from starlette.types import ASGIApp, Receive, Scope, Send

from app.pace import Turns

REQUESTS_PER_TURN = 4
"""Requests that begin in one turn of the event loop."""


class TakingTurns:
    """Lets requests in, `REQUESTS_PER_TURN` in each turn of the event loop and in their order.

    A commit group needs several turns: each statement of it is sent in one and answered in a later one. If
    every request that has arrived began at once, a flood of them would make each turn, and so every group, as
    long as it takes to answer them all.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._turns = Turns(REQUESTS_PER_TURN)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._turns.take()
        await self._app(scope, receive, send)
