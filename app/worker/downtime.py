"""Time without a worker: what came due meanwhile waits until callers have reported what happened.

A gap is more than two minutes of the workspace's time without any worker. After it no clock fires until no
event has come for two minutes and none of a CRM is left to look at, or 15 minutes have passed. A worker that
was there all the time knows that a jump of the clock is no gap.
"""

import time
from datetime import datetime, timedelta

from app.dispatch.jobs.fire_clock import Gap
from app.store.connection.pool import Pool, transaction
from app.store.crm import inbox
from app.store.life import worker_runs
from app.store.life.worker_runs import WorkerRun

GAP = timedelta(minutes=2)
QUIET = timedelta(minutes=2)
"""After so much time without an event, callers have reported what they had to."""
REAL_QUIET_SECONDS = 5.0
"""The same where the time of the workspace is set, and may stand still."""
LONGEST_WAIT = timedelta(minutes=15)
NOTED_EVERY = timedelta(seconds=30)


class Downtime:
    """Notes the runs of this worker, and finds gaps."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._seen: dict[int, float] = {}
        self._resumed: dict[tuple[int, datetime], float] = {}

    def must_note(self, workspace_id: int, run: WorkerRun) -> bool:
        """Whether this run must be written, or comes after a gap."""
        if run.pending and (self._was_away(workspace_id, run) or _is_stale(run)):
            return True
        self._seen[workspace_id] = time.monotonic()
        return False

    async def is_over(self, workspace_id: int, run: WorkerRun) -> tuple[bool, Gap | None]:
        """Whether clocks may fire now, and the last gap. `run` is the last run of a worker."""
        if not run.pending:
            self._seen[workspace_id] = time.monotonic()
            return False, None
        gap_from = run.polled_at if self._was_away(workspace_id, run) else None
        if gap_from or _is_stale(run):
            async with transaction(self._pool, workspace_id) as connection:
                await worker_runs.note_worker_run(connection, workspace_id, run.now, run.polled_at, gap_from)
        self._seen[workspace_id] = time.monotonic()
        if gap_from is not None:
            return False, (gap_from, run.now)
        if run.gap_from is None or run.resumed_at is None:
            return True, None
        gap = (run.gap_from, run.resumed_at)
        if run.own_clock:
            since = self._resumed.setdefault((workspace_id, run.resumed_at), time.monotonic())
            waited = time.monotonic() - since
            if waited < REAL_QUIET_SECONDS or waited >= LONGEST_WAIT.total_seconds():
                return waited >= REAL_QUIET_SECONDS, gap
            return not await self._any_unread(workspace_id), gap
        return await self._is_settled(workspace_id, run.resumed_at, run.now), gap

    def _was_away(self, workspace_id: int, run: WorkerRun) -> bool:
        """Whether no worker looked at the workspace for too long. This one may have seen it lately."""
        last = self._seen.get(workspace_id)
        if last is not None and time.monotonic() - last < GAP.total_seconds():
            return False
        return run.polled_at is not None and run.now - run.polled_at > GAP

    async def _is_settled(self, workspace_id: int, resumed_at: datetime, now: datetime) -> bool:
        if abs(now - resumed_at) >= LONGEST_WAIT:
            return True  # also if the clock had jumped ahead
        if now - resumed_at < QUIET:
            return False
        async with transaction(self._pool, workspace_id, read_only=True) as connection:
            last = await worker_runs.find_last_event(connection, workspace_id)
            unread = await inbox.any_unread(connection, workspace_id)
        return not unread and (last is None or now - last >= QUIET)

    async def _any_unread(self, workspace_id: int) -> bool:
        """Whether an event of a CRM has come that nobody has looked at."""
        async with transaction(self._pool, workspace_id, read_only=True) as connection:
            return await inbox.any_unread(connection, workspace_id)


def _is_stale(run: WorkerRun) -> bool:
    return run.polled_at is None or abs(run.now - run.polled_at) >= NOTED_EVERY
