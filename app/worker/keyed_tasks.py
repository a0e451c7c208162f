"""Tasks that duties start and do not wait for."""

import asyncio
from collections.abc import Callable, Coroutine
from functools import partial

import structlog

from app.logs import to_json

Key = tuple[int, str]
"""A workspace, and what of it the task is for."""

log = structlog.get_logger()


class KeyedTasks:
    """Tasks of this process: at most one for each key, and `most` together.

    `stopped` is what the log says about one that fails.
    """

    def __init__(self, name: str, most: int, stopped: str) -> None:
        self._name = name
        self._most = most
        self._stopped = stopped
        self._tasks: dict[Key, asyncio.Task[None]] = {}

    def start(self, key: Key, work: Callable[[int, str], Coroutine[object, object, None]]) -> None:
        """Do this work for the key, unless a task is at it or there are enough."""
        if key in self._tasks or len(self._tasks) >= self._most:
            return
        task = self._tasks[key] = asyncio.create_task(work(*key), name=self._name)
        task.add_done_callback(partial(self._ended, key))

    async def close(self) -> None:
        """Cancel all tasks, and wait until they have ended."""
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _ended(self, key: Key, task: asyncio.Task[None]) -> None:
        self._tasks.pop(key, None)
        error = None if task.cancelled() else task.exception()
        if error is not None:
            log.warning(self._stopped, **to_json(error))
