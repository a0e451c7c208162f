"""Long computations go on slice by slice, one of them at a time, and give way to those who hurry."""

import asyncio
import heapq
import math
import time
from collections import OrderedDict, deque
from collections.abc import AsyncIterator, Callable, Generator, Hashable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, ParamSpec, TypeVar
from weakref import WeakKeyDictionary, WeakValueDictionary

from app.garbage import collect_young

Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")
Item = TypeVar("Item")

SLICE_SECONDS = 0.002
"""How long a computation may keep the thread of the event loop at once."""
HELD_SLICE_SECONDS = 0.008
"""The same for a computation that others wait for, because it holds a connection or a lock."""
GIVE_WAY = 3
"""While anybody hurries, long computations rest so many times as long as a slice took."""
SORTED_AT_ONCE = 1_000
"""Items that are sorted in one step."""
MAX_REST_SECONDS = 0.1
"""They rest no longer, whatever a step that cannot stop took."""


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


class LongWork:
    """The long computations of one event loop: one slice of one of them at a time, in their order.

    While anybody hurries, they all rest after a slice, `GIVE_WAY` times as long as it took. A single call
    needs several turns of the event loop, and would otherwise wait for a slice in each of them. So long
    computations keep a part of the time, however many calls there are, and have all of it without any.
    """

    def __init__(
        self, loop: asyncio.AbstractEventLoop, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._loop = loop
        self._clock = clock
        self._began = 0.0
        self._hurrying = 0
        self._hurried_at = -math.inf
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._next: asyncio.Handle | None = None
        self._rest: asyncio.TimerHandle | None = None

    @property
    def calm_seconds(self) -> float:
        """How long nobody has hurried: 0 while anybody does."""
        return 0.0 if self._hurrying else self._clock() - self._hurried_at

    async def next_slice(self, *, first: bool = False) -> None:
        """Wait for the next slice; with `first` it comes before those of all others."""
        slice_: asyncio.Future[None] = self._loop.create_future()
        if first:
            self._waiting.appendleft(slice_)
        else:
            self._waiting.append(slice_)
        if self._next is None:
            self._next = self._loop.call_soon(self._let_go_on)
        await slice_

    @contextmanager
    def hurry(self) -> Iterator[None]:
        """Within the block long computations rest after each slice."""
        self._hurrying += 1
        try:
            yield
        finally:
            self._hurrying -= 1
            self._hurried_at = self._clock()
            if self._rest is not None and not self._hurrying:
                self._rest.cancel()
                self._rest, self._next = None, self._loop.call_soon(self._let_go_on)

    def _let_go_on(self) -> None:
        self._next = self._rest = None
        while self._waiting:
            slice_ = self._waiting.popleft()
            if not slice_.done():
                # What waits for the future goes on between these two.
                self._next = self._loop.call_soon(self._begin)
                slice_.set_result(None)
                self._loop.call_soon(self._end)
                return

    def _begin(self) -> None:
        self._began = self._clock()

    def _end(self) -> None:
        collect_young()
        if self._hurrying:
            seconds = min(GIVE_WAY * (self._clock() - self._began), MAX_REST_SECONDS)
            self._next = self._rest = self._loop.call_later(seconds, self._let_go_on)
        else:
            self._next = self._loop.call_soon(self._let_go_on)


_long_work: WeakKeyDictionary[asyncio.AbstractEventLoop, LongWork] = WeakKeyDictionary()
"""Long computations belong to the event loop that they would hold up."""


def long_work() -> LongWork:
    """The long computations of the event loop that runs."""
    loop = asyncio.get_running_loop()
    found = _long_work.get(loop)
    if found is None:
        found = _long_work[loop] = LongWork(loop)
    return found


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
        await long_work().next_slice()
        self._since = time.monotonic()


async def paced(items: Iterable[Item]) -> AsyncIterator[Item]:
    """The items, for a long loop over them that gives way to others."""
    pace = Pace()
    for item in items:
        await pace.rest()
        yield item


async def in_order(items: Iterable[Item], key: Callable[[Item], Any]) -> list[Item]:
    """The items sorted by their keys, for tens of thousands of them: part by part, giving way to others."""
    parts: list[list[tuple[Any, int, Item]]] = [[]]
    async for item in paced(items):
        if len(parts[-1]) == SORTED_AT_ONCE:
            parts[-1].sort()
            parts.append([])
        # The number comes before the item, so that items are never compared.
        parts[-1].append((key(item), len(parts) * SORTED_AT_ONCE + len(parts[-1]), item))
    parts[-1].sort()
    return [item async for _, _, item in paced(heapq.merge(*parts))]


async def drained(items: list[Item]) -> AsyncIterator[Item]:
    """The items of a list that nobody needs any more. Each is freed when its turn is over."""
    pace = Pace()
    items.reverse()
    while items:
        await pace.rest()
        yield items.pop()


async def let_go(values: dict[Any, Any]) -> None:
    """Empty a large dictionary of large values. Freeing all of them at once would take long."""
    pace = Pace()
    while values:
        values.popitem()
        await pace.rest()


async def finished(steps: Generator[None, None, Result]) -> Result:
    """What a computation returns that can be stopped after each step. It gives way to others."""
    return await _result_of(steps, Pace())


class HeldPace:
    """The pace of a computation that holds a connection or a lock. Others go on after each slice.

    It does not rest, and its slices are longer, because others wait until it is over.
    """

    __slots__ = ("_since",)

    def __init__(self) -> None:
        self._since = time.monotonic()

    async def rest(self) -> None:
        """When a slice is over, let everything else in the process go on once."""
        if time.monotonic() - self._since >= HELD_SLICE_SECONDS:
            collect_young()
            await asyncio.sleep(0)
            self._since = time.monotonic()


async def held(items: Iterable[Item]) -> AsyncIterator[Item]:
    """The items, for a long loop over them that holds a connection or a lock."""
    pace = HeldPace()
    for item in items:
        await pace.rest()
        yield item


async def by_turns(steps: Generator[None, None, Result], pace: HeldPace | None = None) -> Result:
    """What a computation returns that can be stopped after each step, and holds a connection or a lock.

    Short computations one after another share a `pace`.
    """
    return await _result_of(steps, pace or HeldPace())


async def _result_of(steps: Generator[None, None, Result], pace: Pace | HeldPace) -> Result:
    while True:
        try:
            next(steps)
        except StopIteration as end:
            result: Result = end.value
            return result
        await pace.rest()


class Threads:
    """A few threads for computations that know no pauses. Too many of them would take most of the time.

    Of one name only one is under way, so that nobody waits behind the many of another.
    """

    def __init__(self, most: int) -> None:
        self._free = asyncio.Semaphore(most)
        self._turns: WeakValueDictionary[Hashable, asyncio.Lock] = WeakValueDictionary()

    async def run(
        self,
        name: Hashable,
        function: Callable[Parameters, Result],
        *args: Parameters.args,
        **kwargs: Parameters.kwargs,
    ) -> Result:
        """The result of a computation in a thread. Raises what it raises."""
        turn = self._turns.setdefault(name, asyncio.Lock())
        async with turn, self._free:
            return await asyncio.to_thread(function, *args, **kwargs)  # noqa: TID251


_few_threads: WeakKeyDictionary[asyncio.AbstractEventLoop, Threads] = WeakKeyDictionary()


def few_threads() -> Threads:
    """Two threads of the event loop that runs, for what is over soon and known to no workspace yet."""
    loop = asyncio.get_running_loop()
    found = _few_threads.get(loop)
    if found is None:
        found = _few_threads[loop] = Threads(2)
    return found
