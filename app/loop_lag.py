"""How late the event loop is: the time that other work kept it from a timer."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

INTERVAL_SECONDS = 0.25


@asynccontextmanager
async def measured(observe: Callable[[float], object]) -> AsyncIterator[None]:
    """While the block runs, `observe` gets the lag of the event loop in seconds, four times a second."""
    loop = asyncio.get_running_loop()
    timer: asyncio.TimerHandle

    def tick(due: float) -> None:
        nonlocal timer
        now = loop.time()
        observe(max(0.0, now - due))
        timer = loop.call_at(now + INTERVAL_SECONDS, tick, now + INTERVAL_SECONDS)

    first = loop.time() + INTERVAL_SECONDS
    timer = loop.call_at(first, tick, first)
    try:
        yield
    finally:
        timer.cancel()
