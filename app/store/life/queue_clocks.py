"""Clocks of queues that are due: waits that are too long, and leases of claims."""

from dataclasses import dataclass

from app.engine.life.clocks import ClockKind
from app.store.clocks import NOW
from app.store.connection.pool import ACQUIRE_SECONDS, Connection

# The clock of a workspace never runs behind its newest commit group.
SELECT_DUE_CLOCKS = f"""
SELECT due.kind, due.lead_id::text AS lead_id, due.assignment_id::text AS assignment_id
  FROM (
    SELECT greatest({NOW},
      (SELECT at FROM journal WHERE workspace_id = $1 ORDER BY number DESC LIMIT 1)) AS now) AS clock
 CROSS JOIN LATERAL (
   SELECT kind, lead_id, assignment_id, next_at FROM sla_clocks
    WHERE workspace_id = $1 AND state = 'pending' AND next_at <= clock.now
      AND kind IN ('max_wait', 'lease')
    ORDER BY next_at LIMIT $2) AS due
 ORDER BY due.next_at
"""
"""The clocks of queues whose time has come, in order."""


@dataclass(frozen=True, slots=True)
class DueClock:
    """A clock whose time has come."""

    kind: ClockKind
    lead_id: str
    assignment_id: str


async def find_due_clocks(connection: Connection, workspace_id: int, limit: int) -> list[DueClock]:
    """Return the clocks of queues that are due by the workspace's time, in order."""
    rows = await connection.fetch(SELECT_DUE_CLOCKS, workspace_id, limit, timeout=ACQUIRE_SECONDS)
    return [DueClock(**row) for row in rows]
