"""Loads counted again from the books, when caps or a time zone change what must be counted."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from app.store.connection.pool import Connection

COUNTED = """
SELECT (SELECT count(*) FROM assignments
         WHERE workspace_id = $1 AND owner_id = wanted.owner AND open
           AND (wanted.team IS NULL OR team_id = wanted.team)),
       ARRAY (SELECT decided_at FROM assignments
               WHERE workspace_id = $1 AND owner_id = wanted.owner AND counted AND decided_at > wanted.since
                 AND (wanted.team IS NULL OR team_id = wanted.team)
               ORDER BY decided_at)
  FROM unnest($2::text[], $3::text[], $4::timestamptz[]) WITH ORDINALITY
    AS wanted (owner, team, since, ordinal)
 ORDER BY wanted.ordinal
"""


@dataclass(frozen=True, slots=True)
class LoadQuery:
    """Whose load, of what came through which team (None for all), and since when."""

    owner: str
    team: str | None
    since: datetime


async def counted(
    connection: Connection, workspace_id: int, asked: Sequence[LoadQuery]
) -> list[tuple[int, list[datetime]]]:
    """For each: how many leads are open, and when those came that count since then, oldest first."""
    rows = await connection.fetch(
        COUNTED,
        workspace_id,
        [one.owner for one in asked],
        [one.team for one in asked],
        [one.since for one in asked],
    )
    return [(still_open, [at.astimezone(UTC) for at in times]) for still_open, times in rows]
