"""Large work of one workspace is done one after the other, and only a few at once in a process."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import ParamSpec, TypeVar
from weakref import WeakKeyDictionary, WeakValueDictionary

from app.errors import Overloaded

Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")

AT_ONCE = 2
WAIT_SECONDS = 30.0
LONG_BYTES = 8 * 1024
"""A delivery of so many bytes is read in a thread. Most have a few kilobytes, but one can hold thousands of
events."""


class _Taken:
    """The places of one event loop."""

    def __init__(self) -> None:
        self.free = asyncio.Semaphore(AT_ONCE)
        self.turns: WeakValueDictionary[int, asyncio.Lock] = WeakValueDictionary()


class Places:
    """Who does a kind of work now. The others wait here, where they hold no connection of the database."""

    def __init__(self, refusal: str) -> None:
        self._refusal = refusal
        self._taken: WeakKeyDictionary[asyncio.AbstractEventLoop, _Taken] = WeakKeyDictionary()

    @asynccontextmanager
    async def take(self, workspace_id: int) -> AsyncIterator[None]:
        """Work for the workspace within the block. Raises Overloaded after a long wait."""
        taken = self._taken.setdefault(asyncio.get_running_loop(), _Taken())
        turn = taken.turns.setdefault(workspace_id, asyncio.Lock())
        async with AsyncExitStack() as stack:
            try:
                async with asyncio.timeout(WAIT_SECONDS):
                    await stack.enter_async_context(turn)
                    await stack.enter_async_context(taken.free)
            except TimeoutError:
                raise Overloaded(self._refusal) from None
            yield

    async def run(
        self,
        workspace_id: int,
        function: Callable[Parameters, Result],
        *args: Parameters.args,
        **kwargs: Parameters.kwargs,
    ) -> Result:
        """The result of a computation of the workspace in a thread.

        Each thread takes time from the event loop. Raises what it raises, and Overloaded after a long wait.
        """
        async with self.take(workspace_id):
            return await asyncio.to_thread(function, *args, **kwargs)  # noqa: TID251

    async def run_if_long(
        self,
        length: int,
        workspace_id: int,
        function: Callable[Parameters, Result],
        *args: Parameters.args,
        **kwargs: Parameters.kwargs,
    ) -> Result:
        """The same for what reads a delivery of this length. A short one is read at once."""
        if length < LONG_BYTES:
            return function(*args, **kwargs)
        return await self.run(workspace_id, function, *args, **kwargs)


REPORTS = Places("Other reports are being made.")
LISTS = Places("Other lists are being compared.")
TABLES = Places("Other tables are being read or compared.")
EXPLANATIONS = Places("Other decisions are being explained.")
SHORT_PLANS = Places("Other plans are being checked.")
LONG_PLANS = Places("Other long plans are being checked.")
FORMS = Places("Other long forms are being read.")
WEBHOOKS = Places("Other long deliveries are being read.")
