"""Loads counted again from the books, when caps or a time zone change what must be counted."""

from datetime import UTC, datetime

from app.store.database import Connection

OPEN = """
SELECT count(*) FROM assignments
 WHERE workspace_id = $1 AND owner_id = $2 AND open AND ($3::text IS NULL OR team_id = $3)
"""
COUNTED = """
SELECT decided_at FROM assignments
 WHERE workspace_id = $1 AND owner_id = $2 AND counted AND decided_at > $4
   AND ($3::text IS NULL OR team_id = $3)
 ORDER BY decided_at
"""


async def counted(
    connection: Connection, workspace_id: int, owner_id: str, team_id: str | None, since: datetime
) -> tuple[int, list[datetime]]:
    """How many leads are open with an owner, and when those came that count since then, oldest first."""
    still_open = await connection.fetchval(OPEN, workspace_id, owner_id, team_id)
    rows = await connection.fetch(COUNTED, workspace_id, owner_id, team_id, since)
    return still_open, [row["decided_at"].astimezone(UTC) for row in rows]
