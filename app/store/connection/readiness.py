"""Whether decisions can be made: the database answers, has the schema of this code, and can be written."""

import asyncpg

from app.errors import (
    DatabaseFull,
    DatabaseReadOnly,
    DatabaseStalled,
    NoApiKey,
    PoolerNotSet,
    Problem,
    SchemaNewer,
    SchemaOlder,
)
from app.store import api_keys
from app.store.connection.pool import Connection, Pool, borrowed, close_broken, is_connection_error
from app.store.connection.revision import NEWEST_REVISION, SELECT_REVISION, is_too_new
from app.store.connection.unusable import unusable_problem

RECENT_SECONDS = 10.0
"""How long a write that failed keeps the service from being ready, so that a probe sees it."""

SELECT_STATE = """
SELECT pg_is_in_recovery() OR current_setting('transaction_read_only')::boolean AS read_only,
       to_regclass('public.alembic_version') IS NOT NULL AS migrated,
       pg_backend_pid() AS server_process,
       CASE WHEN to_regclass('public.alembic_version') IS NULL THEN false
            ELSE has_table_privilege(to_regclass('public.alembic_version'), 'SELECT') END AS readable
"""
"""What the database says about itself."""

WRITE_A_MEGABYTE = """
CREATE TEMPORARY TABLE lead_assignment_room ON COMMIT DROP AS
SELECT repeat(md5(number::text), 32) AS filler FROM generate_series(1, 1000) AS number
"""
"""Takes room on the disk until its transaction ends."""


WRITE_A_COMMIT = "SELECT pg_logical_emit_message(true, 'lead_assignment', 'ready')"
"""Writes to the log of the database and changes nothing, so its commit is confirmed like any other."""


async def require_ready(pool: Pool, seconds: float, *, pgbouncer: bool, keys: bool) -> None:
    """Find out whether decisions can be made now. `keys` is whether an API key is needed for them.

    Raises one of CONNECTION_ERRORS when there is no answer in time, else the problem that says what is wrong.
    """
    async with borrowed(pool, seconds) as connection:
        try:
            state = await connection.fetchrow(SELECT_STATE, timeout=seconds)
            if state is None:
                raise LookupError("a SELECT without FROM returned no row")
            if not state["migrated"]:
                raise _problem(SchemaOlder, "The database has no tables yet.")
            await _require_revision(connection, readable=state["readable"])
            if state["read_only"]:
                # A session stays as it began, so the next probe asks a new one.
                await pool.expire_connections()
                raise _problem(DatabaseReadOnly)
            await _require_room(pool, connection)
            await _require_commit(pool, connection, seconds)
            if keys and not await api_keys.any_key_exists(connection):
                raise _problem(NoApiKey)
            if not pgbouncer:
                await _require_session(pool, connection, state["server_process"])
        except Exception as error:
            if is_connection_error(error):
                close_broken(connection)
            kind = unusable_problem(error)
            if kind is None:
                raise
            # The looks themselves may fail, as behind a pooler that takes away what they prepared.
            pool.troubles.note(kind.code, error=type(error).__name__)
            raise _problem(kind) from None


def _problem(kind: type[Problem], detail: str = "") -> Problem:
    """The problem with what is to be done: operators read probes, not the list of codes."""
    return kind(f"{detail} {kind.remedy}".strip())


async def _require_revision(connection: Connection, *, readable: bool) -> None:
    # Earlier revisions do not let the service read theirs.
    row = await connection.fetchrow(SELECT_REVISION) if readable else None
    found, own = (row["revision"] if row else ""), NEWEST_REVISION
    if found < own:
        raise _problem(SchemaOlder, f"The code needs revision {own}.")
    if row is not None and is_too_new(found, row["since"]):
        raise _problem(SchemaNewer, f"The code is of revision {own}, and the schema of {found}.")


async def _require_room(pool: Pool, connection: Connection) -> None:
    """Only after a write failed for lack of room is there anything to try."""
    if not pool.troubles.counts.get(DatabaseFull.code):
        return
    if pool.troubles.is_recent(DatabaseFull.code, RECENT_SECONDS):
        raise _problem(DatabaseFull)
    try:
        async with connection.transaction():
            await connection.execute(WRITE_A_MEGABYTE)
    except asyncpg.DiskFullError:
        raise _problem(DatabaseFull) from None


async def _require_commit(pool: Pool, connection: Connection, seconds: float) -> None:
    """Only after a commit was not confirmed is there anything to try."""
    if not pool.troubles.counts.get(DatabaseStalled.code):
        return
    if pool.troubles.is_recent(DatabaseStalled.code, RECENT_SECONDS):
        raise _problem(DatabaseStalled)
    try:
        await connection.execute(WRITE_A_COMMIT, timeout=seconds)
    except TimeoutError:
        close_broken(connection)
        pool.troubles.note(DatabaseStalled.code)
        raise _problem(DatabaseStalled) from None


async def _require_session(pool: Pool, connection: Connection, server_process: int) -> None:
    """Without `LEAD_ASSIGNMENT_PGBOUNCER`, settings and statements of a session must stay with it.

    A pooler hides the process of the server behind a number of its own. Then a second session tells whether
    the two share one process, as in transaction mode.
    """
    if pool.troubles.is_recent(PoolerNotSet.code, RECENT_SECONDS):
        raise _problem(PoolerNotSet)
    if connection.get_server_pid() == server_process:
        return
    async with borrowed(pool, pool.acquire_seconds) as other:
        if await other.fetchval("SELECT pg_backend_pid()") == server_process:
            raise _problem(PoolerNotSet)
