"""Long computations go on slice by slice, one slice of one of them in each turn of the event loop."""

import asyncio
import time
from collections import deque
from weakref import WeakKeyDictionary

SLICE_SECONDS = 0.002
"""How long a computation may keep the thread of the event loop at once."""


class Turns:
    """Lets callers go on in their order, a few in each turn of the event loop."""

    def __init__(self, at_once: int) -> None:
        self._at_once = self._left = at_once
        self._counting = False
        self._waiting: deque[asyncio.Future[None]] = deque()

    async def take(self) -> None:
        """Wait for a turn. The first few callers of a turn do not wait."""
        if not self._counting:
            self._counting = True
            asyncio.get_running_loop().call_soon(self._next)
        if self._left and not self._waiting:
            self._left -= 1
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        await turn

    def _next(self) -> None:
        self._left = self._at_once
        while self._waiting and self._left:
            turn = self._waiting.popleft()
            if not turn.done():
                self._left -= 1
                turn.set_result(None)
        self._counting = bool(self._waiting)
        if self._counting:
            asyncio.get_running_loop().call_soon(self._next)


_long_work: WeakKeyDictionary[asyncio.AbstractEventLoop, Turns] = WeakKeyDictionary()
"""The turns of long computations belong to the event loop that they would hold up."""


class Pace:
    """The pace of one long computation. It calls `rest` wherever it can stop."""

    __slots__ = ("_since",)

    def __init__(self) -> None:
        self._since = time.monotonic()

    async def rest(self) -> None:
        """When a slice is over, let everything else in the process go on; then wait for the next slice."""
        if time.monotonic() - self._since >= SLICE_SECONDS:
            await self.next_slice()

    async def next_slice(self) -> None:
        """Wait for the next slice at once, before a step that takes long and cannot stop."""
        loop = asyncio.get_running_loop()
        turns = _long_work.get(loop)
        if turns is None:
            turns = _long_work[loop] = Turns(1)
        await asyncio.sleep(0)
        await turns.take()
        self._since = time.monotonic()
