"""The ledger: what each turn did to the balances of a team. Rows never change."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

import orjson

from app.pace import held
from app.store.connection.pool import Connection, Row


@dataclass(slots=True)
class LedgerRow:
    """One row of a team's ledger, to be written."""

    team_id: str
    number: int
    cause: str
    chosen: str | None
    assignment_id: str | None
    at: datetime
    owners: list[str]
    amounts: list[int]


@dataclass(frozen=True, slots=True)
class StoredLedgerEntry:
    """One row of the ledger, numbered within its team."""

    number: int
    cause: str
    chosen: str | None
    assignment_id: str | None
    at: datetime
    changes: Mapping[str, int]


INSERT_LEDGER_ENTRIES = """
INSERT INTO ledger_entries (workspace_id, team_id, number, cause, chosen, assignment_id, at, owners, amounts)
SELECT $1, * FROM json_to_recordset({rows}) AS entry (
  team_id text, number bigint, cause text, chosen text, assignment_id uuid, at timestamptz,
  owners text[], amounts bigint[])"""
"""Rows of the ledger; `rows` is the name of the parameter that holds them as JSON."""

_COLUMNS = "number, cause, chosen, assignment_id, at, owners, amounts"

SELECT_LEDGER_ENTRIES = f"""
SELECT {_COLUMNS} FROM ledger_entries
 WHERE workspace_id = $1 AND team_id = $2 AND number > $3 AND number <= $5
 ORDER BY number LIMIT $4
"""
"""A page of a team's rows, in order."""

# LIMIT 1 keeps each look-up on its index, whatever the planner believes of a table that was empty.
SELECT_TURNS_OF_ASSIGNMENTS = f"""
SELECT turn.*
  FROM unnest($2::uuid[]) AS wanted (id)
 CROSS JOIN LATERAL (
   SELECT {_COLUMNS} FROM ledger_entries
    WHERE workspace_id = $1 AND assignment_id = wanted.id AND cause = 'turn' LIMIT 1) AS turn
"""
"""The turn that each assignment took."""

LAST = 2**63 - 1


async def insert_ledger_entries(connection: Connection, workspace_id: int, rows: list[LedgerRow]) -> None:
    """Add rows that belong to no decision, such as the rebalancing after a member left."""
    statement = INSERT_LEDGER_ENTRIES.format(rows="$2")
    await connection.execute(statement, workspace_id, orjson.dumps(rows).decode())


async def list_ledger_entries(
    connection: Connection, workspace_id: int, team: str, after: int, limit: int, up_to: int = LAST
) -> list[StoredLedgerEntry]:
    """Return a team's rows in order, after number `after` and up to number `up_to`."""
    rows = await connection.fetch(SELECT_LEDGER_ENTRIES, workspace_id, team, after, limit, up_to)
    return [_entry(row) async for row in held(rows)]


async def find_turns(
    connection: Connection, workspace_id: int, assignments: Iterable[str]
) -> dict[str, StoredLedgerEntry]:
    """Return the turn of each assignment that took one."""
    rows = await connection.fetch(SELECT_TURNS_OF_ASSIGNMENTS, workspace_id, list(assignments))
    return {str(row["assignment_id"]): _entry(row) for row in rows}


def _entry(row: Row) -> StoredLedgerEntry:
    return StoredLedgerEntry(
        number=row["number"],
        cause=row["cause"],
        chosen=row["chosen"],
        assignment_id=row["assignment_id"] and str(row["assignment_id"]),
        at=row["at"],
        changes=dict(zip(row["owners"], row["amounts"], strict=True)),
    )
