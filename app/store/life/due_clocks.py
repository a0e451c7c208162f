"""SLA clocks whose time has come, and how late the latest is."""

from collections.abc import Sequence
from dataclasses import dataclass

from app.engine.life.clocks import ClockKind
from app.store.clocks import NOW
from app.store.connection.pool import ACQUIRE_SECONDS, Connection

# The clock of a workspace never runs behind its newest commit group. The inner LIMIT keeps the look-up on the
# short index of pending clocks.
SELECT_DUE_SLA_CLOCKS = f"""
SELECT due.kind, due.lead_id::text AS lead_id, due.assignment_id::text AS assignment_id
  FROM (
    SELECT greatest({NOW},
      (SELECT at FROM journal WHERE workspace_id = $1 ORDER BY number DESC LIMIT 1)) AS now) AS clock
 CROSS JOIN LATERAL (
   SELECT kind, lead_id, assignment_id, due_at FROM sla_clocks
    WHERE workspace_id = $1 AND state = 'pending' AND next_at <= clock.now
      AND kind IN ('accept', 'touch', 'claim') AND assignment_id <> ALL ($3::uuid[])
    ORDER BY next_at LIMIT $2) AS due
 ORDER BY due.due_at, due.assignment_id, due.kind
"""
"""The clocks of SLAs that must be looked at, without those of some assignments, in the order they are due."""

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
class DueSlaClock:
    """A clock that must be looked at."""

    kind: ClockKind
    lead_id: str
    assignment_id: str


async def find_due_sla_clocks(
    connection: Connection, workspace_id: int, limit: int, excluded: Sequence[str] = ()
) -> list[DueSlaClock]:
    """Return the clocks that must be looked at by the workspace's time, without those of some assignments."""
    rows = await connection.fetch(
        SELECT_DUE_SLA_CLOCKS, workspace_id, limit, list(excluded), timeout=ACQUIRE_SECONDS
    )
    return [DueSlaClock(**row) for row in rows]


async def read_late_seconds(connection: Connection, workspace_id: int) -> float:
    """Return how many seconds the clock that is due longest has waited, 0 when none is due."""
    seconds: float | None = await connection.fetchval(SELECT_LATE_SECONDS, workspace_id)
    return max(0.0, seconds or 0.0)
