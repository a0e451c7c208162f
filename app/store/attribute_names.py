"""The names of the custom attributes that leads were sent with, without any value."""

from collections.abc import Collection

from app.store.clocks import NOW
from app.store.connection.pool import Connection

MAX_NAMES = 2_000
"""The most names that a workspace keeps. With more, nothing can be said about the others."""
DAYS = 90

DELETE_OLD_ATTRIBUTE_NAMES = f"""
DELETE FROM attribute_names WHERE workspace_id = $1 AND seen_at < {NOW} - make_interval(days => {DAYS})
"""
"""Forget the names that no lead was sent with for a long time."""

UPSERT_ATTRIBUTE_NAMES = f"""
INSERT INTO attribute_names (workspace_id, name, seen_at)
SELECT $1, name, {NOW} FROM unnest($2::text[]) AS sent (name) ORDER BY name
LIMIT greatest(0, {MAX_NAMES} + 1 - (SELECT count(*) FROM attribute_names WHERE workspace_id = $1
                                     AND name <> ALL ($2::text[])))
ON CONFLICT (workspace_id, name) DO UPDATE SET seen_at = excluded.seen_at
"""
"""Note that leads were sent with these names, up to one more than the most names."""

SELECT_ATTRIBUTE_NAMES = f"""
SELECT name FROM attribute_names WHERE workspace_id = $1 AND seen_at >= {NOW} - make_interval(days => {DAYS})
"""
"""The names that leads were sent with lately."""


async def note_attribute_names(connection: Connection, workspace_id: int, names: Collection[str]) -> None:
    """Keep these names as seen now."""
    await connection.execute(DELETE_OLD_ATTRIBUTE_NAMES, workspace_id)
    await connection.execute(UPSERT_ATTRIBUTE_NAMES, workspace_id, list(names))


async def list_attribute_names(connection: Connection, workspace_id: int) -> frozenset[str] | None:
    """Return the names that leads were sent with in the last 90 days, or None when there are too many."""
    rows = await connection.fetch(SELECT_ATTRIBUTE_NAMES, workspace_id)
    return frozenset(row["name"] for row in rows) if len(rows) <= MAX_NAMES else None
