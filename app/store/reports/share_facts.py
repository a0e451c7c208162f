"""What each row of a ledger means for the members of its team, as the report about fairness adds it up."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson

from app.store.connection.pool import Connection


@dataclass(frozen=True, slots=True)
class LedgerPosition:
    """A team whose ledger goes on after row `number`, up to which there are facts."""

    team_id: str
    number: int


@dataclass(frozen=True, slots=True)
class TurnDocuments:
    """What is stored about the decision that took a turn. Both are empty after an erasure."""

    response: bytes
    inputs: bytes


@dataclass(frozen=True, slots=True)
class RecordVersion:
    """One record of the directory from this change on. No body: it was deleted."""

    resource_type: str
    id: str
    version: int
    at: datetime
    body: dict[str, Any] | None


@dataclass(frozen=True, slots=True)
class ShareFact:
    """One row of a ledger, and the split that says what it means."""

    team_id: str
    number: int
    at: datetime
    assignment_id: str | None
    split_id: str


@dataclass(frozen=True, slots=True)
class ShareSplit:
    """Amounts by owner and column. Its id is a hash of them, so equal splits are one row."""

    id: str
    owners: Sequence[str]
    columns: Sequence[str]
    amounts: Sequence[int]


# Each look is the first or last row of a team in a primary key.
LEDGER_AHEAD = """
WITH RECURSIVE team (id) AS (
  (SELECT team_id FROM ledger_entries WHERE workspace_id = $1 ORDER BY team_id LIMIT 1)
  UNION ALL
  SELECT (SELECT team_id FROM ledger_entries
           WHERE workspace_id = $1 AND team_id > team.id ORDER BY team_id LIMIT 1)
    FROM team WHERE team.id IS NOT NULL
)
SELECT team.id AS team_id, facts.number
  FROM team
 CROSS JOIN LATERAL (
   SELECT coalesce((SELECT number FROM share_facts WHERE workspace_id = $1 AND team_id = team.id
                     ORDER BY number DESC LIMIT 1), 0) AS number) AS facts
 WHERE team.id IS NOT NULL
   AND facts.number < (SELECT number FROM ledger_entries WHERE workspace_id = $1 AND team_id = team.id
                        ORDER BY number DESC LIMIT 1)
 LIMIT 1"""
"""A team whose ledger has rows without facts."""

SELECT_TURN_DOCUMENTS = """
SELECT found.*
  FROM unnest($2::uuid[]) AS wanted (id)
 CROSS JOIN LATERAL (
   SELECT id::text AS id, response, inputs FROM assignments
    WHERE workspace_id = $1 AND assignments.id = wanted.id LIMIT 1) AS found
"""
"""What is stored about these decisions."""

SELECT_RECORD_VERSIONS = """
SELECT found.*
  FROM unnest($3::text[]) AS wanted (id)
 CROSS JOIN LATERAL (
   SELECT resource_type, resource_id AS id, version, at, after AS body FROM changes
    WHERE workspace_id = $1 AND resource_type = $2 AND resource_id = wanted.id AND version <= $5
      AND version >= coalesce((
        SELECT version FROM changes AS first
         WHERE workspace_id = $1 AND resource_type = $2 AND resource_id = wanted.id AND version <= $4
         ORDER BY version DESC LIMIT 1), 0)
    ORDER BY version) AS found
"""
"""The versions of records in force between two changes of the log, both included."""

INSERT_SHARE_SPLITS = """
INSERT INTO share_splits (workspace_id, id, owners, columns, amounts)
SELECT $1, * FROM json_to_recordset($2) AS split (id uuid, owners text[], columns text[], amounts bigint[])
ON CONFLICT DO NOTHING
"""
"""Splits that may be there already."""

INSERT_SHARE_FACTS = """
INSERT INTO share_facts (workspace_id, team_id, number, at, assignment_id, split_id)
SELECT $1, * FROM json_to_recordset($2) AS fact (
  team_id text, number bigint, at timestamptz, assignment_id uuid, split_id uuid)
ON CONFLICT DO NOTHING
"""
"""Facts that another process may have written first, and then equal ones."""


async def find_ledger_ahead(connection: Connection, workspace_id: int) -> LedgerPosition | None:
    """Return a team whose ledger has rows without facts, or None."""
    row = await connection.fetchrow(LEDGER_AHEAD, workspace_id)
    return LedgerPosition(**row) if row else None


async def find_turn_documents(
    connection: Connection, workspace_id: int, assignments: Iterable[str]
) -> dict[str, TurnDocuments]:
    """Return what is stored about these decisions, by id. Deleted ones are missing."""
    rows = await connection.fetch(SELECT_TURN_DOCUMENTS, workspace_id, list(assignments))
    return {row["id"]: TurnDocuments(row["response"], row["inputs"]) for row in rows}


async def find_record_versions(
    connection: Connection, workspace_id: int, resource_type: str, ids: Iterable[str], first: int, last: int
) -> list[RecordVersion]:
    """Return the versions of these records in force from change `first` to change `last`, in order."""
    rows = await connection.fetch(SELECT_RECORD_VERSIONS, workspace_id, resource_type, list(ids), first, last)
    return [RecordVersion(**{**row, "body": row["body"] and orjson.loads(row["body"])}) for row in rows]


async def insert_share_facts(
    connection: Connection, workspace_id: int, facts: Sequence[ShareFact], splits: Iterable[ShareSplit]
) -> None:
    """Write facts and what they mean."""
    for statement, rows in ((INSERT_SHARE_SPLITS, list(splits)), (INSERT_SHARE_FACTS, facts)):
        await connection.execute(statement, workspace_id, orjson.dumps(rows).decode())
