"""The movable clock of a workspace, for development."""

from datetime import datetime

from app.store.connection.pool import Connection

SET = """
INSERT INTO clocks (workspace_id, set_at, shows, speed) VALUES ($1, clock_timestamp(), $2, $3)
ON CONFLICT (workspace_id)
  DO UPDATE SET set_at = excluded.set_at, shows = excluded.shows, speed = excluded.speed
"""
SPEED = "SELECT speed FROM clocks WHERE workspace_id = $1"
REMOVE = "DELETE FROM clocks WHERE workspace_id = $1"


async def set_clock(connection: Connection, workspace_id: int, shows: datetime, speed: float) -> None:
    """From now on the workspace's time runs from `shows`, `speed` seconds in a second."""
    await connection.execute(SET, workspace_id, shows, speed)


async def speed(connection: Connection, workspace_id: int) -> float | None:
    """How fast the workspace's own clock goes; None when it has none."""
    found: float | None = await connection.fetchval(SPEED, workspace_id)
    return found


async def remove(connection: Connection, workspace_id: int) -> None:
    """From now on the workspace's time is the real one."""
    await connection.execute(REMOVE, workspace_id)
