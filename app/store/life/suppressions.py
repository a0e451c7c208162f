"""Suppression lists: addresses and domains whose leads are blocked. Every entry comes from a reject."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from app.store.connection.pool import Connection
from app.store.connection.rows import row_in_utc
from app.store.privacy.kept_hashes import HASH_OF

SuppressionKind = Literal["email", "domain"]


@dataclass(slots=True)
class SuppressionRow:
    """One entry: `value` is blocked by the list.

    `actor` rejected a lead by `event_id`, which names the assignment. `code` says why an address is blocked
    although the plan asked for its domain.
    """

    kind: SuppressionKind
    value: str
    id: str
    list: str
    actor: str
    at: datetime
    assignment_id: str
    event_id: str
    code: str | None


INSERT_SUPPRESSIONS = """
INSERT INTO suppressions (workspace_id, kind, value, id, list, actor, at, assignment_id, event_id, code)
SELECT $1, * FROM json_to_recordset($2) AS entry (
  kind text, value text, id uuid, list text, actor text, at timestamptz, assignment_id uuid, event_id uuid,
  code text)
"""
"""New entries."""

DELETE_SUPPRESSIONS_OF_ASSIGNMENT = "DELETE FROM suppressions WHERE workspace_id = $1 AND assignment_id = $2"
"""The entries of one reject."""

_COLUMNS = """kind, value, id::text AS id, list, actor, at, assignment_id::text AS assignment_id,
       event_id::text AS event_id, code"""

SELECT_SUPPRESSIONS = f"""
SELECT {_COLUMNS} FROM suppressions
 WHERE workspace_id = $1 AND ($2::uuid IS NULL OR id > $2)
 ORDER BY id LIMIT $3
"""
"""A page of entries, the oldest first."""

DELETE_SUPPRESSION = f"DELETE FROM suppressions WHERE workspace_id = $1 AND id = $2 RETURNING {_COLUMNS}"
"""One entry."""


def suppression_lookup(kinds: str, values: str) -> str:
    """Return the look-up of entries as an SQL expression, given the names of its two parameters.

    Entries of erased persons are there as keyed hashes.
    """
    return f"""
  (SELECT json_agg(found)
     FROM unnest({kinds}::text[], {values}::text[]) AS wanted (kind, value)
    CROSS JOIN LATERAL (
      (SELECT kind, value, list, assignment_id FROM suppressions
        WHERE workspace_id = $1 AND suppressions.kind = wanted.kind AND suppressions.value = wanted.value
        LIMIT 1)
      UNION ALL
      (SELECT wanted.kind, wanted.value, entry.list, entry.assignment_id
         FROM (SELECT {HASH_OF.format(value="wanted.value")} AS value FROM hash_keys
                WHERE workspace_id = $1 LIMIT 1) AS kept
        CROSS JOIN LATERAL (
          SELECT list, assignment_id FROM suppressions
           WHERE workspace_id = $1 AND suppressions.kind = wanted.kind AND suppressions.value = kept.value
           LIMIT 1) AS entry)
      LIMIT 1) AS found)"""


async def list_suppressions(
    connection: Connection, workspace_id: int, after: str | None, limit: int
) -> list[SuppressionRow]:
    """Return entries in order, after the one with this id."""
    rows = await connection.fetch(SELECT_SUPPRESSIONS, workspace_id, after, limit)
    return [SuppressionRow(**row_in_utc(row)) for row in rows]


async def delete_suppression(connection: Connection, workspace_id: int, id_: str) -> SuppressionRow | None:
    """Take an entry off its list, and return it. None when there is none."""
    row = await connection.fetchrow(DELETE_SUPPRESSION, workspace_id, id_)
    return SuppressionRow(**row_in_utc(row)) if row is not None else None
