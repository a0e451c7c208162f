"""The journal: one row for every commit group, with what the group changed in the state. Rows never change.

A process that knows the state after group N reads the rows since; one that knows nothing begins at the newest
row with the full state. The random token of a row proves that a state was really committed: a group that was
rolled back and its successor have the same number.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

import orjson

from app.plan.language.durations import parse_iso
from app.store.connection.pool import Connection

FULL_STATE_EVERY = 256
"""Every so many commit groups, a row holds the full state."""
LONG_CHANGES_EVERY = 16
"""Every so many, where rows would otherwise soon be longer than the full state."""
LONG_CHANGES = 200
"""The balances and loads that a row of this kind changes at least."""


@dataclass(frozen=True, slots=True)
class JournalEntry:
    """One row of the journal. The counts run from the workspace's first day."""

    number: int
    token: str
    at: datetime
    decision_number: int
    received: int
    matched: int
    directory_version: int
    plan_version: int
    state_delta: dict[str, Any] | None = None
    full_state: dict[str, Any] | None = None


JOURNAL_COLUMNS = ", ".join(each.name for each in fields(JournalEntry))
"""The columns of an entry, in the order of its fields."""

INSERT_JOURNAL = f"""
INSERT INTO journal (workspace_id, {JOURNAL_COLUMNS})
SELECT $1, {JOURNAL_COLUMNS} FROM json_populate_record(NULL::journal, $2)"""
"""The row of one commit group."""

DELETE_JOURNAL_BEFORE = "DELETE FROM journal WHERE workspace_id = $1 AND number < $2"
"""Drop rows that no process needs; a process that is further behind reads the full state."""

SELECT_TOKEN = """
SELECT EXISTS (SELECT FROM journal WHERE workspace_id = $1 AND number = $2 AND token = $3) AS committed,
       (SELECT min(number) FROM journal WHERE workspace_id = $1) > $2 AS pruned
"""
"""Whether a row has this token, and whether the journal still reaches back to it."""


SELECT_PLAN_VERSION = "SELECT plan_version FROM journal WHERE workspace_id = $1 ORDER BY number DESC LIMIT 1"
"""The active version of the plan."""


async def read_plan_version(connection: Connection, workspace_id: int) -> int:
    """Return the active version of the plan, 0 when none was published."""
    version: int | None = await connection.fetchval(SELECT_PLAN_VERSION, workspace_id)
    return version or 0


def entry_from_row(row: Mapping[str, Any]) -> JournalEntry:
    """Return an entry out of a row that was read as JSON."""
    return JournalEntry(**{**row, "at": parse_iso(row["at"])})


async def append_entry(connection: Connection, workspace_id: int, entry: JournalEntry) -> None:
    """Add the row of a commit group that decided nothing."""
    await connection.execute(INSERT_JOURNAL, workspace_id, orjson.dumps(entry).decode())


async def prune(connection: Connection, workspace_id: int, before: int) -> None:
    """Drop the rows before this number."""
    await connection.execute(DELETE_JOURNAL_BEFORE, workspace_id, before)


async def has_token(connection: Connection, workspace_id: int, number: int, token: str) -> bool:
    """Return whether exactly this commit group was committed.

    Raises LookupError when the journal no longer reaches back that far, so that it is unknown.
    """
    row = await connection.fetchrow(SELECT_TOKEN, workspace_id, number, token)
    if row is None or row["pruned"]:
        raise LookupError(f"the journal begins after entry {number}")
    return bool(row["committed"])
