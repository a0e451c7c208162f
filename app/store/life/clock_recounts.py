"""Pending clocks of owners whose working time changed, and what is left to compute again."""

from collections.abc import Sequence
from datetime import datetime

import orjson

from app.engine.life.clocks import Clock
from app.store.connection.pool import Connection
from app.store.life.sla_clocks import CLOCK_COLUMNS, UPSERT_CLOCKS, clock_from_row
from app.store.reports.fact_cursor import INSERT_STALE_OF_CHANGED

UNOWNED = ""
"""Stands for the clocks of leads without an owner."""

_PENDING = """
    WHERE workspace_id = $1 AND {owner} AND state = 'pending'
      AND ($3::uuid IS NULL OR assignment_id > $3)
    ORDER BY assignment_id FETCH FIRST $4 ROWS WITH TIES"""
SELECT_PENDING_CLOCKS = f"SELECT {CLOCK_COLUMNS} FROM sla_clocks{_PENDING.format(owner='owner_id = $2')}"
"""Pending clocks of one owner, by assignment."""

SELECT_PENDING_UNOWNED = (
    f"SELECT {CLOCK_COLUMNS} FROM sla_clocks"
    f"{_PENDING.format(owner='owner_id IS NULL AND $2::text IS NOT NULL')}"
)
"""Pending clocks of leads without an owner, by assignment."""

UPDATE_CLOCKS = f"""
WITH changed AS ({UPSERT_CLOCKS.format(rows="$2")}
  RETURNING lead_id)
{INSERT_STALE_OF_CHANGED}
"""
"""Clocks with new times."""

WITHDRAW_MISSES = f"""
WITH changed AS (
  UPDATE sla_clocks SET state = 'withdrawn', ended_at = $5, strike = NULL
   WHERE workspace_id = $1 AND owner_id = $2 AND state = 'missed' AND ended_at >= $3
     AND due_at >= $3 AND due_at < $4
  RETURNING lead_id)
{INSERT_STALE_OF_CHANGED}
"""
"""Misses that fall into an absence that was entered later."""

INSERT_RECOUNTS = """
INSERT INTO clock_recounts (workspace_id, owner_id) SELECT $1, unnest($2::text[])
ON CONFLICT (workspace_id, owner_id) DO UPDATE SET after = NULL
"""
"""Owners whose clocks a worker computes again, from the first on."""

INSERT_RECOUNTS_OF_ALL = """
INSERT INTO clock_recounts (workspace_id, owner_id)
SELECT DISTINCT $1::bigint, coalesce(owner_id, '') FROM sla_clocks
 WHERE workspace_id = $1 AND state = 'pending'
ON CONFLICT (workspace_id, owner_id) DO UPDATE SET after = NULL
"""
"""Everybody whose clocks run, from the first on."""

SELECT_HOLIDAYS = "SELECT holidays FROM worker_runs WHERE workspace_id = $1"
"""The version of the holiday data by which the clocks were computed; no row before the first worker."""

UPDATE_HOLIDAYS = "UPDATE worker_runs SET holidays = $2 WHERE workspace_id = $1"
"""From now on the clocks are computed by this version of the holiday data."""

UPDATE_WAIT_TEAMS = """
UPDATE sla_clocks SET team_id = $3
 WHERE workspace_id = $1 AND owner_id IS NULL AND state = 'pending' AND kind = 'max_wait' AND queue = $2
"""
"""The waits of a queue from which another team may claim now."""

SELECT_RECOUNT = (
    "SELECT owner_id, after FROM clock_recounts WHERE workspace_id = $1 ORDER BY owner_id LIMIT 1"
)
"""One owner whose clocks are to be computed again, and how far that is."""

UPDATE_RECOUNT = "UPDATE clock_recounts SET after = $3 WHERE workspace_id = $1 AND owner_id = $2"
"""So far an owner's clocks are computed."""

DELETE_RECOUNT = "DELETE FROM clock_recounts WHERE workspace_id = $1 AND owner_id = $2"
"""All clocks of an owner are computed."""


async def find_pending_clocks(
    connection: Connection, workspace_id: int, owner_id: str, after: str | None, limit: int
) -> list[Clock]:
    """Return pending clocks of an owner, or `UNOWNED` ones, after an assignment.

    They are at least `limit` if there are so many: all clocks of an assignment come at once.
    """
    statement = SELECT_PENDING_UNOWNED if owner_id == UNOWNED else SELECT_PENDING_CLOCKS
    rows = await connection.fetch(statement, workspace_id, owner_id, after, limit)
    return [clock_from_row(row) for row in rows]


async def update_clocks(connection: Connection, workspace_id: int, clocks: Sequence[Clock]) -> None:
    """Write clocks that have moved."""
    if clocks:
        await connection.execute(UPDATE_CLOCKS, workspace_id, orjson.dumps(clocks).decode())


async def withdraw_misses(
    connection: Connection, workspace_id: int, owner_id: str, start: datetime, end: datetime, now: datetime
) -> None:
    """Withdraw an owner's misses that were due between two moments."""
    await connection.execute(WITHDRAW_MISSES, workspace_id, owner_id, start, end, now)


async def update_wait_team(
    connection: Connection, workspace_id: int, queue: str, team_id: str | None
) -> None:
    """Let the leads of a queue wait in the working time of this team; None for that of every owner."""
    await connection.execute(UPDATE_WAIT_TEAMS, workspace_id, queue, team_id)


async def add_recounts(connection: Connection, workspace_id: int, owner_ids: Sequence[str]) -> None:
    """Leave the clocks of these owners to the worker."""
    await connection.execute(INSERT_RECOUNTS, workspace_id, list(owner_ids))


async def has_holidays(connection: Connection, workspace_id: int, version: str) -> bool | None:
    """Return whether the clocks were computed by this version of the holiday data; None before any ran."""
    row = await connection.fetchrow(SELECT_HOLIDAYS, workspace_id)
    return row["holidays"] == version if row is not None else None


async def change_holidays(connection: Connection, workspace_id: int, version: str) -> None:
    """Note another version of the holiday data, and leave all clocks to the worker."""
    await connection.execute(INSERT_RECOUNTS_OF_ALL, workspace_id)
    await connection.execute(UPDATE_HOLIDAYS, workspace_id, version)


async def find_recount(connection: Connection, workspace_id: int) -> tuple[str, str | None] | None:
    """Return an owner whose clocks are to be computed again, and the last assignment that is done."""
    row = await connection.fetchrow(SELECT_RECOUNT, workspace_id)
    return (row["owner_id"], row["after"] and str(row["after"])) if row is not None else None


async def note_recount(connection: Connection, workspace_id: int, owner_id: str, after: str | None) -> None:
    """Note how far an owner's clocks are computed; None when they all are."""
    if after is None:
        await connection.execute(DELETE_RECOUNT, workspace_id, owner_id)
    else:
        await connection.execute(UPDATE_RECOUNT, workspace_id, owner_id, after)
