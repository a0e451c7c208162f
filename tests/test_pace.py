"""Long computations take turns with everything else in the process, and give way to those who hurry."""

import asyncio
import threading
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Coroutine, Generator
from contextlib import ExitStack
from typing import cast

from app.pace import (
    GIVE_WAY,
    HELD_SLICE_SECONDS,
    MAX_REST_SECONDS,
    SLICE_SECONDS,
    SORTED_AT_ONCE,
    LongWork,
    Pace,
    Threads,
    by_turns,
    drained,
    in_order,
    let_go,
    long_work,
)

STEPS = 12


async def test_one_slice_of_one_computation_runs_in_each_turn_of_the_event_loop() -> None:
    slices: list[str] = []
    computations = [asyncio.create_task(_compute(name, slices)) for name in "abc"]
    most = 0
    while not all(each.done() for each in computations):
        before = len(slices)
        await asyncio.sleep(0)
        most = max(most, len(slices) - before) if before >= len("abc") else 0
    assert most == 1
    assert slices[3:9] == list("abcabc")


async def test_computation_that_is_canceled_holds_nobody_up() -> None:
    slices: list[str] = []
    kept, canceled = (asyncio.create_task(_compute(name, slices)) for name in "ab")
    await asyncio.sleep(0)
    canceled.cancel()
    await kept
    assert slices.count("a") == STEPS


async def test_long_work_rests_in_proportion_to_its_slice_while_somebody_hurries() -> None:
    office = _Office()
    with office.work.hurry():
        office.begin("a", seconds=0.5 * MAX_REST_SECONDS / GIVE_WAY)
        await office.settle()
        assert (office.slices, office.rests) == (["a"], [0.5 * MAX_REST_SECONDS])
        office.begin("b", seconds=MAX_REST_SECONDS)
        await office.settle()
        assert office.slices == ["a"]
        office.rest_is_over()
        await office.settle()
        assert office.slices == ["a", "b"]
        assert office.rests == [0.5 * MAX_REST_SECONDS, MAX_REST_SECONDS]


async def test_long_work_has_a_part_of_the_time_however_many_hurry() -> None:
    office = _Office()
    with ExitStack() as calls:
        for _ in range(100):
            calls.enter_context(office.work.hurry())
        for number in range(STEPS):
            office.begin(str(number), seconds=SLICE_SECONDS)
            await office.settle()
            office.rest_is_over()
    worked, rested = STEPS * SLICE_SECONDS, sum(office.rests)
    assert len(office.slices) == STEPS
    assert worked / (worked + rested) > 0.99 / (1 + GIVE_WAY)


async def test_long_work_goes_on_at_once_when_nobody_hurries_any_more() -> None:
    office = _Office()
    with office.work.hurry():
        with office.work.hurry():
            office.begin("a", seconds=SLICE_SECONDS)
            office.begin("b", seconds=SLICE_SECONDS)
            await office.settle()
        await office.settle()
        assert office.slices == ["a"]
    await office.settle()
    assert office.slices == ["a", "b"]
    assert office.resting is None


async def test_long_work_does_not_rest_while_nobody_hurries() -> None:
    office = _Office()
    for name in "abc":
        office.begin(name, seconds=SLICE_SECONDS)
    await office.settle()
    assert (office.slices, office.rests) == (["a", "b", "c"], [])


async def test_all_computations_of_an_event_loop_share_its_time() -> None:
    assert long_work() is long_work()


async def test_a_few_computations_run_in_threads_and_one_of_each_name() -> None:
    threads, running = Threads(2), Counter[str]()
    go_on, begun = threading.Event(), asyncio.Queue[str]()
    loop = asyncio.get_running_loop()

    def compute(name: str) -> str:
        running[name] += 1
        loop.call_soon_threadsafe(begun.put_nowait, name)
        go_on.wait(60)
        return name

    tasks = [asyncio.create_task(threads.run(name, compute, name)) for name in "aaabc"]
    assert {await begun.get(), await begun.get()} == {"a", "b"}
    for _ in range(20):
        await asyncio.sleep(0)
    assert running == {"a": 1, "b": 1}
    go_on.set()
    assert await asyncio.gather(*tasks) == list("aaabc")
    assert await begun.get() in "ac"


async def test_error_of_a_computation_in_a_thread_reaches_its_caller_and_nobody_else() -> None:
    threads = Threads(1)
    failed, fine = await asyncio.gather(
        threads.run("a", int, "x"), threads.run("a", int, "7"), return_exceptions=True
    )
    assert (type(failed), fine) == (ValueError, 7)


class _Timers:
    """Stands for an event loop: the running one, but its timers end when the test says so."""

    def __init__(self) -> None:
        running = asyncio.get_running_loop()
        self.call_soon, self.create_future = running.call_soon, running.create_future
        self.rests: list[float] = []
        self.timer: tuple[asyncio.TimerHandle, Callable[[], None]] | None = None

    def call_later(self, delay: float, callback: Callable[[], None]) -> asyncio.TimerHandle:
        self.rests.append(delay)
        handle = asyncio.TimerHandle(0.0, callback, (), asyncio.get_running_loop())
        self.timer = (handle, callback)
        return handle


class _Office:
    """Long work with a clock that only its slices move."""

    def __init__(self) -> None:
        self._now = 0.0
        self._loop = _Timers()
        self._tasks: list[asyncio.Task[None]] = []
        self.work = LongWork(cast(asyncio.AbstractEventLoop, self._loop), clock=lambda: self._now)
        self.slices: list[str] = []

    @property
    def rests(self) -> list[float]:
        return self._loop.rests

    @property
    def resting(self) -> Callable[[], None] | None:
        """What ends the rest that is under way."""
        timer = self._loop.timer
        return None if timer is None or timer[0].cancelled() else timer[1]

    def begin(self, name: str, *, seconds: float) -> None:
        """A computation of one slice that takes so long."""

        async def compute() -> None:
            await self.work.next_slice()
            self.slices.append(name)
            self._now += seconds

        self._tasks.append(asyncio.create_task(compute()))

    def rest_is_over(self) -> None:
        go_on, self._loop.timer = self.resting, None
        assert go_on is not None
        go_on()

    async def settle(self) -> None:
        """Let everything happen that waits for no timer."""
        for _ in range(20):
            await asyncio.sleep(0)


async def _compute(name: str, slices: list[str]) -> None:
    pace = Pace()
    for _ in range(STEPS):
        slices.append(name)
        time.sleep(SLICE_SECONDS)  # noqa: ASYNC251 - stands for a computation
        await pace.rest()


async def test_items_are_sorted_part_by_part_and_equal_ones_keep_their_order() -> None:
    keys = [(7919 * number) % 1000 for number in range(3 * SORTED_AT_ONCE + 5)]
    items = [(key, {"number": number}) for number, key in enumerate(keys)]
    assert await in_order(iter(items), lambda item: item[0]) == sorted(items, key=lambda item: item[0])
    assert await in_order([], str) == []


async def test_others_go_on_while_many_items_are_sorted_or_let_go() -> None:
    def key(item: int) -> int:
        time.sleep(SLICE_SECONDS)
        return -item

    assert await _turns_of_others(in_order(range(STEPS), key)) >= STEPS - 1
    items: list[object] = [_Slow() for _ in range(STEPS)]
    assert await _turns_of_others(_each(drained(items))) >= STEPS - 1
    assert items == []
    values = {number: _Slow() for number in range(STEPS)}
    assert await _turns_of_others(let_go(values)) >= STEPS - 1
    assert values == {}


async def _each(items: AsyncIterator[object]) -> None:
    async for _ in items:
        pass


class _Slow:
    """A large value, which takes long to free."""

    def __del__(self) -> None:
        time.sleep(SLICE_SECONDS)


async def _turns_of_others(computation: Coroutine[None, None, object]) -> int:
    """How often others went on while something was computed."""
    turns, task = 0, asyncio.create_task(computation)
    while not task.done():
        await asyncio.sleep(0)
        turns += 1
    await task
    return turns


async def test_others_go_on_after_each_slice_of_what_holds_a_lock() -> None:
    turns = []

    async def others() -> None:
        while True:
            turns.append("others")
            await asyncio.sleep(0)

    def steps() -> Generator[None, None, str]:
        for number in range(3):
            time.sleep(HELD_SLICE_SECONDS)
            turns.append(str(number))
            yield
        return "result"

    beside = asyncio.create_task(others())
    assert await by_turns(steps()) == "result"
    beside.cancel()
    assert turns == ["0", "others", "1", "others", "2", "others"]
