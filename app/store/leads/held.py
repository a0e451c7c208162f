"""Held leads: which are due for release, and how late the latest is."""

from collections.abc import Sequence
from dataclasses import dataclass

from app.store.clocks import DECIDING_NOW, NOW
from app.store.connection.pool import ACQUIRE_SECONDS, Connection

MAX_SCANNED = 10_000
"""Of more leads that are due at once, those due first come first, whatever their priority."""


@dataclass(frozen=True, slots=True)
class FirstDue:
    """When what is due first is due, in seconds since 1970, and how much is due."""

    first_due: float | None
    due: int


@dataclass(frozen=True, slots=True)
class DueRelease:
    """A held lead that is due, and the assignment that holds it."""

    lead_id: str
    assignment_id: str


# The inner LIMIT keeps the look-up on the short index of held leads; only what is due is sorted.
SELECT_DUE_RELEASES = f"""
SELECT due.lead_id, due.id AS assignment_id
  FROM (SELECT {DECIDING_NOW} AS now) AS clock
 CROSS JOIN LATERAL (
   SELECT id, lead_id, priority, decision_number FROM assignments
    WHERE workspace_id = $1 AND open AND held_until <= clock.now AND id <> ALL ($3::uuid[])
    ORDER BY held_until LIMIT $4) AS due
 ORDER BY due.priority DESC, due.decision_number
 LIMIT $2
"""
"""Held leads that are due, by priority and then by age."""

SELECT_FIRST_DUE = f"""
SELECT (SELECT extract(epoch FROM held_until)::double precision FROM assignments
         WHERE workspace_id = $1 AND open AND held_until IS NOT NULL
         ORDER BY held_until LIMIT 1) AS first_due,
       (SELECT count(*) FROM (
          SELECT held_until FROM assignments
           WHERE workspace_id = $1 AND open AND held_until <= clock.now
           ORDER BY held_until LIMIT $2) AS counted) AS due
  FROM (SELECT {NOW} AS now) AS clock
"""
"""When the held lead is due that is due first, and how many are due, at most so many."""


async def find_due_releases(
    connection: Connection, workspace_id: int, limit: int, excluded: Sequence[str] = ()
) -> list[DueRelease]:
    """Return what is due by the workspace's time, by priority and then by age, without some assignments."""
    rows = await connection.fetch(
        SELECT_DUE_RELEASES, workspace_id, limit, list(excluded), MAX_SCANNED, timeout=ACQUIRE_SECONDS
    )
    return [DueRelease(str(row["lead_id"]), str(row["assignment_id"])) for row in rows]


async def read_first_due(connection: Connection, workspace_id: int) -> FirstDue:
    """Return when the held lead is due that is due first, and how many are due, counted up to a limit."""
    row = await connection.fetchrow(SELECT_FIRST_DUE, workspace_id, MAX_SCANNED)
    return FirstDue(**row) if row is not None else FirstDue(None, 0)
