"""What targets get: new actions and decisions in the order of their numbers, and the content of messages.

Both kinds of numbers have no gaps and are given under the workspace lock. So reading on from the last ones
misses nothing that was committed, and deciding writes nothing for targets.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from app.store.connection.pool import Connection
from app.store.connection.rows import row_in_utc
from app.store.life.deliveries import StoredAction, list_actions_by_id


@dataclass(frozen=True, slots=True)
class Cursor:
    """The numbers up to which actions and decisions have become messages, and the newest ones."""

    action_number: int
    decision_number: int
    newest_action: int
    newest_decision: int

    @property
    def is_behind(self) -> bool:
        """Whether something is new."""
        return (self.action_number, self.decision_number) != (self.newest_action, self.newest_decision)


@dataclass(frozen=True, slots=True)
class Entry:
    """An action or a decision that may become a message. An action is sent in the state `pushed`."""

    id: str
    number: int
    type: str
    lead_id: str
    assignment_id: str
    state: str
    created_at: datetime


_CURSOR = """
SELECT action_number, decision_number,
       coalesce((SELECT number FROM actions WHERE workspace_id = $1 AND number IS NOT NULL
                  ORDER BY number DESC LIMIT 1), 0) AS newest_action,
       coalesce((SELECT decision_number FROM assignments WHERE workspace_id = $1
                  ORDER BY decision_number DESC LIMIT 1), 0) AS newest_decision
  FROM target_cursors WHERE workspace_id = $1
"""
SELECT_CURSOR = _CURSOR
"""How far messages were made."""

LOCK_CURSOR = f"{_CURSOR} FOR UPDATE SKIP LOCKED"
"""The same, unless another process makes messages at this moment."""

UPDATE_CURSOR = """
UPDATE target_cursors SET action_number = $2, decision_number = $3 WHERE workspace_id = $1
"""
"""Messages were made up to these numbers."""

SELECT_NEW_ACTIONS = """
SELECT id, number, type, lead_id::text AS lead_id, assignment_id::text AS assignment_id, state,
       created_at
  FROM actions
 WHERE workspace_id = $1 AND number > $2 ORDER BY number LIMIT $3
"""
"""The actions after a number."""

SELECT_NEW_DECISIONS = """
SELECT id::text AS id, decision_number AS number, 'decision.made' AS type, lead_id::text AS lead_id,
       id::text AS assignment_id, 'pushed' AS state, decided_at AS created_at
  FROM assignments
 WHERE workspace_id = $1 AND decision_number > $2 ORDER BY decision_number LIMIT $3
"""
"""The decisions after a number."""

BURY_UNWANTED = """
UPDATE actions SET state = 'dead', ended_at = $3 WHERE workspace_id = $1 AND id = $2 AND state = 'pushed'
"""
"""No target takes this action."""

SELECT_DECISIONS = """
SELECT found.*
  FROM unnest($2::uuid[]) AS wanted (id)
 CROSS JOIN LATERAL (
   SELECT id::text AS id, decision_number, lead_id::text AS lead_id, cause, outcome, code, step, owner_id,
          team_id, queue, path, block, priority, plan_version, decided_at,
          existing_assignment_id::text AS existing_assignment_id
     FROM assignments WHERE workspace_id = $1 AND assignments.id = wanted.id LIMIT 1) AS found
"""
"""What messages tell about decisions: no personal data of a lead."""


async def read_cursor(connection: Connection, workspace_id: int, *, lock: bool = False) -> Cursor | None:
    """Return how far messages were made. None without targets, or while another process has the lock."""
    row = await connection.fetchrow(LOCK_CURSOR if lock else SELECT_CURSOR, workspace_id)
    return Cursor(**row) if row else None


async def move_cursor(connection: Connection, workspace_id: int, actions: int, decisions: int) -> None:
    """Note up to which numbers messages were made."""
    await connection.execute(UPDATE_CURSOR, workspace_id, actions, decisions)


async def list_new_actions(connection: Connection, workspace_id: int, after: int, limit: int) -> list[Entry]:
    """Return the actions after a number, in order."""
    return [Entry(**row) for row in await connection.fetch(SELECT_NEW_ACTIONS, workspace_id, after, limit)]


async def list_new_decisions(
    connection: Connection, workspace_id: int, after: int, limit: int
) -> list[Entry]:
    """Return the decisions after a number, in order."""
    return [Entry(**row) for row in await connection.fetch(SELECT_NEW_DECISIONS, workspace_id, after, limit)]


async def bury_unwanted(connection: Connection, workspace_id: int, ids: Sequence[str], at: datetime) -> None:
    """Mark actions dead that no target takes."""
    if ids:
        await connection.executemany(BURY_UNWANTED, [(workspace_id, id_, at) for id_ in ids])


async def read_actions(
    connection: Connection, workspace_id: int, ids: Sequence[str]
) -> dict[str, StoredAction]:
    """Return actions by id, without those that are not to be executed any more."""
    found = await list_actions_by_id(connection, workspace_id, ids)
    return {each.id: each for each in found if each.state == "pushed" and each.cause is None}


async def read_decisions(
    connection: Connection, workspace_id: int, ids: Sequence[str]
) -> Mapping[str, dict[str, Any]]:
    """Return what messages tell about decisions, by id."""
    rows = await connection.fetch(SELECT_DECISIONS, workspace_id, list(ids))
    return {row["id"]: row_in_utc(row) for row in rows}
