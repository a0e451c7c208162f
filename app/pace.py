"""Long computations go on slice by slice, one slice of one of them in each turn of the event loop."""

import asyncio
import time
from collections import OrderedDict, deque
from collections.abc import Callable, Hashable
from weakref import WeakKeyDictionary

SLICE_SECONDS = 0.002
"""How long a computation may keep the thread of the event loop at once."""


class Turns:
    """Lets callers go on, a few in each turn of the event loop.

    At least `at_once` go on in a turn, and after a long one `per_second` for the time it took. Those of one
    name go on in their order. The names take turns, so that nobody waits behind the many of another.
    """

    def __init__(
        self, at_once: int, per_second: float = 0.0, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._at_once = self._left = at_once
        self._per_second = per_second
        self._clock = clock
        self._began = 0.0
        self._counting = False
        self._waiting: OrderedDict[Hashable, deque[asyncio.Future[None]]] = OrderedDict()

    async def take(self, name: Hashable = None) -> None:
        """Wait for a turn. The first few callers of a turn do not wait."""
        if not self._counting:
            self._counting, self._began = True, self._clock()
            asyncio.get_running_loop().call_soon(self._next)
        if self._left and not self._waiting:
            self._left -= 1
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(name, deque()).append(turn)
        await turn

    def _next(self) -> None:
        before, self._began = self._began, self._clock()
        self._left = max(self._at_once, int((self._began - before) * self._per_second))
        while self._waiting and self._left:
            name, waiting = next(iter(self._waiting.items()))
            turn = waiting.popleft()
            if waiting:
                self._waiting.move_to_end(name)
            else:
                del self._waiting[name]
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
