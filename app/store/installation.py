"""Which database this is, and which one it was made in.

A copy of a database holds the same open promises as the original. It must not act on them a second time.
"""

from dataclasses import dataclass

from app.store.connection.pool import Connection, Pool, look_up


@dataclass(frozen=True, slots=True)
class Identity:
    """What tells a database from its copies: the cluster's system identifier, and its own name."""

    system_identifier: str
    database_name: str


SELECT_IDENTITY = """
SELECT control.system_identifier::text AS system_identifier, current_database()::text AS database_name
  FROM pg_control_system() AS control
"""
"""The database of this connection."""

SELECT_RECORDED_IDENTITY = "SELECT system_identifier, database_name FROM installation WHERE id = 1"
"""The database that was recorded."""

SELECT_IS_RECORDED = """
SELECT EXISTS (
  SELECT FROM installation, pg_control_system() AS control
   WHERE installation.id = 1 AND installation.system_identifier = control.system_identifier::text
     AND installation.database_name = current_database()) AS here
"""
"""Whether the database of this connection is the recorded one."""

RECORD_IDENTITY = """
INSERT INTO installation (system_identifier, database_name)
SELECT system_identifier::text, current_database() FROM pg_control_system()
ON CONFLICT (id) DO UPDATE
  SET system_identifier = excluded.system_identifier, database_name = excluded.database_name,
      recorded_at = now()
"""
"""From now on, this database is the one that acts."""


async def read_identity(connection: Connection) -> Identity:
    """Return which database this is."""
    row = await connection.fetchrow(SELECT_IDENTITY)
    if row is None:
        raise LookupError("pg_control_system() returned no row")
    return Identity(**row)


async def find_recorded_identity(connection: Connection) -> Identity | None:
    """Return the database that is recorded, if any is."""
    row = await connection.fetchrow(SELECT_RECORDED_IDENTITY)
    return Identity(**row) if row else None


async def record_identity(connection: Connection) -> None:
    """Record this database as the one that acts. Only the owner of the tables may."""
    await connection.execute(RECORD_IDENTITY)


async def acts_here(pool: Pool) -> bool:
    """Whether this database is the recorded one, so that the service may act on what it holds."""
    row = await look_up(pool, pool.acquire_seconds, SELECT_IS_RECORDED)
    return bool(row["here"])


async def acts_on(connection: Connection) -> bool:
    """The same, on a connection."""
    return bool(await connection.fetchval(SELECT_IS_RECORDED))
