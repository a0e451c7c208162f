"""The past, read forward: decisions in their order, the log they were made under, and the ledger."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import orjson

from app.store.connection.pool import Connection

DIRECTORY = ("owners", "absences", "teams", "calendars", "tables")
"""The resource types that a process holds in memory as the directory; of others a pass reads what it
needs.
"""


@dataclass(frozen=True, slots=True)
class StoredDecision:
    """One decision as the books have it: how it was settled, what was told, and what it was made from."""

    id: str
    decision_number: int
    outcome: str
    code: str
    owner: str | None
    team: str | None
    queue: str | None
    path: str | None
    block: str | None
    plan_version: int
    answer: bytes
    inputs: bytes


@dataclass(frozen=True, slots=True)
class StoredChange:
    """One change of the directory; without a body the record was taken away. Of a table only its revision."""

    version: int
    resource_type: str
    id: str
    body: dict[str, Any] | None


@dataclass(frozen=True, slots=True)
class Row:
    """One row of the ledger."""

    team: str
    number: int
    cause: str
    chosen: str | None
    changes: dict[str, int]


DECISION = """
SELECT id, decision_number, outcome, code, owner_id, team_id, queue, path, block, plan_version, answer, inputs
  FROM assignments
 WHERE workspace_id = $1 AND id = $2
"""


async def decision(connection: Connection, workspace_id: int, assignment_id: str) -> StoredDecision | None:
    """One decision."""
    row = await connection.fetchrow(DECISION, workspace_id, assignment_id)
    return StoredDecision(str(row[0]), *row[1:]) if row else None


DECISIONS = """
SELECT id, decision_number, outcome, code, owner_id, team_id, queue, path, block, plan_version, answer, inputs
  FROM assignments
 WHERE workspace_id = $1 AND decision_number > $2 AND decision_number <= $3
 ORDER BY decision_number LIMIT $4
"""


async def decisions(
    connection: Connection, workspace_id: int, after: int, up_to: int, limit: int
) -> list[StoredDecision]:
    """Decisions in their order, from behind number `after` to number `up_to`."""
    rows = await connection.fetch(DECISIONS, workspace_id, after, up_to, limit)
    return [StoredDecision(str(row[0]), *row[1:]) for row in rows]


RECORDS_AT = """
SELECT DISTINCT ON (resource_type, resource_id) version, resource_type, resource_id, after
  FROM changes
 WHERE workspace_id = $1 AND resource_type = ANY ($2) AND version <= $3
 ORDER BY resource_type, resource_id, version DESC
"""


async def records_at(connection: Connection, workspace_id: int, version: int) -> list[StoredChange]:
    """The directory as it stood after change number `version`: of each record what it then was."""
    rows = await connection.fetch(RECORDS_AT, workspace_id, list(DIRECTORY), version)
    return [edited for edited in map(_edited, rows) if edited.body is not None]


EDITS = """
SELECT version, resource_type, resource_id, after
  FROM changes
 WHERE workspace_id = $1 AND version > $2 AND version <= $3 AND resource_type = ANY ($5)
 ORDER BY version LIMIT $4
"""


async def edits(
    connection: Connection, workspace_id: int, after: int, up_to: int, limit: int
) -> list[StoredChange]:
    """The directory's log in order, from behind change number `after` to number `up_to`."""
    rows = await connection.fetch(EDITS, workspace_id, after, up_to, limit, list(DIRECTORY))
    return [_edited(row) for row in rows]


TURNS_OF = """
SELECT assignment_id, team_id, number, cause, chosen, owners, amounts
  FROM ledger_entries
 WHERE workspace_id = $1 AND assignment_id = ANY ($2::uuid[]) AND cause = 'turn'
"""


async def turns_of(connection: Connection, workspace_id: int, assignments: Iterable[str]) -> dict[str, Row]:
    """The turn that each assignment took, of those that took one."""
    rows = await connection.fetch(TURNS_OF, workspace_id, list(assignments))
    return {str(row["assignment_id"]): _row(row) for row in rows}


LEDGER = """
SELECT team_id, number, cause, chosen, owners, amounts
  FROM ledger_entries
 WHERE workspace_id = $1 AND team_id = $2 AND number > $3 AND number <= $4
 ORDER BY number LIMIT $5
"""


async def ledger(
    connection: Connection, workspace_id: int, team: str, after: int, up_to: int, limit: int
) -> list[Row]:
    """A team's rows in order, from behind number `after` to number `up_to`."""
    return [_row(row) for row in await connection.fetch(LEDGER, workspace_id, team, after, up_to, limit)]


def _edited(row: Any) -> StoredChange:
    after = row["after"] and orjson.loads(row["after"])
    if after is not None and row["resource_type"] == "tables":
        after = {"revision": row["version"]}
    return StoredChange(row["version"], row["resource_type"], row["resource_id"], after)


def _row(row: Any) -> Row:
    changes = dict(zip(row["owners"], row["amounts"], strict=True))
    return Row(row["team_id"], row["number"], row["cause"], row["chosen"], changes)
