"""The movable clock of a workspace, for development."""

from datetime import UTC, datetime, timedelta

from app.store.connection.pool import Connection

NOW = """coalesce(
      (SELECT base_time + (clock_timestamp() - set_at) * speed FROM clocks WHERE workspace_id = $1),
      clock_timestamp())"""
"""An SQL expression for the workspace's time; `$1` is the workspace."""

MAX_AHEAD = timedelta(minutes=5)
"""How far the newest commit group may be ahead of the clock while decisions keep its time.

If it is further ahead, the clock had jumped, and decisions follow the clock again.
"""

_AHEAD = f"interval '{MAX_AHEAD.total_seconds():.0f} seconds'"
DECIDING_NOW = f"""(SELECT CASE WHEN newest.at > own.now AND newest.at <= own.now + {_AHEAD}
                   THEN newest.at ELSE own.now END
         FROM (SELECT {NOW} AS now) AS own
         LEFT JOIN (SELECT at FROM journal WHERE workspace_id = $1 ORDER BY number DESC LIMIT 1) AS newest
           ON true)"""
"""The time that the next decision would have, as `deciding_time` says."""

SELECT_NOW = f"SELECT {NOW}"
"""The workspace's time."""

SELECT_DECIDING_NOW = f"SELECT {DECIDING_NOW}"
"""The time that the next decision would have."""

SELECT_SERVER_TIME = "SELECT extract(epoch FROM clock_timestamp())::float8 AS time"
"""The clock of the database."""

UPSERT_CLOCK = """
INSERT INTO clocks (workspace_id, set_at, base_time, speed) VALUES ($1, clock_timestamp(), $2, $3)
ON CONFLICT (workspace_id)
  DO UPDATE SET set_at = excluded.set_at, base_time = excluded.base_time, speed = excluded.speed
"""
"""Set the clock: from this moment the workspace's time runs from `base_time`."""

SELECT_CLOCK_SPEED = "SELECT speed FROM clocks WHERE workspace_id = $1"
"""How fast the clock runs; no row when the workspace uses the real time."""

DELETE_CLOCK = "DELETE FROM clocks WHERE workspace_id = $1"
"""Return to the real time."""


def deciding_time(now: datetime, newest: datetime) -> datetime:
    """The time of the next decision: not behind the newest commit group, unless that is far ahead."""
    return newest if now < newest <= now + MAX_AHEAD else now


async def read_now(connection: Connection, workspace_id: int) -> datetime:
    """Return the workspace's time."""
    now: datetime = await connection.fetchval(SELECT_NOW, workspace_id)
    return now.astimezone(UTC)


async def read_deciding_now(connection: Connection, workspace_id: int) -> datetime:
    """Return the time that the next decision would have."""
    now: datetime = await connection.fetchval(SELECT_DECIDING_NOW, workspace_id)
    return now.astimezone(UTC)


async def read_server_time(connection: Connection) -> float:
    """The clock of the database, in seconds since 1970."""
    found: float = await connection.fetchval(SELECT_SERVER_TIME)
    return found


async def set_clock(connection: Connection, workspace_id: int, base_time: datetime, speed: float) -> None:
    """Let the workspace's time run from `base_time`, `speed` seconds a second."""
    await connection.execute(UPSERT_CLOCK, workspace_id, base_time, speed)


async def find_clock_speed(connection: Connection, workspace_id: int) -> float | None:
    """Return how fast the workspace's own clock runs, or None when it has none."""
    speed: float | None = await connection.fetchval(SELECT_CLOCK_SPEED, workspace_id)
    return speed


async def delete_clock(connection: Connection, workspace_id: int) -> None:
    """Return the workspace to the real time."""
    await connection.execute(DELETE_CLOCK, workspace_id)
