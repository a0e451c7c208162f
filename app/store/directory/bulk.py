"""Records of the directory asked for in other ways than one by one."""

from collections.abc import Sequence

import orjson

from app.store.connection.pool import Connection
from app.store.directory.records import ChangeRecord, Record

FIND_MANY = """
SELECT found.resource_type, found.id, found.body, found.revision, found.updated_at
  FROM unnest($3::text[]) AS wanted (id)
 CROSS JOIN LATERAL (
   SELECT resource_type, id, body, revision, updated_at FROM directory
    WHERE workspace_id = $1 AND resource_type = $2 AND directory.id = wanted.id
    LIMIT 1) AS found
"""


async def find_many(
    connection: Connection, workspace_id: int, resource_type: str, ids: Sequence[str]
) -> dict[str, Record]:
    """The records of these ids, by id; unknown ids are left out."""
    rows = await connection.fetch(FIND_MANY, workspace_id, resource_type, list(dict.fromkeys(ids)))
    return {row["id"]: Record(row[0], row[1], orjson.loads(row[2]), row[3], row[4]) for row in rows}


ABSENCES = """
SELECT resource_type, id, body, revision, updated_at FROM directory
 WHERE workspace_id = $1 AND resource_type = 'absences' AND body ->> 'owner' = $2 AND id > $3
 ORDER BY id LIMIT $4
"""


async def absences(
    connection: Connection, workspace_id: int, owner_id: str, after: str, limit: int
) -> list[Record]:
    """An owner's absences in the order they were entered, those behind `after`."""
    rows = await connection.fetch(ABSENCES, workspace_id, owner_id, after, limit)
    return [Record(row[0], row[1], orjson.loads(row[2]), row[3], row[4]) for row in rows]


PUT_MANY = """
INSERT INTO directory (workspace_id, resource_type, id, body, revision, updated_at)
SELECT $1, * FROM unnest($2::text[], $3::text[], $4::text[]::jsonb[], $5::bigint[], $6::timestamptz[])
ON CONFLICT (workspace_id, resource_type, id)
  DO UPDATE SET body = excluded.body, revision = excluded.revision, updated_at = excluded.updated_at
"""


async def put_many(connection: Connection, workspace_id: int, records: Sequence[Record]) -> None:
    """Make records what they say; each stands there once."""
    await connection.execute(
        PUT_MANY,
        workspace_id,
        [record.resource_type for record in records],
        [record.id for record in records],
        [orjson.dumps(record.body).decode() for record in records],
        [record.revision for record in records],
        [record.updated_at for record in records],
    )


LOG_MANY = """
INSERT INTO changes (workspace_id, version, at, actor, resource_type, resource_id, action, before,
  after, comment)
SELECT $1, * FROM unnest($2::bigint[], $3::timestamptz[], $4::text[], $5::text[], $6::text[], $7::text[],
                         $8::text[]::jsonb[], $9::text[]::jsonb[], $10::text[])
"""


async def log_many(connection: Connection, workspace_id: int, changes: Sequence[ChangeRecord]) -> None:
    """Add rows to the log, which is never changed."""
    await connection.execute(
        LOG_MANY,
        workspace_id,
        [change.version for change in changes],
        [change.at for change in changes],
        [change.actor for change in changes],
        [change.resource_type for change in changes],
        [change.resource_id for change in changes],
        [change.action for change in changes],
        [change.before and orjson.dumps(change.before).decode() for change in changes],
        [change.after and orjson.dumps(change.after).decode() for change in changes],
        [change.comment for change in changes],
    )
