"""The lag of the event loop is what other work kept a timer waiting."""

import asyncio
import time

from app import loop_lag

BLOCKED_SECONDS = 3 * loop_lag.INTERVAL_SECONDS


async def test_work_that_holds_the_event_loop_shows_as_lag() -> None:
    seen: asyncio.Queue[float] = asyncio.Queue()
    async with loop_lag.measured(seen.put_nowait):
        time.sleep(BLOCKED_SECONDS)  # noqa: ASYNC251 - this is what the lag tells of
        lag = await seen.get()
    assert lag >= BLOCKED_SECONDS - loop_lag.INTERVAL_SECONDS
