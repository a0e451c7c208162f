"""The ledger: every turn of every team, never changed."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from app.engine.model.decision import LedgerEntry
from app.store.connection.pool import Connection


@dataclass(frozen=True, slots=True)
class StoredLedgerEntry:
    """One row of the ledger, numbered within its team."""

    number: int
    cause: str
    chosen: str | None
    assignment_id: str | None
    at: datetime
    changes: Mapping[str, int]


ENTER = """
INSERT INTO ledger_entries (workspace_id, team_id, number, cause, chosen, assignment_id, at, owners, amounts)
VALUES ($1, $2, $3, $4, $5, NULL, $6, $7, $8)
"""


async def enter(
    connection: Connection, workspace_id: int, turn: LedgerEntry, number: int, at: datetime
) -> None:
    """Add a row that belongs to no decision, such as the levelling after somebody left."""
    amounts = list(turn.changes.values())
    await connection.execute(
        ENTER, workspace_id, turn.team, number, turn.cause, turn.chosen, at, list(turn.changes), amounts
    )


PAGE = """
SELECT number, cause, chosen, assignment_id, at, owners, amounts FROM ledger_entries
 WHERE workspace_id = $1 AND team_id = $2 AND number > $3
 ORDER BY number LIMIT $4
"""


async def page(
    connection: Connection, workspace_id: int, team: str, after: int, limit: int
) -> list[StoredLedgerEntry]:
    """A team's turns in order, from behind number `after`."""
    return [_booked(row) for row in await connection.fetch(PAGE, workspace_id, team, after, limit)]


def _booked(row: Any) -> StoredLedgerEntry:
    changes = dict(zip(row["owners"], row["amounts"], strict=True))
    assignment = row["assignment_id"] and str(row["assignment_id"])
    return StoredLedgerEntry(row["number"], row["cause"], row["chosen"], assignment, row["at"], changes)
