"""Tasks that run while something else does."""

import asyncio
from collections import OrderedDict
from collections.abc import AsyncIterator, Coroutine, Hashable
from contextlib import asynccontextmanager, suppress
from typing import Any, Generic, TypeVar

Basis = TypeVar("Basis")
Value = TypeVar("Value")


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


class KeptTasks(Generic[Basis, Value]):
    """Tasks that take long, kept for all who ask the same, each with the basis on which it began.

    Those who ask at once share one task. The least recently used ones are dropped.
    """

    def __init__(self, name: str, most: int) -> None:
        self._name = name
        self._most = most
        self._kept: OrderedDict[Hashable, tuple[Basis, asyncio.Task[Value]]] = OrderedDict()

    def find(self, key: Hashable) -> tuple[Basis, asyncio.Task[Value]] | None:
        """The task for a key, finished or under way, unless it has failed."""
        kept = self._kept.get(key)
        if kept is None or has_failed(kept[1]):
            return None
        self._kept.move_to_end(key)
        return kept

    def begin(
        self, key: Hashable, basis: Basis, work: Coroutine[object, object, Value]
    ) -> asyncio.Task[Value]:
        """Begin a task and keep it."""
        task = asyncio.create_task(work, name=self._name)
        task.add_done_callback(has_failed)
        self._kept[key] = (basis, task)
        self._kept.move_to_end(key)
        while len(self._kept) > self._most:
            self._kept.popitem(last=False)
        return task

    def drop(self, key: Hashable, task: asyncio.Task[Value]) -> None:
        """Keep this task no longer."""
        if (kept := self._kept.get(key)) is not None and kept[1] is task:
            del self._kept[key]
