"""Where a command works: the settings, the database, and what to say when that does not do."""

import asyncio
import os
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import asyncpg
from pydantic import ValidationError

from app.settings import Settings
from app.store import workspaces
from app.store.connection.pool import Connection, Pool, open_pool
from app.store.workspaces import Workspace
from devtools.embedded_postgres import start
from devtools.embedded_postgres.binaries import DIRECTORY_VARIABLE

DATA = Path(".data")
"""Where the embedded Postgres keeps its data, in the directory the command is run in."""
PREFIX = "LEAD_ASSIGNMENT_"

Result = TypeVar("Result")


class CommandError(Exception):
    """The command ends here; the message is for people."""


def settings_now() -> Settings:
    """The settings of the environment.

    Raises Stop; no value of a setting is told, for some are secret.
    """
    try:
        settings = Settings()
    except ValidationError as refused:
        places = (_variable(str(error["loc"][0])) for error in refused.errors())
        raise CommandError(f"These settings are not valid: {', '.join(sorted(set(places)))}.") from None
    unknown = sorted(_unknown())
    if unknown and not settings.development:
        raise CommandError(f"These settings are not known: {', '.join(unknown)}.")
    return settings


def _unknown() -> set[str]:
    known = {f"{PREFIX}{name}".upper() for name in Settings.model_fields} | {DIRECTORY_VARIABLE}
    return {name for name in os.environ if name.upper().startswith(PREFIX)} - known


def _variable(place: str) -> str:
    return f"{PREFIX}{place}".upper() if place in Settings.model_fields else place


@contextmanager
def database(settings: Settings) -> Iterator[Settings]:
    """The settings with a database in them: the one they name, else the embedded one, started or joined.

    Raises Stop in production, where nothing is embedded.
    """
    if settings.database_url:
        yield settings
    elif not settings.development:
        raise CommandError("Set DATABASE_URL: in production there is no embedded database.")
    else:
        with start(DATA) as server:
            yield settings.model_copy(update={"database_url": server.dsn})


def as_owner(work: Callable[[Connection], Awaitable[Result]]) -> Result:
    """Do work on a connection of the role that owns the tables."""
    with database(settings_now()) as settings:

        async def connected() -> Result:
            connection = await asyncpg.connect(settings.address_for_migration(), timeout=10)
            try:
                return await work(connection)
            finally:
                await connection.close()

        return asyncio.run(connected())


def with_pool(work: Callable[[Pool], Awaitable[Result]]) -> Result:
    """Do work with a pool of the service's own role."""
    with database(settings_now()) as settings:

        async def opened() -> Result:
            pool = await open_pool(settings.database_url or "", size=2, pgbouncer=settings.pgbouncer)
            async with pool:
                return await work(pool)

        return asyncio.run(opened())


async def workspace_named(pool: Pool | Connection, name: str) -> Workspace:
    """The workspace of this name.

    Raises Stop.
    """
    found = await workspaces.named(pool, name)
    if found is None:
        raise CommandError(
            f"There is no workspace {name!r}; `lead-assignment workspaces list` shows those there are."
        )
    return found
