"""What is shown to Prometheus: on the API the process and one workspace, on the metrics port several.

A scrape waits for the database for a moment only. What could not be read is absent.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from concurrent.futures import CancelledError
from contextlib import asynccontextmanager, suppress
from typing import Final

from app.audit.gauges import read_scrape
from app.audit.scrapes import Scrapes
from app.background import in_background
from app.metrics.counters import Tally
from app.metrics.exposition import SHARED_PORT, WorkspaceMetrics, expose
from app.metrics.process import Metrics
from app.pace import Threads
from app.store import workspaces
from app.store.connection.pool import CONNECTION_ERRORS, Pool

READ_SECONDS: Final = 0.7
"""How long a scrape waits for the database."""
RESTS: Final = 4
"""The API spends a fifth of its time on the scrapes of a workspace whose callers come again and again."""
WAIT_SECONDS: Final = 0.9
"""How long the metrics port waits for the event loop, which reads the workspaces."""
FORGET_SECONDS: Final = 600.0
"""How often the counters of deleted workspaces are dropped."""
MAX_UNNAMED = 20
"""Up to so many workspaces are shown on the metrics port without being named; of more, none is."""


class Exporter:
    """The metrics of a process, with those of its workspaces while there is a pool.

    `named` are the workspaces that the metrics port shows, None for all if they are few.
    """

    def __init__(self, metrics: Metrics, named: Sequence[str] | None) -> None:
        self._metrics = metrics
        self._named = named
        self._pool: Pool | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._scrapes = Scrapes(self._scrape)
        self._texts = Scrapes(self._text, rests=RESTS)
        self._threads = Threads(1)
        self._names: Mapping[int, str] = {}
        self._counted: dict[int, Tally] = {}

    @asynccontextmanager
    async def reading(self, pool: Pool) -> AsyncIterator[None]:
        """Within the block, in the event loop that runs, workspaces are read from this pool."""
        self._pool, self._loop = pool, asyncio.get_running_loop()
        self._metrics.pool_use = pool.use
        try:
            async with in_background(self._forget_in_turn(), "counters of deleted workspaces"):
                yield
        finally:
            self._loop = None

    async def _forget_in_turn(self) -> None:
        while True:
            await asyncio.sleep(FORGET_SECONDS)
            with suppress(*CONNECTION_ERRORS):
                await self.forget_deleted()

    async def forget_deleted(self) -> None:
        """Drop the counters of workspaces that were deleted. Raises one of CONNECTION_ERRORS."""
        counted = self._metrics.counted_workspaces()
        if self._pool is None or not counted:
            return
        gone = set(counted) - await workspaces.find_existing(self._pool, READ_SECONDS, counted)
        self._metrics.forget_workspaces(gone)
        for workspace_id in gone:
            self._counted.pop(workspace_id, None)

    async def of_workspace(self, workspace_id: int) -> bytes:
        """What a key of the workspace sees. Raises TimeoutError, or what reading it raises."""
        return await self._texts.get(workspace_id)

    async def _text(self, workspace_id: int) -> bytes:
        async with asyncio.timeout(READ_SECONDS):
            found = await self._scrapes.get(workspace_id)
        self._metrics.database_answered(True)
        text = await self._threads.run(workspace_id, expose, self._metrics.registry, [found])
        return SHARED_PORT + text

    async def of_process(self) -> bytes:
        """What a caller of the API sees while the database does not answer."""
        self._metrics.database_answered(False)
        return SHARED_PORT + await self._threads.run(None, expose, self._metrics.registry, [])

    def expose(self) -> bytes:
        """What the metrics port shows. It is called in another thread than that of the event loop."""
        found: list[WorkspaceMetrics] = []
        unread, loop = 0, self._loop
        if loop is not None:
            reading = asyncio.run_coroutine_threadsafe(self._read(), loop)
            try:
                found, unread = reading.result(WAIT_SECONDS)
            except (TimeoutError, CancelledError):
                reading.cancel()
        return expose(self._metrics.registry, found, unread)

    async def _read(self) -> tuple[list[WorkspaceMetrics], int]:
        """The workspaces of the metrics port, and how many of them could not be read in time.

        Those that could not have counters only, if they had any before.
        """
        until = time.monotonic() + READ_SECONDS
        names = await self._list(READ_SECONDS / 2)
        tried = [await self._try(workspace_id, name, until) for workspace_id, name in names.items()]
        found = [each for each in tried if each is not None]
        return found, len(tried) - sum(each.gauges is not None for each in found)

    async def _list(self, seconds: float) -> Mapping[int, str]:
        """The workspaces to show; without an answer of the database, those of the scrape before."""
        if self._pool is None:
            return {}
        try:
            if self._named is None:
                names = await workspaces.list_names(self._pool, seconds, MAX_UNNAMED + 1)
                self._names = names if len(names) <= MAX_UNNAMED else {}
            else:
                self._names = await workspaces.find_ids(self._pool, seconds, self._named)
        except Exception:
            self._metrics.database_answered(False)
        else:
            self._metrics.database_answered(True)
        return self._names

    async def _try(self, workspace_id: int, name: str, until: float) -> WorkspaceMetrics | None:
        try:
            async with asyncio.timeout(until - time.monotonic()):
                return await self._scrapes.get(workspace_id)
        except Exception:
            counted = self._counted.get(workspace_id)
            return WorkspaceMetrics(name, counted, None) if counted else None

    async def _scrape(self, workspace_id: int) -> WorkspaceMetrics:
        if self._pool is None:
            raise TimeoutError
        counters = self._metrics.counters_of(workspace_id)
        pending = counters.take_pending()
        try:
            found = await read_scrape(self._pool, workspace_id, pending)
        except BaseException:
            counters.put_back(pending)
            raise
        counted = counters.settle(pending, found.names, found.gauges.plan_version, found.teams)
        self._counted[workspace_id] = counted
        return WorkspaceMetrics(found.workspace, counted, found.gauges)
