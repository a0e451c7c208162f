"""Migrates a database to the newest revision."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine
from sqlalchemy.pool import NullPool

from app.store.connection.address import connect_to
from app.store.connection.pool import when_ready
from app.store.connection.revision import MIGRATIONS


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


async def _migrate(dsn: str, revision: str) -> None:
    async with connect(dsn) as connection:
        await connection.run_sync(_upgrade, revision)
        await connection.commit()


def migrate(dsn: str, revision: str = "head") -> None:
    """Migrate the database at `dsn` to the newest revision, or only as far as `revision`. Safe to repeat.

    The role in `dsn` owns the tables. The service itself should use another role. Raises InvalidAddress, and
    what the driver raises.
    """
    try:
        asyncio.run(_migrate(dsn, revision))
    except DBAPIError as error:
        # The commands know the errors of the driver, not what they are wrapped in.
        raise (error.orig and error.orig.__cause__) or error from error
