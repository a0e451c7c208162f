"""The outbox: actions that were decided, until somebody has executed them."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any


@dataclass(slots=True)
class ActionRow:
    """One action, as it is stored when it is decided.

    It becomes available at `available_at`, and then gets its number. `body` holds its parameters and its due
    time.
    """

    id: str
    lead_id: str
    assignment_id: str
    type: str
    body: Mapping[str, Any]
    created_at: datetime
    available_at: datetime


# Numbers are given under the workspace lock, so a reader who has seen a number has seen all smaller ones.
INSERT_ACTIONS = """
  INSERT INTO actions (workspace_id, id, lead_id, assignment_id, type, body, created_at, available_at, number,
    state)
  SELECT $1, id, lead_id, assignment_id, type, body, created_at, available_at,
         CASE WHEN available_at <= created_at THEN
           (SELECT coalesce(max(number), 0) FROM actions WHERE workspace_id = $1)
           + count(*) FILTER (WHERE available_at <= created_at) OVER (ORDER BY ordinal) END,
         CASE WHEN available_at <= created_at THEN 'available' ELSE 'waiting' END
    FROM ROWS FROM (json_to_recordset({rows}) AS (
           id text, lead_id uuid, assignment_id uuid, type text, body json, created_at timestamptz,
           available_at timestamptz)) WITH ORDINALITY AS action (
           id, lead_id, assignment_id, type, body, created_at, available_at, ordinal)
   ORDER BY ordinal"""
"""New actions; `rows` is the name of the parameter that holds them as JSON."""

# A reader gets a lead's actions in their order: the earlier ones no longer wait for their minute.
NUMBER_ACTIONS_OF_LEAD = """
UPDATE actions SET state = 'available', number = numbered.number
  FROM (
    SELECT id, (SELECT coalesce(max(number), 0) FROM actions WHERE workspace_id = $1)
               + row_number() OVER (ORDER BY sequence) AS number
      FROM actions WHERE workspace_id = $1 AND lead_id = $2 AND state = 'waiting') AS numbered
 WHERE actions.workspace_id = $1 AND actions.id = numbered.id
"""
"""The waiting actions of a lead become available, in their order."""
