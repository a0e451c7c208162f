"""The revision of the schema: that of the code, and that of the database."""

from functools import cache
from pathlib import Path

import asyncpg

from app.store.connection.pool import CONNECTION_ERRORS, Pool, look_up

MIGRATIONS = Path(__file__).parents[3] / "migrations"

SELECT_REVISION = "SELECT version_num FROM alembic_version"
"""The newest revision that was applied."""


@cache
def newest_revision() -> str:
    """The newest revision in the folder of migrations, for which this code was written."""
    return max(path.name[:4] for path in (MIGRATIONS / "versions").glob("[0-9]*.py"))


async def find_revision(pool: Pool, seconds: float) -> str | None:
    """Return the revision of the database, or None where it cannot be read now or by this role."""
    try:
        row = await look_up(pool, seconds, SELECT_REVISION)
    except (asyncpg.PostgresError, *CONNECTION_ERRORS):
        return None
    return str(row["version_num"]) if row else None
