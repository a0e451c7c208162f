"""The worker: releases held leads when their time has come.

Every process has a worker, and none is in charge. Due leads are found without a lock and dispatched as jobs
like any other; the job checks again under the workspace lock. When two workers find the same lead, the second
release has no effect. What one process does not finish, another does, or the same one after a restart.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress

import structlog

from app.dispatch.dispatcher import Dispatcher
from app.dispatch.jobs.base import Reply
from app.dispatch.jobs.release import Release
from app.errors import Problem
from app.logs import to_json
from app.store import workspaces
from app.store.connection.pool import Pool, transaction
from app.store.leads import held
from app.store.leads.held import DueRelease

SLICE = 64
"""Leads released at once, before other requests and workspaces get their turn."""
YIELD_SECONDS = 0.01
"""The pause between two workspaces, so that many workspaces do not keep the process busy."""
MAX_PAUSE_SECONDS = 15.0
RETRY_SECONDS = 60.0
"""A lead that could not be released is retried after this time. It does not delay other leads."""
LAST_WRITE_SECONDS = 2.0
"""How long the names of attributes may take to be stored at the end. Without them a finding is missed."""
MAX_DEFERRED = 1000

log = structlog.get_logger()


class Worker:
    """Releases due leads, workspace by workspace. While there are none it rests for `every` seconds."""

    def __init__(self, pool: Pool, dispatch: Dispatcher, every: float) -> None:
        self._pool = pool
        self._dispatch = dispatch
        self._every = every
        self._deferred: dict[str, float] = {}

    async def run(self) -> None:
        """Run until canceled. Without a database it rests longer and longer, and logs that once."""
        failures = 0
        while True:
            try:
                busy = await self._round()
                if failures:
                    log.info("worker resumed")
                failures = 0
            except Exception as error:
                busy, failures = False, failures + 1
                if failures == 1:
                    log.warning("worker waits", **to_json(error))
            if not busy:
                await asyncio.sleep(min(MAX_PAUSE_SECONDS, self._every * 2 ** min(failures, 10)))

    async def _round(self) -> bool:
        """Visit every workspace once. Returns whether any had more than one slice of work."""
        busy = False
        for workspace_id in await workspaces.list_workspace_ids(self._pool):
            busy |= await self._release(workspace_id)
            await asyncio.sleep(YIELD_SECONDS)
        await self._dispatch.attribute_names.write()
        return busy

    async def _release(self, workspace_id: int) -> bool:
        """Release one slice of due leads. Returns whether there may be more to release."""
        async with transaction(self._pool, workspace_id, read_only=True) as connection:
            due = await held.find_due_releases(connection, workspace_id, SLICE, self._deferred_now())
        if not due:
            return False
        jobs = [Release(lead_id=each.lead_id, assignment_id=each.assignment_id) for each in due]
        replies = await self._dispatch.ask_all(workspace_id, jobs)
        self._defer_failed(due, replies)
        released = any(isinstance(reply, Reply) and reply.status == 201 for reply in replies)
        return released and len(due) == SLICE

    def _deferred_now(self) -> list[str]:
        now = time.monotonic()
        self._deferred = {id_: until for id_, until in self._deferred.items() if until > now}
        return list(self._deferred)

    def _defer_failed(self, due: Sequence[DueRelease], replies: Sequence[Reply | Problem]) -> None:
        """Defer leads that failed on their own. After a 503 a lead is retried at once."""
        until = time.monotonic() + RETRY_SECONDS
        for each, reply in zip(due, replies, strict=True):
            failed = isinstance(reply, Problem) and reply.status != 503
            if failed and len(self._deferred) < MAX_DEFERRED:
                self._deferred[each.assignment_id] = until


@asynccontextmanager
async def working(pool: Pool, dispatch: Dispatcher, every: float) -> AsyncIterator[None]:
    """Run a worker while the service runs. At the end, a release under way is committed or left to others."""
    task = asyncio.create_task(Worker(pool, dispatch, every).run(), name="worker")
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        with suppress(Exception):
            await asyncio.wait_for(dispatch.attribute_names.write(), LAST_WRITE_SECONDS)
