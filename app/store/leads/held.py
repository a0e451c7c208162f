"""Leads that are held until a time, as the one who releases them must know them."""

from collections.abc import Sequence
from dataclasses import dataclass

from app.store.connection.pool import DEFAULT_LIMITS, Connection

MAX_SCANNED = 10_000
"""Of more that are due at once, those that were due first come first, whatever their priority."""

# The clock of a workspace never runs behind its newest pass. The inner LIMIT keeps the look-up on the index
# of what is held, which is short; only what is due is put in order.
DUE = """
SELECT found.lead_id, found.id
  FROM (
    SELECT greatest(
      coalesce((SELECT shows + (clock_timestamp() - set_at) * speed FROM clocks WHERE workspace_id = $1),
               clock_timestamp()),
      (SELECT at FROM journal WHERE workspace_id = $1 ORDER BY number DESC LIMIT 1)) AS now) AS clock
 CROSS JOIN LATERAL (
   SELECT id, lead_id, priority, decision_number FROM assignments
    WHERE workspace_id = $1 AND open AND held_until <= clock.now AND id <> ALL ($3::uuid[])
    ORDER BY held_until LIMIT $4) AS found
 ORDER BY found.priority DESC, found.decision_number
 LIMIT $2
"""


@dataclass(frozen=True, slots=True)
class DueRelease:
    """A held lead whose time has come, and the assignment by which it waits."""

    lead_id: str
    assignment_id: str


async def due(
    connection: Connection, workspace_id: int, limit: int, but_for: Sequence[str] = ()
) -> list[DueRelease]:
    """What is due by the workspace's own time, by priority and then by age, `but_for` some assignments."""
    rows = await connection.fetch(
        DUE, workspace_id, limit, list(but_for), MAX_SCANNED, timeout=DEFAULT_LIMITS
    )
    return [DueRelease(str(row["lead_id"]), str(row["id"])) for row in rows]


OVERDUE = """
SELECT extract(epoch FROM clock.now - first.held_until)::double precision AS seconds
  FROM (
    SELECT coalesce((SELECT shows + (clock_timestamp() - set_at) * speed FROM clocks WHERE workspace_id = $1),
                    clock_timestamp()) AS now) AS clock
 CROSS JOIN LATERAL (
   SELECT held_until FROM assignments
    WHERE workspace_id = $1 AND open AND held_until IS NOT NULL
    ORDER BY held_until LIMIT 1) AS first
"""


async def overdue(connection: Connection, workspace_id: int) -> float:
    """For how many seconds the lead that is due longest has been; 0 when none is."""
    seconds: float | None = await connection.fetchval(OVERDUE, workspace_id)
    return max(0.0, seconds or 0.0)
