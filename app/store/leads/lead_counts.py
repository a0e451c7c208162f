"""Counts of a workspace: queues, leads by state, and what the journal counted."""

from dataclasses import dataclass

from app.store.connection.pool import Connection


@dataclass(frozen=True, slots=True)
class QueueLength:
    """How many leads wait in a queue, and since when the oldest does, in seconds since 1970."""

    queue: str
    leads: int
    oldest: float | None


@dataclass(frozen=True, slots=True)
class LeadCounts:
    """Leads counted twice: as the journal counted arrivals, and by state."""

    received: int
    matched: int
    by_state: dict[str, int]

    @property
    def difference(self) -> int:
        """Received leads that are in no state; 0 when nothing is lost."""
        return self.received - self.matched - sum(self.by_state.values())


# Each of the counts is read from an index alone.
SELECT_LEADS_BY_STATE = """
SELECT state, count(*) AS leads FROM leads WHERE workspace_id = $1 GROUP BY state
UNION ALL
SELECT 'failed', count(*) FROM failed_leads WHERE workspace_id = $1
UNION ALL
SELECT 'deleted', leads + failed_leads FROM retention_runs
 WHERE workspace_id = $1 AND leads + failed_leads > 0
"""
"""Leads by state, with those that failed, and those that were not kept any longer."""

SELECT_JOURNAL_COUNTS = """
SELECT received, matched FROM journal WHERE workspace_id = $1 ORDER BY number DESC LIMIT 1
"""
"""How many leads arrived, and how many of them matched a lead that existed."""

SELECT_QUEUE_LENGTHS = """
SELECT queue, count(*) AS leads, extract(epoch FROM min(queue_since))::double precision AS oldest
  FROM assignments
 WHERE workspace_id = $1 AND open AND queue IS NOT NULL
 GROUP BY queue
 ORDER BY leads DESC, queue
"""
"""Queues with waiting leads, the longest first."""

SELECT_OPEN_ASSIGNMENT_COUNTS = """
SELECT owner_id, team_id, count(*) AS leads FROM assignments
 WHERE workspace_id = $1 AND open AND owner_id IS NOT NULL
 GROUP BY owner_id, team_id
"""
"""Open leads by owner and team."""


SELECT_REFUNDED_TURNS = """
SELECT id::text AS id FROM assignments
 WHERE workspace_id = $1 AND refunded
   AND EXISTS (SELECT FROM ledger_entries AS turn
                WHERE turn.workspace_id = $1 AND turn.assignment_id = assignments.id AND cause = 'turn')
"""
"""The assignments that took a turn and are refunded."""


async def count_leads(connection: Connection, workspace_id: int) -> LeadCounts:
    """Return both counts; they are of one moment when the transaction reads one snapshot."""
    row = await connection.fetchrow(SELECT_JOURNAL_COUNTS, workspace_id)
    by_state: dict[str, int] = {}
    for each in await connection.fetch(SELECT_LEADS_BY_STATE, workspace_id):
        by_state[each["state"]] = by_state.get(each["state"], 0) + each["leads"]
    return LeadCounts(row["received"] if row else 0, row["matched"] if row else 0, by_state)


async def list_queue_lengths(connection: Connection, workspace_id: int) -> list[QueueLength]:
    """Return the queues in which leads wait, the longest first."""
    return [QueueLength(**row) for row in await connection.fetch(SELECT_QUEUE_LENGTHS, workspace_id)]


async def count_open_assignments(
    connection: Connection, workspace_id: int
) -> dict[tuple[str, str | None], int]:
    """Return the number of open leads by owner and the team they came through."""
    rows = await connection.fetch(SELECT_OPEN_ASSIGNMENT_COUNTS, workspace_id)
    return {(row["owner_id"], row["team_id"]): row["leads"] for row in rows}


async def find_refunded_turns(connection: Connection, workspace_id: int) -> frozenset[str]:
    """Return the assignments that took a turn and are refunded."""
    return frozenset(row["id"] for row in await connection.fetch(SELECT_REFUNDED_TURNS, workspace_id))
