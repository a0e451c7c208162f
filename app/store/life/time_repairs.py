"""What was dated by a clock that had jumped ahead, brought back to the time of decisions."""

from dataclasses import dataclass
from datetime import datetime

from app.store.clocks import MAX_AHEAD
from app.store.connection.pool import Connection

UPDATE_PENDING_CLOCKS = """
WITH moved AS (
  UPDATE sla_clocks SET started_at = $2, first_due_at = first_due_at - (started_at - $2),
         due_at = due_at - (started_at - $2), next_at = next_at - (started_at - $2)
   WHERE workspace_id = $1 AND state = 'pending' AND started_at > $3
  RETURNING owner_id, lead_id),
stale AS (
  INSERT INTO stale_facts (workspace_id, lead_id) SELECT DISTINCT $1, lead_id FROM moved),
recounts AS (
  INSERT INTO clock_recounts (workspace_id, owner_id) SELECT DISTINCT $1, coalesce(owner_id, '') FROM moved
  ON CONFLICT (workspace_id, owner_id) DO UPDATE SET after = NULL)
SELECT count(*) FROM moved
"""
"""Clocks that started in the future start now. A worker then computes them with the working time."""

UPDATE_WAITING_ACTIONS = """
WITH moved AS (
  UPDATE actions SET available_at = available_at - (created_at - $2)
   WHERE workspace_id = $1 AND state = 'waiting' AND created_at > $3 AND available_at > $2
  RETURNING id)
SELECT count(*) FROM moved
"""
"""Actions of decisions in the future wait as long as they were to wait, from now on."""

UPDATE_IDEMPOTENCY_KEYS = """
WITH moved AS (
  UPDATE idempotency_keys SET at = $2 WHERE workspace_id = $1 AND at > $3 RETURNING key)
SELECT count(*) FROM moved
"""
"""Keys that were used in the future hold from now on, so that they end."""

SELECT_HELD_AHEAD = """
SELECT lead_id::text AS lead_id, id::text AS assignment_id FROM assignments
 WHERE workspace_id = $1 AND open AND held_until > $2 AND decided_at > $2
 ORDER BY decision_number LIMIT $3
"""
"""Leads that were held in the future, the oldest first."""

SELECT_PAUSES_AHEAD = """
SELECT id, (body ->> 'paused_until')::timestamptz - (updated_at - $2) AS until
  FROM directory
 WHERE workspace_id = $1 AND resource_type = 'owners' AND updated_at > $3
   AND (body ->> 'paused_until')::timestamptz > updated_at
"""
"""Owners who were paused in the future, and until when the pause lasts if it begins now."""


@dataclass(frozen=True, slots=True)
class TimeRepair:
    """How much was brought back: clocks, actions, idempotency keys, held leads and pauses of owners."""

    clocks: int
    actions: int
    keys: int
    held: int = 0
    pauses: int = 0


async def bring_back(connection: Connection, workspace_id: int, now: datetime) -> TimeRepair:
    """Bring back what is dated in the future."""
    found = [
        await connection.fetchval(statement, workspace_id, now, now + MAX_AHEAD)
        for statement in (UPDATE_PENDING_CLOCKS, UPDATE_WAITING_ACTIONS, UPDATE_IDEMPOTENCY_KEYS)
    ]
    return TimeRepair(*found)


async def list_held_ahead(
    connection: Connection, workspace_id: int, now: datetime, limit: int
) -> list[tuple[str, str]]:
    """Return the leads that were held in the future, each with its assignment."""
    rows = await connection.fetch(SELECT_HELD_AHEAD, workspace_id, now + MAX_AHEAD, limit)
    return [(row["lead_id"], row["assignment_id"]) for row in rows]


async def find_pauses_ahead(connection: Connection, workspace_id: int, now: datetime) -> dict[str, datetime]:
    """Return the owners who were paused in the future, and until when their pause lasts from now on."""
    rows = await connection.fetch(SELECT_PAUSES_AHEAD, workspace_id, now, now + MAX_AHEAD)
    return {row["id"]: row["until"] for row in rows}
