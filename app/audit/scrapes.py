"""Gauges for many scrapes at once."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Generic, TypeVar

Found = TypeVar("Found")


class Scrapes(Generic[Found]):
    """One scrape of a workspace is under way at a time, and those who come meanwhile share the next one.

    So any number of callers cost no more than one of them, and each gets what was true after they asked.
    """

    def __init__(self, scrape: Callable[[int], Awaitable[Found]]) -> None:
        self._scrape = scrape
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
        self._running[workspace_id] = self._next.pop(workspace_id)
        try:
            return await self._scrape(workspace_id)
        finally:
            del self._running[workspace_id]


def _retrieved(scrape: asyncio.Task[Any]) -> None:
    """The error is seen, even where everybody who asked has gone."""
    if not scrape.cancelled():
        scrape.exception()
