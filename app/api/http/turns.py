"""Requests begin a few at a time, so that those under way go on while others arrive in any number."""

import time
from collections.abc import Callable, Hashable, Iterable

from starlette.routing import BaseRoute
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.api.http.problems import problem_response
from app.api.http.routing import hot_routes
from app.pace import Turns

REQUESTS_PER_TURN = 4
"""Requests that begin in one turn of the event loop, at least."""
REQUESTS_PER_SECOND = 500
"""So many begin after a turn for each second of work in it. To begin them takes a fraction of that, or each
long turn would make the next one as long."""
PARTS_PER_TURN = 4
"""Parts of large bodies that are read in one turn of the event loop. A part has 64 KiB or some more."""


class TakingTurns:
    """Lets requests in, a few in each turn of the event loop.

    A commit group needs several turns: each statement of it is sent in one and answered in a later one. If
    every request that has arrived began at once, a flood of them would make each turn, and so every group, as
    long as it takes to answer them all.

    Bodies that come in many parts are read a few parts in each turn.

    Callers take turns, too, told apart by what they call with: the flood of one is not in the way of another.

    Of `routes`, those of the hot path refuse here what the door let pass without a look: mostly it comes from
    callers who call for the first time.
    """

    def __init__(
        self,
        app: ASGIApp,
        routes: Iterable[BaseRoute] = (),
        clock: Callable[[], float] = time.thread_time,
    ) -> None:
        self._app = app
        self._turns = Turns(REQUESTS_PER_TURN, REQUESTS_PER_SECOND, clock=clock)
        self._parts = Turns(PARTS_PER_TURN)
        self._hot = hot_routes(routes)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            caller = _caller(scope)
            await self._turns.take(caller)
            route = self._hot.get((scope["method"], scope["path"]))
            if route is not None and "caller" not in scope:
                problem = await route.refusal(scope)
                if problem is not None:
                    scope["route"] = route
                    await problem_response(problem, scope)(scope, receive, send)
                    return
            receive = self._in_turns(receive, caller)
        await self._app(scope, receive, send)

    def _in_turns(self, receive: Receive, caller: Hashable) -> Receive:
        """Receives the first part of a body at once, and each further one when it is its turn."""
        begun = False

        async def receive_part() -> Message:
            nonlocal begun
            if begun:
                await self._parts.take(caller)
            begun = True
            return await receive()

        return receive_part


def _caller(scope: Scope) -> Hashable:
    """The key, which nobody has checked yet. Webhooks have none, but a path of their own."""
    for name, value in scope["headers"]:
        if name == b"authorization":
            return bytes(value)
    return str(scope["path"])
