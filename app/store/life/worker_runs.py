"""When a worker last looked at a workspace, and the last time without one."""

from dataclasses import dataclass
from datetime import datetime

from app.store.connection.pool import Connection

SELECT_LAST_EVENT = "SELECT max(received_at) FROM events WHERE workspace_id = $1"
"""When the newest event was processed."""

# Of two workers that see the same last run, one writes the next.
UPSERT_WORKER_RUN = """
INSERT INTO worker_runs (workspace_id, polled_at, gap_from, resumed_at) VALUES ($1, $2, $3, $4)
ON CONFLICT (workspace_id) DO UPDATE
  SET polled_at = excluded.polled_at,
      gap_from = coalesce(excluded.gap_from, worker_runs.gap_from),
      resumed_at = coalesce(excluded.resumed_at, worker_runs.resumed_at)
 WHERE worker_runs.polled_at IS NOT DISTINCT FROM $5
"""
"""A worker has looked at the workspace, after a gap if there was one."""


@dataclass(frozen=True, slots=True)
class WorkerRun:
    """The workspace's time, whether any clock runs, the last look of a worker, and the last gap.

    `own_clock` is true where development has set the time.
    """

    now: datetime
    pending: bool
    own_clock: bool
    polled_at: datetime | None
    gap_from: datetime | None
    resumed_at: datetime | None


async def find_last_event(connection: Connection, workspace_id: int) -> datetime | None:
    """Return when the newest event was processed, or None."""
    found: datetime | None = await connection.fetchval(SELECT_LAST_EVENT, workspace_id)
    return found


async def note_worker_run(
    connection: Connection,
    workspace_id: int,
    now: datetime,
    before: datetime | None,
    gap_from: datetime | None,
) -> None:
    """Note that a worker looked at a workspace at `now`, for the first time since `gap_from` if that is set.

    `before` is the last look as it was read.
    """
    resumed_at = now if gap_from is not None else None
    await connection.execute(UPSERT_WORKER_RUN, workspace_id, now, gap_from, resumed_at, before)
