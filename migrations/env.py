"""The way in of alembic: on a connection handed over by `app.store.connection.migrate`, or on its own."""

import asyncio

from alembic import context
from sqlalchemy import Connection, text

from app.models.tables import metadata
from app.settings import Settings
from app.store.connection.migrate import connect

ONE_AT_A_TIME = 7_016_996_765_293_437_281
"""The number of the lock: any that nothing else in the database uses."""


def run(connection: Connection) -> None:
    """Bring the database of this connection to the wanted revision, in one transaction.

    Of several at once one does the work, and the others wait and find it done.
    """
    context.configure(connection=connection, target_metadata=metadata)
    with context.begin_transaction():
        connection.execute(text("SELECT pg_advisory_xact_lock(:number)"), {"number": ONE_AT_A_TIME})
        # Policies bind the owner of the tables too. A revision that forgets to lift them fails, and skips no
        # rows. Functions that read all workspaces are subject to them only when they run.
        connection.execute(text("SET LOCAL row_security = off"))
        connection.execute(text("SET LOCAL check_function_bodies = off"))
        context.run_migrations()
        connection.execute(text(f"COMMENT ON TABLE alembic_version IS '{_oldest_code_served()}'"))


def _oldest_code_served() -> str:
    """The oldest revision whose code can go on with the schema as it is now, for `/readyz` of that code."""
    oldest, needed = context.get_context().get_current_revision() or "", ""
    while True:
        module = context.script.get_revision(oldest).module
        needed = max(needed, getattr(module, "serves", oldest))
        if module.down_revision is None or module.down_revision < needed:
            return oldest
        oldest = module.down_revision


async def run_on_own_connection() -> None:
    """What the `alembic` command does: the address comes from the settings."""
    async with connect(Settings().address_for_migration()) as connection:
        await connection.run_sync(run)


given = context.config.attributes.get("connection")
if given is not None:
    run(given)
else:
    asyncio.run(run_on_own_connection())
