"""Migrates a database to the newest revision."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine
from sqlalchemy.pool import NullPool

from app.errors import SchemaNewer
from app.store.connection.address import connect_to
from app.store.connection.pool import when_ready
from app.store.connection.revision import MIGRATIONS, NEWEST_REVISION, SELECT_REVISION, is_too_new


@asynccontextmanager
async def connect(dsn: str) -> AsyncIterator[AsyncConnection]:
    """Open a connection for migrations. Raises InvalidAddress, and what the driver raises."""
    engine = create_async_engine(
        "postgresql+asyncpg://",
        async_creator=lambda: when_ready(lambda: connect_to(dsn)),
        poolclass=NullPool,
    )
    try:
        async with engine.connect() as connection:
            yield connection
    finally:
        await engine.dispose()


def _upgrade(connection: Connection, revision: str) -> None:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, revision)


async def _later_revision(connection: AsyncConnection) -> str | None:
    """The revision of the database, if a later version has migrated it and serves this code.

    Raises SchemaNewer if it does not serve this code.
    """
    if not await connection.scalar(text("SELECT to_regclass('public.alembic_version') IS NOT NULL")):
        return None
    row = (await connection.execute(text(SELECT_REVISION))).one_or_none()
    await connection.rollback()
    if row is None or row.revision <= NEWEST_REVISION:
        return None
    if is_too_new(row.revision, row.since):
        raise SchemaNewer(
            f"The schema is of revision {row.revision}, and this version knows {NEWEST_REVISION}."
            f" {SchemaNewer.remedy}"
        )
    return str(row.revision)


async def _migrate(dsn: str, revision: str) -> str | None:
    async with connect(dsn) as connection:
        later = await _later_revision(connection)
        if later is None:
            await connection.run_sync(_upgrade, revision)
            await connection.commit()
        return later


def migrate(dsn: str, revision: str = "head") -> str | None:
    """Migrate the database at `dsn` to the newest revision, or only as far as `revision`. Safe to repeat.

    A database of a later version that serves this code stays as it is; its revision is returned. The role in
    `dsn` owns the tables. The service itself should use another role. Raises InvalidAddress, SchemaNewer, and
    what the driver raises.
    """
    try:
        return asyncio.run(_migrate(dsn, revision))
    except DBAPIError as error:
        # The commands know the errors of the driver, not what they are wrapped in.
        raise (error.orig and error.orig.__cause__) or error from error
