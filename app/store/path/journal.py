"""The journal: one row for every pass, never changed, carrying what the pass changed.

A process that knows the state after pass N reads what came since; one that knows nothing begins at the
newest row that holds the whole state. The row's random token proves that a state was really committed:
a pass that was rolled back and the one that took its place bear the same number.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson

from app.store.connection.pool import Connection

FULL_STATE_EVERY = 256
"""How many passes lie between two rows that hold the whole state."""


@dataclass(frozen=True, slots=True)
class JournalEntry:
    """One pass as the journal has it. The counts run from the workspace's first day."""

    number: int
    token: str
    at: datetime
    decision_number: int
    received: int
    matched: int
    directory_version: int
    plan_version: int
    changed: dict[str, Any] | None = None
    whole: dict[str, Any] | None = None


def entry_from(row: list[Any]) -> JournalEntry:
    """An entry out of the JSON array that the reading statements make of it."""
    number, token, at, *rest = row
    return JournalEntry(number, token, datetime.fromisoformat(at), *rest)


APPEND = """
INSERT INTO journal (workspace_id, number, token, at, decision_number, received, matched,
                    directory_version, plan_version, changed, whole)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
"""


async def append(connection: Connection, workspace_id: int, entry: JournalEntry) -> None:
    """Add the row of this pass."""
    await connection.execute(
        APPEND,
        workspace_id,
        entry.number,
        entry.token,
        entry.at,
        entry.decision_number,
        entry.received,
        entry.matched,
        entry.directory_version,
        entry.plan_version,
        orjson.dumps(entry.changed or {}).decode(),
        orjson.dumps(entry.whole).decode() if entry.whole is not None else None,
    )


PRUNE = "DELETE FROM journal WHERE workspace_id = $1 AND number < $2"


async def prune(connection: Connection, workspace_id: int, before: int) -> None:
    """Drop rows that no process needs any more; one that slept for so long reads the whole state."""
    await connection.execute(PRUNE, workspace_id, before)


HAS_TOKEN = """
SELECT EXISTS (SELECT FROM journal WHERE workspace_id = $1 AND number = $2 AND token = $3) AS there,
       (SELECT min(number) FROM journal WHERE workspace_id = $1) > $2 AS forgotten
"""


async def has_token(connection: Connection, workspace_id: int, number: int, token: str) -> bool:
    """Whether this very pass was committed.

    Raises LookupError when the journal no longer reaches back so far, so that nobody can tell.
    """
    row = await connection.fetchrow(HAS_TOKEN, workspace_id, number, token)
    if row is None or row["forgotten"]:
        raise LookupError(f"the journal begins after pass {number}")
    return bool(row["there"])
