"""How a workspace stands at a moment: what waits, what every lead became, and what the journal counts."""

from dataclasses import dataclass
from typing import Any

from app.store.connection.pool import Connection


@dataclass(frozen=True, slots=True)
class QueueLength:
    """A queue: how many leads wait there, and for how many seconds the oldest of them."""

    queue: str
    leads: int
    oldest: float


@dataclass(frozen=True, slots=True)
class Counts:
    """Leads counted twice: as the journal saw them come, and as they stand."""

    received: int
    matched: int
    by_state: dict[str, int]

    @property
    def difference(self) -> int:
        """Leads that came and are nowhere; 0 when all is well."""
        return self.received - self.matched - sum(self.by_state.values())


# Each of the three counts is read from an index alone.
COUNTS = """
SELECT state, count(*) FROM leads WHERE workspace_id = $1 GROUP BY state
UNION ALL
SELECT 'failed', count(*) FROM failed_leads WHERE workspace_id = $1
"""
JOURNAL = """
SELECT received, matched FROM journal WHERE workspace_id = $1 ORDER BY number DESC LIMIT 1
"""


async def counts(connection: Connection, workspace_id: int) -> Counts:
    """Both counts, of one snapshot when the transaction has one."""
    row = await connection.fetchrow(JOURNAL, workspace_id)
    received, matched = tuple(row) if row else (0, 0)
    by_state: dict[str, int] = {}
    for state, count in await connection.fetch(COUNTS, workspace_id):
        by_state[state] = by_state.get(state, 0) + count
    return Counts(received, matched, by_state)


# Sequence and time go up together, so the oldest is the one with the lowest number.
WAITING = """
SELECT waiting.queue, waiting.leads,
       extract(epoch FROM clock.now - first.decided_at)::double precision AS oldest
  FROM (SELECT queue, count(*) AS leads, min(decision_number) AS decision_number
          FROM assignments
         WHERE workspace_id = $1 AND open AND queue IS NOT NULL
         GROUP BY queue) AS waiting
 CROSS JOIN LATERAL (
   SELECT decided_at FROM assignments
    WHERE workspace_id = $1 AND assignments.decision_number >= waiting.decision_number
    ORDER BY decision_number LIMIT 1) AS first
 CROSS JOIN (
   SELECT coalesce((SELECT shows + (clock_timestamp() - set_at) * speed FROM clocks WHERE workspace_id = $1),
                   clock_timestamp()) AS now) AS clock
 ORDER BY waiting.leads DESC, waiting.queue
"""


async def waiting(connection: Connection, workspace_id: int) -> list[QueueLength]:
    """The queues in which leads wait, the longest first."""
    return [_waiting(row) for row in await connection.fetch(WAITING, workspace_id)]


def _waiting(row: Any) -> QueueLength:
    return QueueLength(row["queue"], row["leads"], max(0.0, row["oldest"]))


DECLARED = """
SELECT json_object_keys(document -> 'queues') AS queue
  FROM plans
 WHERE workspace_id = $1 AND json_typeof(document -> 'queues') = 'object'
   AND version = (SELECT plan_version FROM journal WHERE workspace_id = $1 ORDER BY number DESC LIMIT 1)
 ORDER BY queue LIMIT $2
"""


async def declared_queues(connection: Connection, workspace_id: int, limit: int) -> list[str]:
    """The first queues that the active plan declares, by name."""
    return [row["queue"] for row in await connection.fetch(DECLARED, workspace_id, limit)]


OPEN = """
SELECT owner_id, team_id, count(*) FROM assignments
 WHERE workspace_id = $1 AND open AND owner_id IS NOT NULL
 GROUP BY owner_id, team_id
"""


async def open_places(connection: Connection, workspace_id: int) -> dict[tuple[str, str | None], int]:
    """Open leads by owner and the team they came through."""
    return {(owner, team): count for owner, team, count in await connection.fetch(OPEN, workspace_id)}
