"""Access to Postgres: one pool per process, and every transaction bound to a role and one workspace."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any, TypeVar

import asyncpg
import structlog
from asyncpg.pool import PoolConnectionProxy

from app.errors import DatabaseStalled, WorkspaceDeleted
from app.metrics.process import PoolUse
from app.store.connection import address
from app.store.connection.kept_directories import KeptDirectories
from app.store.connection.known_types import KnowingConnection
from app.store.connection.shares import Shares
from app.troubles import Troubles

Connection = asyncpg.Connection | PoolConnectionProxy
Row = asyncpg.Record
Connect = Callable[..., Coroutine[Any, Any, asyncpg.Connection]]
Result = TypeVar("Result")

CONNECTION_ERRORS = (
    OSError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    asyncpg.PostgresConnectionError,
    asyncpg.CannotConnectNowError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.TooManyConnectionsError,
    asyncpg.IdleInTransactionSessionTimeoutError,
)
"""What the driver raises when the connection, and not the statement, is at fault."""


NOT_READY_ERRORS = (
    asyncpg.CannotConnectNowError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.TooManyConnectionsError,
    asyncpg.TargetServerAttributeNotMatched,
)
"""What a server answers while it starts, recovers from a crash, shuts down, or has no connection left; and
what it means when none of several servers is the primary yet."""
START_SECONDS = 60.0
"""How long the start of a process waits for such a server."""
RETRY_SECONDS = 0.5

ACQUIRE_SECONDS = 2.0
"""How long at least the database may take to accept a connection, or to answer the first statement."""
CONNECT_SHARE = 0.75
"""An attempt to connect ends before its request stops waiting, so that it ends with an error of its own."""
MIN_SHARE = 2
"""Connections that a workspace may hold, however small the pool is."""
LONG_PAUSE = 5000
"""How long a transaction may be idle that makes something large, in milliseconds."""
REPLY_SECONDS = 10.0
"""How long any other statement may take, whatever the server's own limits."""


def is_connection_error(error: BaseException) -> bool:
    """Whether the connection was at fault. A value the driver cannot encode is a ValueError as well."""
    return isinstance(error, CONNECTION_ERRORS) and not isinstance(error, ValueError)


@dataclass(frozen=True, slots=True)
class Limits:
    """How long one transaction may take, in milliseconds: waiting for a lock, a statement, doing nothing."""

    lock: int = 1500
    statement: int = 5000
    idle: int = 1000

    def as_settings(self) -> dict[str, str]:
        """The server's settings."""
        return {
            "lock_timeout": f"{self.lock:d}",
            "statement_timeout": f"{self.statement:d}",
            "idle_in_transaction_session_timeout": f"{self.idle:d}",
        }


class Pool(asyncpg.Pool):
    """Connections to one database.

    `transaction_settings` are those that every transaction has to make because its connection cannot keep
    them: all of them behind PgBouncer, none otherwise. `acquire_seconds` is how long a request waits for a
    connection; `troubles` is told when none is free. A workspace holds at most half of them, beside the one
    of its commit groups.
    """

    def __init__(
        self,
        *arguments: Any,
        max_size: int,
        transaction_settings: str,
        acquire_seconds: float,
        troubles: Troubles,
        init: Callable[[asyncpg.Connection], Coroutine[Any, Any, None]] | None = None,
        **keywords: Any,
    ) -> None:
        self.directories = KeptDirectories()

        async def begin(connection: Any) -> None:
            connection.directories = self.directories
            if init is not None:
                await init(connection)

        super().__init__(*arguments, max_size=max_size, init=begin, **keywords)
        self.shares = Shares(max(MIN_SHARE, max_size // 2))
        self.transaction_settings = transaction_settings
        self.acquire_seconds = acquire_seconds
        self.troubles = troubles
        self.waiting = 0
        """How many callers wait for a connection."""

    def use(self) -> PoolUse:
        """The connections that there are, and the requests that wait for one."""
        idle = self.get_idle_size()
        waiting = self.waiting + self.shares.waiting()
        return PoolUse(self.get_size() - idle, idle, self.get_max_size(), waiting)


async def open_pool(
    dsn: str,
    *,
    size: int,
    pgbouncer: bool,
    connect: Connect | None = None,
    request_seconds: float = ACQUIRE_SECONDS,
    troubles: Troubles | None = None,
) -> Pool:
    """A pool for `dsn`. It connects when it is first used, so a service starts while the database is away.

    `connect` is how, that of every connection unless given. A request that may take `request_seconds` may
    wait as long for a connection. A transaction leaves nothing behind, so a connection goes back as it came.
    With PgBouncer in transaction mode statements cannot be kept prepared. Raises InvalidAddress.
    """
    acquire_seconds = max(ACQUIRE_SECONDS, request_seconds)
    arguments = address.connect_arguments(dsn)
    within = CONNECT_SHARE * acquire_seconds
    arguments["timeout"] = min(within, arguments.get("timeout") or within)
    return await Pool(
        connection_class=KnowingConnection,
        record_class=asyncpg.Record,
        loop=None,
        min_size=0,
        max_size=size,
        max_queries=50_000,
        connect=connect or address.connect,
        init=None if pgbouncer else _keep_settings,
        command_timeout=REPLY_SECONDS,
        statement_cache_size=0 if pgbouncer else 256,
        max_inactive_connection_lifetime=300,
        reset=_leave_nothing_open,
        transaction_settings=_always(local=True) if pgbouncer else "",
        acquire_seconds=acquire_seconds,
        troubles=troubles or Troubles(),
        **arguments,
    )


async def _keep_settings(connection: asyncpg.Connection) -> None:
    """Set once what every transaction of this connection needs: each setting costs it microseconds."""
    await connection.execute(f"SELECT {_always(local=False)}")


async def take_connection(pool: Pool, seconds: float) -> PoolConnectionProxy:
    """A connection of the pool, waited for no longer than this.

    With an idle one there is nothing to wait for, and a time limit would cost a task.
    """
    if pool.get_idle_size():
        return await pool.acquire()
    pool.waiting += 1
    try:
        return await pool.acquire(timeout=seconds)
    except TimeoutError:
        if pool.get_size() >= pool.get_max_size():
            pool.troubles.note("pool_exhausted", connections=pool.get_max_size())
        raise
    finally:
        pool.waiting -= 1


async def give_back(pool: Pool, connection: PoolConnectionProxy) -> None:
    """Return a connection to the pool. A failure here closes the connection and reaches no caller."""
    with suppress(Exception):
        await pool.release(connection)


@asynccontextmanager
async def borrowed(pool: Pool, seconds: float) -> AsyncIterator[PoolConnectionProxy]:
    """A connection of the pool, waited for no longer than this, and given back.

    Giving back a broken one raises nothing: an error of its own would take the place of the first one, or of
    the cancellation by which a task is to end.
    """
    connection = await take_connection(pool, seconds)
    try:
        yield connection
    finally:
        await give_back(pool, connection)


@asynccontextmanager
async def _shared(pool: Pool, workspace_id: int) -> AsyncIterator[PoolConnectionProxy]:
    """A connection of the pool, out of the share of a workspace."""
    await pool.shares.take(workspace_id, pool.acquire_seconds)
    try:
        async with borrowed(pool, pool.acquire_seconds) as connection:
            yield connection
    finally:
        pool.shares.give_back(workspace_id)


async def _leave_nothing_open(connection: asyncpg.Connection) -> None:
    if connection.is_in_transaction():
        await connection.execute("ROLLBACK")


_ALWAYS = {
    **Limits().as_settings(),
    **dict.fromkeys(
        ("enable_seqscan", "enable_bitmapscan", "enable_hashjoin", "enable_mergejoin", "jit"), "off"
    ),
}
"""Limits, and a planner kept to index look-ups: a plan made while the tables were empty must still be right
with a million rows."""


def _always(*, local: bool) -> str:
    """The settings of every transaction, for the transaction only when `local`.

    An answer says that something is stored, so whatever the server was set to, a commit waits for the disk.
    """
    kept = "replace(current_setting('synchronous_commit'), 'off', 'on')"
    return f"{_settings(_ALWAYS, local=local)}, set_config('synchronous_commit', {kept}, {local})"


def _settings(values: Mapping[str, str], *, local: bool) -> str:
    return ", ".join(f"set_config('{name}', '{value}', {local})" for name, value in values.items())


def begin_statement(
    pool: Pool, workspace_id: int, limits: Limits, *, lock: bool = False, read_only: bool = False
) -> str:
    """The statements that begin every transaction, sent in one round trip.

    Role and workspace come first, so that row-level security holds from the first read. Every writer shares
    an advisory lock with all but the deletion of the workspace. New ones queue behind a deletion that waits,
    so traffic cannot keep it from its turn. The workspace lock comes last, with `lock`; other writers only
    look whether it is there. What a writer is answered goes to `require_workspace`.
    """
    begin = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY" if read_only else "BEGIN"
    identity = {"role": "lead_assignment_app", "lead_assignment.workspace": f"{workspace_id:d}"}
    others = {name: value for name, value in limits.as_settings().items() if value != _ALWAYS[name]}
    if lock:
        # With lists as parameters the planner would rather plan the statements of a commit group
        # again each time, which takes longer than they do.
        others["plan_cache_mode"] = "force_generic_plan"
    # What differs from the settings of every transaction comes after them, and so wins.
    settings = (_settings(identity, local=True), pool.transaction_settings, _settings(others, local=True))
    local = ", ".join(part for part in settings if part)
    if read_only:
        return f"{begin}; SELECT {local}"
    share = f"pg_advisory_xact_lock_shared({workspace_id:d})"
    strength = " FOR NO KEY UPDATE" if lock else ""
    take = f"SELECT FROM workspace_locks WHERE workspace_id = {workspace_id:d}{strength}"
    return f"{begin}; SELECT {local}, {share}; {take}"


def require_workspace(status: str) -> None:
    """Raises WorkspaceDeleted when a transaction that writes began without the row of the lock.

    `status` is what `begin_statement` was answered. A writer that went on would leave rows that nobody can
    reach, and nothing would keep it apart from other writers.
    """
    if status == "SELECT 0":
        raise WorkspaceDeleted


async def when_ready(
    work: Callable[[], Coroutine[Any, Any, Result]], seconds: float = START_SECONDS
) -> Result:
    """Do work at the start of a process; while the server is not ready, log it once, and try again.

    Raises whatever `work` raises; one of NOT_READY_ERRORS only after these seconds.
    """
    until, told = time.monotonic() + seconds, False
    while True:
        try:
            return await work()
        except NOT_READY_ERRORS as error:
            if time.monotonic() > until:
                raise
            if not told:
                structlog.get_logger().warning("waiting for the database", error=type(error).__name__)
            told = True
            await asyncio.sleep(RETRY_SECONDS)


@asynccontextmanager
async def transaction(
    pool: Pool,
    workspace_id: int,
    *,
    lock: bool = False,
    read_only: bool = False,
    limits: Limits | None = None,
) -> AsyncIterator[Connection]:
    """One transaction of one workspace; with `lock` it is the only one that decides there until it ends.

    Raises one of CONNECTION_ERRORS when the database cannot be reached, asyncpg.LockNotAvailableError when
    the workspace lock is held for longer than the limit, and, unless `read_only`, WorkspaceDeleted.
    """
    limits = limits or Limits()
    async with _shared(pool, workspace_id) as connection:
        begin = begin_statement(pool, workspace_id, limits, lock=lock, read_only=read_only)
        try:
            waits = 0 if read_only else limits.lock / 1000
            status = await _say(connection, begin, pool.acquire_seconds + waits)
            if not read_only:
                require_workspace(status)
            yield connection
        except BaseException as error:
            await _roll_back(connection)
            await renew_if_read_only(pool, error)
            raise
        try:
            await _say(connection, "COMMIT", REPLY_SECONDS)
        except TimeoutError:
            note_stalled(pool)
            raise


_IDLE = "idle_in_transaction_session_timeout"
LET_PAUSE = f"""set_config('{_IDLE}', greatest(
  {LONG_PAUSE}, 1000 * extract(epoch FROM current_setting('{_IDLE}')::interval)::int)::text, true)"""
"""What lets a transaction be idle for longer than by default."""


async def may_pause(connection: Connection) -> None:
    """Let this transaction be idle for longer: others go on while it makes something large."""
    await connection.execute(f"SELECT {LET_PAUSE}")


async def renew_if_read_only(pool: Pool, error: BaseException) -> None:
    """Have each connection made again before its next use, if a write failed in a read-only session.

    A session keeps the default it began with, and its server: only a new one finds out that the database can
    be written again, or which host is the primary now.
    """
    if isinstance(error, asyncpg.ReadOnlySQLTransactionError):
        await pool.expire_connections()


def note_stalled(pool: Pool) -> None:
    """Tell the operator that a commit was not confirmed in time, for which nothing else has a name."""
    pool.troubles.note(DatabaseStalled.code)


def close_broken(connection: Connection) -> None:
    """Close a connection at once. One that broke has left the pool on its own, and refuses every call."""
    with suppress(asyncpg.InterfaceError):
        connection.terminate()


async def _say(connection: Connection, statements: str, seconds: float) -> str:
    """Run statements on a connection that may be broken: one that does not answer in time is closed.

    Returns the status of the last statement.
    """
    try:
        return str(await connection.execute(statements, timeout=seconds))
    except CONNECTION_ERRORS:
        close_broken(connection)
        raise


async def look_up(pool: Pool, seconds: float, statement: str, *arguments: object) -> Any:
    """The first row of a statement outside of any workspace, or None.

    Raises one of CONNECTION_ERRORS, TimeoutError among them, when there is no answer within `seconds`.
    """
    rows = await look_up_all(pool, seconds, statement, *arguments)
    return rows[0] if rows else None


async def look_up_all(pool: Pool, seconds: float, statement: str, *arguments: object) -> list[Row]:
    """The rows of a statement outside of any workspace.

    Raises one of CONNECTION_ERRORS, TimeoutError among them, when there is no answer within `seconds`.
    """
    until = time.monotonic() + seconds
    async with borrowed(pool, seconds) as connection:
        try:
            rows = await connection.fetch(statement, *arguments, timeout=until - time.monotonic())
        except CONNECTION_ERRORS:
            # Given back as it is, it would be waited for.
            close_broken(connection)
            raise
    return list(rows)


async def _roll_back(connection: Connection) -> None:
    try:
        if not connection.is_closed():
            await connection.execute("ROLLBACK")
    except CONNECTION_ERRORS:
        close_broken(connection)
