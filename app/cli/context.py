"""The settings and the database a command works with, and its progress bar."""

import asyncio
import getpass
import os
import sys
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any, TypeVar

import typer
from pydantic import ValidationError

from app.settings import Settings
from app.store import workspaces
from app.store.connection import role
from app.store.connection.address import connect_to
from app.store.connection.pool import START_SECONDS, Connection, Pool, open_pool, when_ready
from app.store.workspaces import Workspace

EMBEDDED_DATA = Path(".data")
"""The data directory of the embedded Postgres, relative to the working directory."""
PREFIX = "LEAD_ASSIGNMENT_"
MAX_ACTOR_LENGTH = 255
TOOL_VARIABLES = frozenset((f"{PREFIX}POSTGRES_BIN_DIR",))
"""Variables with our prefix that are not settings of the service."""

Result = TypeVar("Result")


class CommandError(Exception):
    """Ends the command. The message is printed for people."""


def settings_now() -> Settings:
    """Read the settings from the environment.

    Raises CommandError. It names no value, because some are secret.
    """
    try:
        settings = Settings()
    except ValidationError as error:
        names = {_variable(str(each["loc"][0])) for each in error.errors()}
        raise CommandError(f"Invalid settings: {', '.join(sorted(names))}.") from None
    unknown = sorted(_unknown_variables())
    if unknown and not settings.development:
        raise CommandError(f"Unknown settings: {', '.join(unknown)}.")
    return settings


def _unknown_variables() -> set[str]:
    known = {f"{PREFIX}{name}".upper() for name in Settings.model_fields} | TOOL_VARIABLES
    return {name for name in os.environ if name.upper().startswith(PREFIX)} - known


def _variable(field: str) -> str:
    return f"{PREFIX}{field}".upper() if field in Settings.model_fields else field


@contextmanager
def database(settings: Settings) -> Iterator[Settings]:
    """Settings that name a database: the configured one, or in development the embedded one.

    Raises CommandError if there is neither.
    """
    if settings.database_url:
        yield settings
    elif not settings.development:
        raise CommandError("Set DATABASE_URL. There is no embedded database in production.")
    else:
        with _embedded_postgres() as dsn:
            yield settings.model_copy(update={"database_url": dsn})


@contextmanager
def _embedded_postgres() -> Iterator[str]:
    # Imported only here: production installs do not contain it.
    try:
        from devtools.embedded_postgres import PostgresUnavailable, start
    except ModuleNotFoundError:
        raise CommandError("Set DATABASE_URL. This installation has no embedded Postgres.") from None
    try:
        server = start(EMBEDDED_DATA)
    except PostgresUnavailable as error:
        raise CommandError(str(error)) from None
    with server:
        yield server.dsn


def require_tables(dsn: str, seconds: float = START_SECONDS) -> None:
    """Make sure that the database was migrated, before a process logs that it finds no tables.

    A server that is not ready is waited for, for these seconds.

    Raises CommandError.
    """

    async def found() -> bool:
        connection = await connect_to(dsn, statement_cache_size=0)
        try:
            return await role.has_tables(connection)
        finally:
            await connection.close()

    if not asyncio.run(when_ready(found, seconds)):
        raise CommandError("The database has no tables yet. Run `lead-assignment migrate` first.")


def as_owner(work: Callable[[Connection], Awaitable[Result]]) -> Result:
    """Run `work` on a connection of the role that owns the tables."""
    with database(settings_now()) as settings:

        async def connected() -> Result:
            address = settings.address_for_migration()
            # Nothing is kept prepared: the owner may come by way of PgBouncer as well.
            connection = await when_ready(lambda: connect_to(address, statement_cache_size=0))
            try:
                return await work(connection)
            finally:
                await connection.close()

        return asyncio.run(connected())


def with_pool(work: Callable[[Pool], Awaitable[Result]]) -> Result:
    """Run `work` with a connection pool of the service's own role."""
    with database(settings_now()) as settings:

        async def opened() -> Result:
            pool = await open_pool(settings.database_url or "", size=2, pgbouncer=settings.pgbouncer)
            async with pool:
                return await work(pool)

        return asyncio.run(opened())


async def workspace_named(pool: Pool | Connection, name: str) -> Workspace:
    """Find a workspace by name. Raises CommandError if it does not exist."""
    found = await workspaces.find_workspace(pool, name)
    if found is None:
        raise CommandError(f"No workspace {name!r}. List them with `lead-assignment workspaces list`.")
    return found


async def workspace_chosen(pool: Pool | Connection, name: str | None) -> Workspace:
    """Find the workspace that a command is for: the one named, else the only one there is.

    Raises CommandError.
    """
    if name is not None:
        return await workspace_named(pool, name)
    found = await workspaces.list_workspaces(pool)
    if len(found) == 1:
        return found[0]
    raise CommandError("Use --workspace to name one. List them with `lead-assignment workspaces list`.")


def system_user() -> str:
    """The name of the system user who runs the command: the actor of the edits it makes."""
    try:
        return getpass.getuser()[:MAX_ACTOR_LENGTH] or "cli"
    except (OSError, KeyError):
        return "cli"


def progress(length: int, label: str) -> AbstractContextManager[Any]:
    """A progress bar on the standard error. If that is not a terminal, only the label is printed."""
    bar: AbstractContextManager[Any] = typer.progressbar(length=length, label=label, file=sys.stderr)
    return bar
