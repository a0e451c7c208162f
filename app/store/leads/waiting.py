"""What waits in queues: how much, since when, and in which order."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from app.engine.life.queues import RANK_UNITS
from app.store.connection.pool import Connection

# The same figure as `app.engine.life.queues.queue_rank`, to the last bit: whole numbers, rounded once.
UPDATE_RANKS = f"""
UPDATE assignments
   SET queue_rank = (priority::numeric * {RANK_UNITS}
                     - $3::numeric * trunc(extract(epoch FROM queue_since) * 1000000))::double precision
                    / {RANK_UNITS}::double precision
 WHERE workspace_id = $1 AND open AND queue = $2
"""
"""The order of a queue whose aging changed."""


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


async def update_ranks(connection: Connection, workspace_id: int, queue: str, aging: int) -> None:
    """Compute again the ranks of the leads that wait in a queue, with this aging."""
    await connection.execute(UPDATE_RANKS, workspace_id, queue, aging)
