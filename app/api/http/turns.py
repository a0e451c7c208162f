"""Requests begin a few at a time, so that those under way go on while others arrive in any number."""

import asyncio
from collections import deque

from starlette.types import ASGIApp, Receive, Scope, Send

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
        self._left = REQUESTS_PER_TURN
        self._counting = False
        self._waiting: deque[asyncio.Future[None]] = deque()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if not self._counting:
            self._counting = True
            asyncio.get_running_loop().call_soon(self._next_turn)
        if self._left and not self._waiting:
            self._left -= 1
        else:
            turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiting.append(turn)
            await turn
        await self._app(scope, receive, send)

    def _next_turn(self) -> None:
        self._left = REQUESTS_PER_TURN
        while self._waiting and self._left:
            turn = self._waiting.popleft()
            if not turn.done():
                self._left -= 1
                turn.set_result(None)
        self._counting = bool(self._waiting)
        if self._counting:
            asyncio.get_running_loop().call_soon(self._next_turn)
