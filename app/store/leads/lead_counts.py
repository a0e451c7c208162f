"""Counts of a workspace: queues, leads by state, and what the journal counted."""

from collections.abc import Mapping
from dataclasses import dataclass

from app.store.connection.pool import Connection

MAX_LOOKED_AT = 1_000
"""Of so many queues, those with the most leads, the oldest lead is looked up."""


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


@dataclass(frozen=True, slots=True)
class KeptCounts:
    """The counts of leads, and of waiting leads by queue.

    `oldest` is since when the oldest lead of a queue waits, in seconds since 1970.
    """

    leads: LeadCounts
    waiting: Mapping[str, int]
    oldest: Mapping[str, float]


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

# The rows before the newest sum are in it. Until they are vacuumed, they must not be read again.
_SINCE_SUM = """workspace_id = $1 AND number >= coalesce((
    SELECT number FROM count_changes WHERE workspace_id = $1 AND is_sum ORDER BY number DESC LIMIT 1), 0)"""
SELECT_KEPT_COUNTS = f"""
SELECT each.key, sum(each.value::bigint)::bigint AS count
  FROM (SELECT counts FROM count_changes WHERE {_SINCE_SUM}) AS changes
 CROSS JOIN LATERAL jsonb_each_text(changes.counts) AS each
 GROUP BY each.key HAVING sum(each.value::bigint) <> 0
"""
"""The counts that the database keeps: `leads:` and a state, `queue:` and a name."""

SELECT_DELETED = "SELECT leads + failed_leads AS leads FROM retention_runs WHERE workspace_id = $1"
"""How many leads were not kept any longer."""

SUM_COUNTS = f"""
WITH summed AS (
  DELETE FROM count_changes WHERE {_SINCE_SUM} RETURNING counts
), counted AS (
  SELECT each.key, sum(each.value::bigint) AS count
    FROM summed CROSS JOIN LATERAL jsonb_each_text(summed.counts) AS each
   GROUP BY each.key HAVING sum(each.value::bigint) <> 0)
INSERT INTO count_changes (workspace_id, is_sum, counts)
SELECT $1, true, coalesce(jsonb_object_agg(key, count), '{{}}') FROM counted
"""
"""Make one row of the changes of counts. The caller holds the workspace lock."""

SELECT_OLDEST_WAITING = """
SELECT wanted.queue, extract(epoch FROM first.queue_since)::double precision AS oldest
  FROM unnest($2::text[]) AS wanted (queue)
 CROSS JOIN LATERAL (
   SELECT queue_since FROM assignments
    WHERE workspace_id = $1 AND open AND queue = wanted.queue AND queue IS NOT NULL
    ORDER BY queue_since LIMIT 1) AS first
"""
"""Since when the oldest lead of each of these queues waits."""

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


async def read_kept_counts(connection: Connection, workspace_id: int) -> KeptCounts:
    """Return the counts that the database keeps, with what the journal counted, without counting anything."""
    journal = await connection.fetchrow(SELECT_JOURNAL_COUNTS, workspace_id)
    deleted = await connection.fetchval(SELECT_DELETED, workspace_id)
    by_state: dict[str, int] = {"deleted": deleted} if deleted else {}
    waiting: dict[str, int] = {}
    for row in await connection.fetch(SELECT_KEPT_COUNTS, workspace_id):
        kind, _, name = row["key"].partition(":")
        (by_state if kind == "leads" else waiting)[name] = row["count"]
    received, matched = (journal["received"], journal["matched"]) if journal else (0, 0)
    oldest = await _find_oldest(connection, workspace_id, waiting)
    return KeptCounts(LeadCounts(received, matched, by_state), waiting, oldest)


async def _find_oldest(
    connection: Connection, workspace_id: int, waiting: Mapping[str, int]
) -> dict[str, float]:
    longest = sorted(waiting, key=lambda queue: (-waiting[queue], queue))[:MAX_LOOKED_AT]
    rows = await connection.fetch(SELECT_OLDEST_WAITING, workspace_id, longest) if longest else ()
    return {row["queue"]: row["oldest"] for row in rows if row["oldest"] is not None}


async def sum_counts(connection: Connection, workspace_id: int) -> None:
    """Make one row of the changes of counts so far. The caller holds the workspace lock."""
    await connection.execute(SUM_COUNTS, workspace_id)


async def count_open_assignments(
    connection: Connection, workspace_id: int
) -> dict[tuple[str, str | None], int]:
    """Return the number of open leads by owner and the team they came through."""
    rows = await connection.fetch(SELECT_OPEN_ASSIGNMENT_COUNTS, workspace_id)
    return {(row["owner_id"], row["team_id"]): row["leads"] for row in rows}


async def find_refunded_turns(connection: Connection, workspace_id: int) -> frozenset[str]:
    """Return the assignments that took a turn and are refunded."""
    return frozenset(row["id"] for row in await connection.fetch(SELECT_REFUNDED_TURNS, workspace_id))
