"""The outbox: actions that were decided, and the numbers they get when they become available."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson

from app.store.clocks import NOW
from app.store.connection.pool import Connection


@dataclass(slots=True)
class ActionRow:
    """One action, as it is stored when it is decided.

    It becomes available at `available_at`, and then gets its number. `body` holds its parameters and its due
    time. `contact_names` are the acts that take it back (`app.engine.followup.actions.MadeAction`).
    """

    id: str
    lead_id: str
    assignment_id: str
    type: str
    body: Mapping[str, Any]
    created_at: datetime
    available_at: datetime
    contact_names: Sequence[str] | None = None


# Numbers are given under the workspace lock, so a reader who has seen a number has seen all smaller ones. By
# which way an action goes is settled when it is decided.
INSERT_ACTIONS = """
  INSERT INTO actions (workspace_id, id, lead_id, assignment_id, type, body, created_at, available_at, number,
    state, push, contact_names)
  SELECT $1, id, lead_id, assignment_id, type, body, created_at, available_at,
         CASE WHEN available_at <= created_at THEN
           coalesce((SELECT number FROM actions WHERE workspace_id = $1 AND number IS NOT NULL
                      ORDER BY number DESC LIMIT 1), 0)
           + count(*) FILTER (WHERE available_at <= created_at) OVER (ORDER BY ordinal) END,
         CASE WHEN available_at > created_at THEN 'waiting' WHEN push THEN 'pushed' ELSE 'available' END,
         push, contact_names
    FROM (
      SELECT action.*, coalesce(door.deliver ->> type, door.deliver ->> '*', 'pull') = 'push' AS push
        FROM ROWS FROM (json_to_recordset({rows}) AS (
               id text, lead_id uuid, assignment_id uuid, type text, body json, created_at timestamptz,
               available_at timestamptz, contact_names text[])) WITH ORDINALITY AS action (
               id, lead_id, assignment_id, type, body, created_at, available_at, contact_names, ordinal)
       CROSS JOIN (
         SELECT (SELECT body -> 'deliver' FROM directory
                  WHERE workspace_id = $1 AND resource_type = 'settings' AND id = 'actions') AS deliver
         ) AS door
      ) AS action
   ORDER BY ordinal"""
"""New actions; `rows` is the name of the parameter that holds them as JSON."""

# Several actions are locked in the order of their ids, so that no two transactions wait for each other: an
# acknowledgment takes no workspace lock. The state is compared outside, because the short index of waiting
# actions looks best to the planner and is the wrong one for ids.
_LOCK_WAITING = """
WITH due AS MATERIALIZED ({due}
)
SELECT found.id
  FROM (SELECT id FROM due ORDER BY id COLLATE "C") AS due
 CROSS JOIN LATERAL (
   SELECT id, sequence, state FROM actions
    WHERE workspace_id = $1 AND actions.id = due.id
    LIMIT 1 FOR UPDATE) AS found
 WHERE found.state = 'waiting'
 ORDER BY found.sequence
"""

# A reader gets a lead's actions in their order: the earlier ones no longer wait for their minute.
LOCK_WAITING_OF_LEADS = _LOCK_WAITING.format(
    due="""
  SELECT waiting.id
    FROM unnest($2::uuid[]) AS lead (id)
   CROSS JOIN LATERAL (
     SELECT id FROM actions WHERE workspace_id = $1 AND lead_id = lead.id AND state = 'waiting'
      ORDER BY sequence) AS waiting"""
)
"""The waiting actions of leads, in the order they were decided."""

LOCK_DUE = _LOCK_WAITING.format(
    due=f"""
  SELECT waiting.id
    FROM (SELECT {NOW} AS now) AS clock
   CROSS JOIN LATERAL (
     SELECT id FROM actions
      WHERE workspace_id = $1 AND state = 'waiting' AND available_at <= clock.now
      ORDER BY available_at, sequence LIMIT $2) AS waiting"""
)
"""The actions whose time has come: those due first, in the order they were decided."""

SELECT_NEWEST_NUMBER = """
SELECT number FROM actions WHERE workspace_id = $1 AND number IS NOT NULL ORDER BY number DESC LIMIT 1
"""
"""The largest number so far."""

NUMBER_ACTION = """
UPDATE actions SET state = CASE WHEN push THEN 'pushed' ELSE 'available' END, number = $3
 WHERE workspace_id = $1 AND id = $2
"""
"""An action becomes available to readers, or to targets."""

SELECT_ANY_DUE = f"""
SELECT waiting.id
  FROM (SELECT {NOW} AS now) AS clock
 CROSS JOIN LATERAL (
   SELECT id FROM actions
    WHERE workspace_id = $1 AND state = 'waiting' AND available_at <= clock.now
    ORDER BY available_at LIMIT 1) AS waiting
"""
"""An action whose time has come, if there is any."""


async def insert_actions(connection: Connection, workspace_id: int, rows: Sequence[ActionRow]) -> None:
    """Add actions under the workspace lock. Earlier ones of their leads do not wait any longer."""
    await number_actions_of_leads(connection, workspace_id, {row.lead_id for row in rows})
    statement = INSERT_ACTIONS.format(rows="$2")
    await connection.execute(statement, workspace_id, orjson.dumps(rows).decode())


async def number_actions_of_leads(connection: Connection, workspace_id: int, lead_ids: Iterable[str]) -> None:
    """Make the waiting actions of these leads available, under the workspace lock."""
    rows = await connection.fetch(LOCK_WAITING_OF_LEADS, workspace_id, list(lead_ids))
    await _number(connection, workspace_id, [row["id"] for row in rows])


async def number_due_actions(connection: Connection, workspace_id: int, limit: int) -> int:
    """Make actions available whose time has come, under the workspace lock. Return how many."""
    rows = await connection.fetch(LOCK_DUE, workspace_id, limit)
    await _number(connection, workspace_id, [row["id"] for row in rows])
    return len(rows)


async def _number(connection: Connection, workspace_id: int, ids: Sequence[str]) -> None:
    """Give numbers to these actions, in this order."""
    if ids:
        newest = await connection.fetchval(SELECT_NEWEST_NUMBER, workspace_id) or 0
        rows = [(workspace_id, id_, number) for number, id_ in enumerate(ids, newest + 1)]
        await connection.executemany(NUMBER_ACTION, rows)


async def any_due(connection: Connection, workspace_id: int) -> bool:
    """Return whether any action's time has come."""
    return await connection.fetchval(SELECT_ANY_DUE, workspace_id) is not None
