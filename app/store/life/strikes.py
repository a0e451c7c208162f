"""Misses that count toward a pause of their owner."""

from datetime import datetime

from app.engine.life.clocks import Clock
from app.store.connection.pool import Connection
from app.store.life.sla_clocks import CLOCK_COLUMNS, clock_from_row

MAX_STRIKES = 1000

SELECT_STRUCK_OWNERS = """
SELECT DISTINCT owner_id FROM (
  SELECT owner_id FROM sla_clocks
   WHERE workspace_id = $1 AND strike IN ('new', 'counted') AND strike = 'new' LIMIT $2) AS struck
"""
"""Owners with misses that nobody has looked at yet."""

SELECT_STRIKES = f"""
SELECT {CLOCK_COLUMNS} FROM sla_clocks
 WHERE workspace_id = $1 AND owner_id = $2 AND strike IN ('new', 'counted')
 ORDER BY ended_at DESC, assignment_id LIMIT $3
"""
"""An owner's misses that count, the newest first."""

SELECT_LAST_MET = """
SELECT max(ended_at) FROM sla_clocks WHERE workspace_id = $1 AND owner_id = $2 AND state = 'met'
"""
"""When an owner last was in time."""

UPDATE_STRIKES = """
UPDATE sla_clocks SET strike = $3
 WHERE workspace_id = $1 AND owner_id = $2 AND strike IN ('new', 'counted')
"""
"""The misses of an owner count from now on, or count no more."""


async def find_struck_owners(connection: Connection, workspace_id: int, limit: int) -> list[str]:
    """Return owners with new misses."""
    rows = await connection.fetch(SELECT_STRUCK_OWNERS, workspace_id, limit)
    return [row["owner_id"] for row in rows]


async def find_strikes(
    connection: Connection, workspace_id: int, owner_id: str
) -> tuple[list[Clock], datetime | None]:
    """Return an owner's misses that count, the newest first, and when they last were in time."""
    rows = await connection.fetch(SELECT_STRIKES, workspace_id, owner_id, MAX_STRIKES)
    met: datetime | None = await connection.fetchval(SELECT_LAST_MET, workspace_id, owner_id)
    return [clock_from_row(row) for row in rows], met


async def set_strikes(connection: Connection, workspace_id: int, owner_id: str, strike: str) -> None:
    """Let the misses of an owner count from now on (`counted`), or no more (`spent`)."""
    await connection.execute(UPDATE_STRIKES, workspace_id, owner_id, strike)
