"""Tasks that run while something else does."""

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager, suppress
from typing import Any


@asynccontextmanager
async def in_background(work: Coroutine[object, object, None], name: str) -> AsyncIterator[None]:
    """Run `work` within the block. At the end of the block it is canceled, and has ended."""
    task = asyncio.create_task(work, name=name)
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


def has_failed(task: asyncio.Task[Any]) -> bool:
    """Whether a task ended without a result. Asking marks its error as seen, so asyncio logs nothing.

    As a callback of the task it does so even where nobody waits for it any more.
    """
    return task.done() and (task.cancelled() or task.exception() is not None)
