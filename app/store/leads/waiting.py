"""What waits in queues: how much, since when, and in which order."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from app.engine.life.queues import RANK_UNITS
from app.store.connection.pool import ACQUIRE_SECONDS, Connection

# The same figure as `app.engine.life.queues.queue_rank`, to the last bit: whole numbers, rounded once.
_RANK = f"""((priority::numeric * {RANK_UNITS}
          - $3::numeric * trunc(extract(epoch FROM queue_since) * 1000000))::double precision
         / {RANK_UNITS}::double precision)"""
SELECT_MISPLACED = f"""
SELECT id FROM assignments
 WHERE workspace_id = $1 AND open AND queue = $2 AND queue_rank <> {_RANK} LIMIT $4
"""
"""Leads of a queue whose rank is that of another aging."""

UPDATE_RANKS = f"""
UPDATE assignments SET queue_rank = {_RANK}
 WHERE workspace_id = $1 AND open AND queue = $2 AND id = ANY ($4::uuid[])
"""
"""The ranks of some leads of a queue whose aging changed."""


SELECT_WAITING_COUNTS = """
SELECT queue, count(*) AS waiting, min(queue_since) AS oldest_since
  FROM assignments WHERE workspace_id = $1 AND open AND queue IS NOT NULL
 GROUP BY queue
"""
"""How many leads wait in each queue, and since when."""


@dataclass(frozen=True, slots=True)
class WaitingCount:
    """How many leads wait in a queue, and since when the oldest does."""

    waiting: int
    oldest_since: datetime | None


async def count_waiting(connection: Connection, workspace_id: int) -> dict[str, WaitingCount]:
    """Return the counts of each queue that has waiting leads."""
    rows = await connection.fetch(SELECT_WAITING_COUNTS, workspace_id)
    return {row["queue"]: WaitingCount(row["waiting"], row["oldest_since"].astimezone(UTC)) for row in rows}


@dataclass(frozen=True, slots=True)
class Place:
    """Where a lead stands in the order of its queue."""

    rank: float
    since: datetime
    number: int


@dataclass(frozen=True, slots=True)
class WaitingLead:
    """A lead that waits in a queue."""

    lead_id: str
    assignment_id: str
    place: Place


SELECT_WAITING = """
SELECT id::text AS assignment_id, lead_id::text AS lead_id, queue_rank, queue_since, queue_number
  FROM assignments
 WHERE workspace_id = $1 AND open AND queue = $2
   AND ($4::float8 IS NULL OR queue_rank < $4
        OR queue_rank = $4 AND (queue_since, queue_number) > ($5::timestamptz, $6::bigint))
 ORDER BY queue_rank DESC, queue_since, queue_number
 LIMIT $3
"""
"""The next leads of a queue after a place, in their order."""


async def list_waiting(
    connection: Connection, workspace_id: int, queue: str, limit: int, after: Place | None = None
) -> list[WaitingLead]:
    """Return the first leads of a queue, or the next ones after a place."""
    place = (after.rank, after.since, after.number) if after is not None else (None, None, None)
    rows = await connection.fetch(SELECT_WAITING, workspace_id, queue, limit, *place, timeout=ACQUIRE_SECONDS)
    return [
        WaitingLead(
            row["lead_id"],
            row["assignment_id"],
            Place(row["queue_rank"], row["queue_since"], row["queue_number"]),
        )
        for row in rows
    ]


MAX_BACKLOG = 10_000
"""Of more leads the shares are those of this many."""
SELECT_BACKLOGS = """
SELECT wanted.team,
       (SELECT count(*) FROM (
          SELECT FROM assignments
           WHERE workspace_id = $1 AND open AND held_until IS NOT NULL AND held_for_owner IS NULL
             AND held_for_team = wanted.team
           LIMIT $3) AS held) AS held,
       (SELECT count(*) FROM (
          SELECT FROM unnest($4::text[], $5::text[]) AS releasing (team, queue)
           CROSS JOIN LATERAL (
             SELECT FROM assignments
              WHERE workspace_id = $1 AND open AND queue = releasing.queue LIMIT $3) AS waiting
           WHERE releasing.team = wanted.team) AS queued) AS queued
  FROM unnest($2::text[]) AS wanted (team)
"""
"""How many leads wait for each team: held for it, or in its queues that release their leads."""


async def count_backlogs(
    connection: Connection, workspace_id: int, teams: Sequence[str], queues: Sequence[tuple[str, str]]
) -> dict[str, int]:
    """Return how many leads wait for each team. `queues` are pairs of a team and a queue."""
    of_teams, names = [team for team, _ in queues], [queue for _, queue in queues]
    rows = await connection.fetch(SELECT_BACKLOGS, workspace_id, list(teams), MAX_BACKLOG, of_teams, names)
    return {row["team"]: row["held"] + row["queued"] for row in rows}


MAX_CLAIMS = 1000
SELECT_UNTOUCHED_CLAIMS = """
SELECT owner.id AS owner, found.id::text AS id
  FROM unnest($2::text[]) AS owner (id)
 CROSS JOIN LATERAL (
   SELECT assignments.id FROM assignments
    WHERE workspace_id = $1 AND owner_id = owner.id AND open AND cause = 'claim' AND touched_at IS NULL
    LIMIT $3) AS found
"""
"""The open claims of owners that nobody touched."""


async def find_untouched_claims(
    connection: Connection, workspace_id: int, owners: Sequence[str]
) -> dict[str, set[str]]:
    """Return the untouched claims of each of these owners, by assignment."""
    rows = await connection.fetch(SELECT_UNTOUCHED_CLAIMS, workspace_id, list(owners), MAX_CLAIMS)
    found: dict[str, set[str]] = {owner: set() for owner in owners}
    for row in rows:
        found[row["owner"]].add(row["id"])
    return found


async def find_misplaced(
    connection: Connection, workspace_id: int, queue: str, aging: int, limit: int
) -> list[UUID]:
    """Return assignments that wait in a queue with the rank of another aging than this."""
    rows = await connection.fetch(SELECT_MISPLACED, workspace_id, queue, aging, limit)
    return [row["id"] for row in rows]


async def update_ranks(
    connection: Connection, workspace_id: int, queue: str, aging: int, assignment_ids: Sequence[UUID]
) -> None:
    """Compute again the ranks of assignments, as far as they still wait in the queue, with this aging."""
    await connection.execute(UPDATE_RANKS, workspace_id, queue, aging, assignment_ids)
