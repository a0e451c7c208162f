"""Long computations take turns with everything else in the process, and with one another."""

import asyncio
import time

from app.pace import SLICE_SECONDS, Pace

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


async def _compute(name: str, slices: list[str]) -> None:
    pace = Pace()
    for _ in range(STEPS):
        slices.append(name)
        time.sleep(SLICE_SECONDS)  # noqa: ASYNC251 - stands for a computation
        await pace.rest()
