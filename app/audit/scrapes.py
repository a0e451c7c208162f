"""Gauges for many scrapes at once."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any, Generic, TypeVar

Found = TypeVar("Found")
MAX_REST_SECONDS = 0.3


class Scrapes(Generic[Found]):
    """One scrape of a workspace is under way at a time, and those who come meanwhile share the next one.

    So any number of callers cost no more than one of them, and each gets what was true after they asked.

    The next one of a workspace begins `rests` times as long after the one before as that took, but no later
    than after MAX_REST_SECONDS. So callers who ask again and again do not keep the process busy.
    """

    def __init__(
        self,
        scrape: Callable[[int], Awaitable[Found]],
        *,
        rests: float = 0.0,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._scrape = scrape
        self._rests = rests
        self._clock = clock
        self._sleep = sleep
        self._resting: dict[int, asyncio.Task[None]] = {}
        self._running: dict[int, asyncio.Task[Found]] = {}
        self._next: dict[int, asyncio.Task[Found]] = {}

    async def get(self, workspace_id: int) -> Found:
        """What a scrape finds of a workspace. Raises what the scrape raises."""
        shared = self._next.get(workspace_id)
        if shared is None:
            shared = asyncio.create_task(self._run(workspace_id), name="scrape")
            shared.add_done_callback(_retrieved)
            self._next[workspace_id] = shared
        return await asyncio.shield(shared)

    async def _run(self, workspace_id: int) -> Found:
        while (before := self._running.get(workspace_id)) is not None:
            await asyncio.wait([before])
        if (rest := self._resting.get(workspace_id)) is not None:
            await asyncio.wait([rest])
        self._running[workspace_id] = self._next.pop(workspace_id)
        began = self._clock()
        try:
            return await self._scrape(workspace_id)
        finally:
            del self._running[workspace_id]
            if self._rests:
                self._resting[workspace_id] = asyncio.create_task(self._rest(workspace_id, began))

    async def _rest(self, workspace_id: int, began: float) -> None:
        try:
            await self._sleep(min(self._rests * (self._clock() - began), MAX_REST_SECONDS))
        finally:
            del self._resting[workspace_id]


def _retrieved(scrape: asyncio.Task[Any]) -> None:
    """The error is seen, even where everybody who asked has gone."""
    if not scrape.cancelled():
        scrape.exception()
