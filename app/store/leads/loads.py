"""Loads counted from stored assignments, when caps or a time zone change what must be counted."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from app.store.connection.pool import Connection


@dataclass(frozen=True, slots=True)
class LoadQuery:
    """Whose load to count, through which team (None for all), and since when."""

    owner: str
    team: str | None
    since: datetime


SELECT_LOADS = """
SELECT (SELECT count(*) FROM assignments
         WHERE workspace_id = $1 AND owner_id = wanted.owner AND open
           AND (wanted.team IS NULL OR team_id = wanted.team)) AS open_leads,
       ARRAY (SELECT decided_at FROM assignments
               WHERE workspace_id = $1 AND owner_id = wanted.owner AND counts_toward_load
                 AND NOT refunded AND decided_at > wanted.since
                 AND (wanted.team IS NULL OR team_id = wanted.team)
               ORDER BY decided_at) AS taken_at
  FROM unnest($2::text[], $3::text[], $4::timestamptz[]) WITH ORDINALITY
    AS wanted (owner, team, since, ordinal)
 ORDER BY wanted.ordinal
"""
"""For each owner: how many leads are open, and when those came that count."""


async def count_loads(
    connection: Connection, workspace_id: int, queries: Sequence[LoadQuery]
) -> list[tuple[int, list[datetime]]]:
    """For each query, return how many leads are open, and when those came that count, oldest first."""
    owners, teams = [query.owner for query in queries], [query.team for query in queries]
    since = [query.since for query in queries]
    rows = await connection.fetch(SELECT_LOADS, workspace_id, owners, teams, since)
    return [(row["open_leads"], [at.astimezone(UTC) for at in row["taken_at"]]) for row in rows]
