"""Clocks whose time has come, how many they are, and since when."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from app.engine.life.clocks import ClockKind
from app.store.clocks import DECIDING_NOW, NOW
from app.store.connection.pool import ACQUIRE_SECONDS, Connection
from app.store.leads.held import FirstDue

MAX_COUNTED = 10_000
"""Further clocks that are due are not counted."""

# The inner LIMIT keeps the look-up on the short index of pending clocks.
_SELECT_DUE = f"""
SELECT due.kind, due.lead_id::text AS lead_id, due.assignment_id::text AS assignment_id,
       extract(epoch FROM clock.now - due.next_at)::double precision AS late
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

SELECT_DUE_RECHECKS = _SELECT_DUE.format(until="clock.now", kinds="'recheck'", order="due.next_at")
"""The same for leads that are decided again, because a provider had failed."""

SELECT_FIRST_DUE = f"""
SELECT (SELECT extract(epoch FROM next_at)::double precision FROM sla_clocks
         WHERE workspace_id = $1 AND state = 'pending'
         ORDER BY next_at LIMIT 1) AS first_due,
       (SELECT count(*) FROM (
          SELECT next_at FROM sla_clocks
           WHERE workspace_id = $1 AND state = 'pending' AND next_at <= clock.now
           ORDER BY next_at LIMIT $2) AS counted) AS due
  FROM (SELECT {NOW} AS now) AS clock
"""
"""When the clock is due that is due first, and how many are due, at most so many."""


@dataclass(frozen=True, slots=True)
class DueClock:
    """A clock that must be looked at, and how many seconds ago its time came."""

    kind: ClockKind
    lead_id: str
    assignment_id: str
    late: float


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


async def find_due_rechecks(
    connection: Connection, workspace_id: int, limit: int, excluded: Sequence[str] = ()
) -> list[DueClock]:
    """Return the leads that are due to be decided again, without those of some assignments."""
    return await _find(connection, SELECT_DUE_RECHECKS, workspace_id, limit, list(excluded))


async def _find(connection: Connection, statement: str, *arguments: object) -> list[DueClock]:
    rows = await connection.fetch(statement, *arguments, timeout=ACQUIRE_SECONDS)
    return [DueClock(**row) for row in rows]


async def read_first_due(connection: Connection, workspace_id: int) -> FirstDue:
    """Return when the clock is due that is due first, and how many are due, counted up to a limit."""
    row = await connection.fetchrow(SELECT_FIRST_DUE, workspace_id, MAX_COUNTED)
    return FirstDue(**row) if row is not None else FirstDue(None, 0)
