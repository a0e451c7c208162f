"""Alembic's way in: on the connection that `app.store.migrate` hands over, or on one of its own."""

import asyncio

from alembic import context
from sqlalchemy import Connection

from app.settings import Settings
from app.store.migrate import connect


def run(connection: Connection) -> None:
    """Bring the database of this connection to the wanted revision, in one transaction."""
    context.configure(connection=connection)
    with context.begin_transaction():
        context.run_migrations()


async def run_on_own_connection() -> None:
    """What the `alembic` command does: the address comes from the settings."""
    async with connect(Settings().address_for_migration()) as connection:
        await connection.run_sync(run)


given = context.config.attributes.get("connection")
if given is not None:
    run(given)
else:
    asyncio.run(run_on_own_connection())
