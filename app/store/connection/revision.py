"""The revision of the schema: that of the code, and that of the database."""

from pathlib import Path

import asyncpg

from app.store.connection.pool import CONNECTION_ERRORS, Pool, look_up

MIGRATIONS = Path(__file__).parents[3] / "migrations"
# Read with the code: the folder of a process that is being replaced may hold later ones.
NEWEST_REVISION = max(path.name[:4] for path in (MIGRATIONS / "versions").glob("[0-9]*.py"))
"""The newest revision in the folder of migrations, for which this code was written."""

SELECT_REVISION = """
SELECT version_num AS revision, obj_description('public.alembic_version'::regclass, 'pg_class') AS since
  FROM public.alembic_version
"""
"""The revision of the schema, and the oldest revision whose code may go on with it."""


async def find_revision(pool: Pool, seconds: float) -> str | None:
    """Return the revision of the database, or None where it cannot be read now or by this role."""
    try:
        row = await look_up(pool, seconds, SELECT_REVISION)
    except (asyncpg.PostgresError, *CONNECTION_ERRORS):
        return None
    return str(row["revision"]) if row else None


def is_too_new(found: str, since: str | None) -> bool:
    """Whether this code cannot go on with the schema of `found`, which serves code from `since` on."""
    return found > NEWEST_REVISION and (since or found) > NEWEST_REVISION
