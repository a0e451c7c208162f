"""Clocks whose time has come, and how late the latest is."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from app.engine.life.clocks import ClockKind
from app.store.clocks import DECIDING_NOW, NOW
from app.store.connection.pool import ACQUIRE_SECONDS, Connection

# The inner LIMIT keeps the look-up on the short index of pending clocks.
_SELECT_DUE = f"""
SELECT due.kind, due.lead_id::text AS lead_id, due.assignment_id::text AS assignment_id
  FROM (SELECT {DECIDING_NOW} AS now) AS clock
 CROSS JOIN LATERAL (
   SELECT kind, lead_id, assignment_id, due_at, next_at FROM sla_clocks
    WHERE workspace_id = $1 AND state = 'pending' AND next_at <= {{until}}
      AND kind IN ({{kinds}}) AND assignment_id <> ALL ($3::uuid[])
    ORDER BY next_at LIMIT $2) AS due
 ORDER BY {{order}}
"""
SELECT_DUE_SLA_CLOCKS = _SELECT_DUE.format(
    until="""least(clock.now, greatest(
             coalesce($4::timestamptz, 'infinity'), clock.now - interval '15 minutes'))""",
    kinds="'accept', 'touch', 'claim'",
    order="due.due_at, due.assignment_id, due.kind",
)
"""The clocks of SLAs that must be looked at, without those of some assignments, in the order they are due.

Those of the last 15 minutes only up to a given time.
"""

SELECT_DUE_QUEUE_CLOCKS = _SELECT_DUE.format(
    until="clock.now", kinds="'max_wait', 'lease', 'handoff'", order="due.next_at"
)
"""The same for waits in queues that are too long, leases of claims, and handoffs that nobody could take."""

SELECT_LATE_SECONDS = f"""
SELECT extract(epoch FROM clock.now - first.next_at)::double precision AS seconds
  FROM (SELECT {NOW} AS now) AS clock
 CROSS JOIN LATERAL (
   SELECT next_at FROM sla_clocks
    WHERE workspace_id = $1 AND state = 'pending'
    ORDER BY next_at LIMIT 1) AS first
"""
"""How long the clock that is due longest has waited; negative while none is due."""


@dataclass(frozen=True, slots=True)
class DueClock:
    """A clock that must be looked at."""

    kind: ClockKind
    lead_id: str
    assignment_id: str


async def find_due_sla_clocks(
    connection: Connection,
    workspace_id: int,
    limit: int,
    excluded: Sequence[str] = (),
    until: datetime | None = None,
) -> list[DueClock]:
    """Return the clocks of SLAs that are due by the workspace's time, without those of some assignments.

    With `until`, a clock whose time came later waits, for 15 minutes at most.
    """
    return await _find(connection, SELECT_DUE_SLA_CLOCKS, workspace_id, limit, list(excluded), until)


async def find_due_queue_clocks(
    connection: Connection, workspace_id: int, limit: int, excluded: Sequence[str] = ()
) -> list[DueClock]:
    """Return the clocks of queues that are due by the workspace's time, without those of some assignments."""
    return await _find(connection, SELECT_DUE_QUEUE_CLOCKS, workspace_id, limit, list(excluded))


async def _find(connection: Connection, statement: str, *arguments: object) -> list[DueClock]:
    rows = await connection.fetch(statement, *arguments, timeout=ACQUIRE_SECONDS)
    return [DueClock(**row) for row in rows]


async def read_late_seconds(connection: Connection, workspace_id: int) -> float:
    """Return how many seconds the clock that is due longest has waited, 0 when none is due."""
    seconds: float | None = await connection.fetchval(SELECT_LATE_SECONDS, workspace_id)
    return max(0.0, seconds or 0.0)
