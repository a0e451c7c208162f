"""Reports of one workspace are made one after the other, and only a few at once in a process."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from weakref import WeakKeyDictionary, WeakValueDictionary

from app.errors import Overloaded

MAX_AT_ONCE = 2
WAIT_SECONDS = 30.0


class Places:
    """Who makes a report now. The others wait here, where they hold no connection of the database."""

    def __init__(self) -> None:
        self._free = asyncio.Semaphore(MAX_AT_ONCE)
        self._turns: WeakValueDictionary[int, asyncio.Lock] = WeakValueDictionary()

    @asynccontextmanager
    async def take(self, workspace_id: int) -> AsyncIterator[None]:
        """Make a report of the workspace within the block. Raises Overloaded after a long wait."""
        turn = self._turns.setdefault(workspace_id, asyncio.Lock())
        async with AsyncExitStack() as stack:
            try:
                async with asyncio.timeout(WAIT_SECONDS):
                    await stack.enter_async_context(turn)
                    await stack.enter_async_context(self._free)
            except TimeoutError:
                raise Overloaded("Other reports are being made.") from None
            yield


_places: WeakKeyDictionary[asyncio.AbstractEventLoop, Places] = WeakKeyDictionary()


def places() -> Places:
    """The places of the event loop that runs."""
    return _places.setdefault(asyncio.get_running_loop(), Places())
