"""How far facts for reports are made, and the leads whose facts are to be made again.

Decisions have numbers without gaps, which rise in the order of their commits. So reading on from the last one
misses nothing, and deciding writes nothing for reports. What changes a lead otherwise, such as an event, a
merge or a moved deadline, notes it as stale, under the workspace lock, so that these numbers rise as well.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from app.store.clocks import DECIDING_NOW
from app.store.connection.pool import Connection
from app.store.connection.rows import row_in_utc

_NEWEST_DECISION = """coalesce((SELECT decision_number FROM assignments WHERE workspace_id = $1
                  ORDER BY decision_number DESC LIMIT 1), 0)"""
_NEWEST_CHANGE = """coalesce((SELECT number FROM stale_facts WHERE workspace_id = $1
                  ORDER BY number DESC LIMIT 1), 0)"""

FACTS_BEHIND = f"""(EXISTS (SELECT FROM stale_facts WHERE workspace_id = $1) OR NOT EXISTS (
         SELECT FROM fact_cursors WHERE workspace_id = $1 AND decision_number >= {_NEWEST_DECISION}))"""
"""An SQL expression: whether facts are behind the decisions and changes of the workspace `$1`."""

SELECT_CURSOR = f"""
SELECT coalesce(decision_number, 0) AS decision_number, coalesce(change_number, 0) AS change_number, at,
       {_NEWEST_DECISION} AS newest_decision, {_NEWEST_CHANGE} AS newest_change, {DECIDING_NOW} AS now
  FROM (SELECT) AS one
  LEFT JOIN fact_cursors ON workspace_id = $1
"""
"""How far facts are made, and the newest numbers."""

SELECT_DIRECTORY_VERSION = """
SELECT directory_version FROM journal WHERE workspace_id = $1 ORDER BY number DESC LIMIT 1
"""
"""The version of the directory; no row in a new workspace."""

INSERT_CURSOR = """
INSERT INTO fact_cursors (workspace_id) VALUES ($1) ON CONFLICT DO NOTHING
"""
"""The cursor of a workspace, made once."""

LOCK_CURSOR = "SELECT FROM fact_cursors WHERE workspace_id = $1 FOR UPDATE"
"""Let only this transaction make facts."""

TRY_LOCK_CURSOR = f"{LOCK_CURSOR} SKIP LOCKED"
"""The same, unless another one does."""

UPDATE_CURSOR = """
UPDATE fact_cursors SET decision_number = $2, change_number = $3, at = $4 WHERE workspace_id = $1
"""
"""Facts are made up to these numbers."""

SELECT_NEW_DECISIONS = """
SELECT decision_number AS number, lead_id::text AS lead_id FROM assignments
 WHERE workspace_id = $1 AND decision_number > $2 ORDER BY decision_number LIMIT $3
"""
"""The leads of the decisions after a number."""

SELECT_STALE_FACTS = """
SELECT number, lead_id::text AS lead_id FROM stale_facts
 WHERE workspace_id = $1 AND number > $2 ORDER BY number LIMIT $3
"""
"""Leads whose facts are to be made again, in the order in which they changed."""

DELETE_STALE_FACTS = "DELETE FROM stale_facts WHERE workspace_id = $1 AND number <= $2"
"""The facts of these leads were made again."""

INSERT_STALE_FACTS = """
INSERT INTO stale_facts (workspace_id, lead_id) SELECT $1, unnest($2::uuid[])
"""
"""Leads that changed without a decision."""

INSERT_STALE_OF_CHANGED = (
    """INSERT INTO stale_facts (workspace_id, lead_id) SELECT DISTINCT $1::bigint, lead_id FROM changed"""
)
"""The same for the rows of the CTE `changed`."""


@dataclass(frozen=True, slots=True)
class FactCursor:
    """How far facts are made, the newest numbers, and the time of the workspace.

    `at` is the time up to which nothing is missing; None before the first fact.
    """

    decision_number: int
    change_number: int
    at: datetime | None
    newest_decision: int
    newest_change: int
    now: datetime

    @property
    def is_behind(self) -> bool:
        """Whether something is new."""
        return self.newest_decision > self.decision_number or self.newest_change > self.change_number

    def as_of(self, asked: "FactCursor") -> "FactCursor":
        """This cursor, where what came after `asked` was read does not count as new."""
        return replace(self, newest_decision=asked.newest_decision, newest_change=asked.newest_change)


@dataclass(frozen=True, slots=True)
class NewLeads:
    """Leads that are new or changed, by the last numbers they were found by."""

    lead_ids: Sequence[str]
    decision_number: int
    change_number: int


async def read_cursor(connection: Connection, workspace_id: int) -> FactCursor:
    """Return how far facts are made."""
    row = await connection.fetchrow(SELECT_CURSOR, workspace_id)
    if row is None:
        raise LookupError("a statement over one row returns one row")
    return FactCursor(**row_in_utc(row))


async def read_directory_version(connection: Connection, workspace_id: int) -> int:
    """Return the version of the directory."""
    return int(await connection.fetchval(SELECT_DIRECTORY_VERSION, workspace_id) or 0)


async def lock_cursor(connection: Connection, workspace_id: int, *, wait: bool) -> bool:
    """Let only this transaction make facts. Returns False if another one does, unless `wait`."""
    await connection.execute(INSERT_CURSOR, workspace_id)
    row = await connection.fetchrow(LOCK_CURSOR if wait else TRY_LOCK_CURSOR, workspace_id)
    return row is not None


async def move_cursor(connection: Connection, workspace_id: int, found: NewLeads, at: datetime) -> None:
    """Note up to which numbers facts are made."""
    await connection.execute(UPDATE_CURSOR, workspace_id, found.decision_number, found.change_number, at)
    await connection.execute(DELETE_STALE_FACTS, workspace_id, found.change_number)


async def find_new_leads(
    connection: Connection, workspace_id: int, cursor: FactCursor, limit: int
) -> NewLeads:
    """Return the leads that changed first since facts were made, at most `limit` in each order."""
    decisions = await connection.fetch(SELECT_NEW_DECISIONS, workspace_id, cursor.decision_number, limit)
    changes = await connection.fetch(SELECT_STALE_FACTS, workspace_id, cursor.change_number, limit)
    return NewLeads(
        list(dict.fromkeys(row["lead_id"] for row in (*decisions, *changes))),
        decisions[-1]["number"] if decisions else cursor.decision_number,
        changes[-1]["number"] if changes else cursor.change_number,
    )
