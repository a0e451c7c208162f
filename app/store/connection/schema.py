"""Which revision the tables have."""

import asyncpg

from app.store.connection.pool import CONNECTION_ERRORS, Pool, look_up

SELECT_REVISION = "SELECT version_num FROM alembic_version"


async def find_revision(pool: Pool, seconds: float) -> str | None:
    """The newest migration that was applied, or None where it cannot be read now or by this role."""
    try:
        row = await look_up(pool, seconds, SELECT_REVISION)
    except (asyncpg.PostgresError, *CONNECTION_ERRORS):
        return None
    return str(row["version_num"]) if row else None
