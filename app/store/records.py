"""Records of the directory asked for in other ways than one by one."""

from collections.abc import Sequence

import orjson

from app.store.database import Connection
from app.store.directory import Record

FIND_MANY = """
SELECT found.noun, found.id, found.body, found.revision, found.updated_at
  FROM unnest($3::text[]) AS wanted (id)
 CROSS JOIN LATERAL (
   SELECT noun, id, body, revision, updated_at FROM directory
    WHERE workspace_id = $1 AND noun = $2 AND directory.id = wanted.id
    LIMIT 1) AS found
"""


async def find_many(
    connection: Connection, workspace_id: int, noun: str, ids: Sequence[str]
) -> dict[str, Record]:
    """The records of these ids, by id; unknown ids are left out."""
    rows = await connection.fetch(FIND_MANY, workspace_id, noun, list(dict.fromkeys(ids)))
    return {row["id"]: Record(row[0], row[1], orjson.loads(row[2]), row[3], row[4]) for row in rows}


ABSENCES = """
SELECT noun, id, body, revision, updated_at FROM directory
 WHERE workspace_id = $1 AND noun = 'absences' AND body ->> 'owner' = $2 AND id > $3
 ORDER BY id LIMIT $4
"""


async def absences(
    connection: Connection, workspace_id: int, owner_id: str, after: str, limit: int
) -> list[Record]:
    """An owner's absences in the order they were entered, those behind `after`."""
    rows = await connection.fetch(ABSENCES, workspace_id, owner_id, after, limit)
    return [Record(row[0], row[1], orjson.loads(row[2]), row[3], row[4]) for row in rows]
