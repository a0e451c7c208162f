"""The directory's records, and the log of who changed what."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson

from app.store.connection.pool import Connection


@dataclass(frozen=True, slots=True)
class Record:
    """One record as stored. `revision` is the number of the change that made it what it is."""

    resource_type: str
    id: str
    body: dict[str, Any]
    revision: int
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class ChangeRecord:
    """One row of the log."""

    version: int
    at: datetime
    actor: str
    resource_type: str
    resource_id: str
    action: str
    before: Mapping[str, Any] | None
    after: Mapping[str, Any] | None
    comment: str | None = None


FIND = """
SELECT resource_type, id, body, revision, updated_at FROM directory
 WHERE workspace_id = $1 AND resource_type = $2 AND id = $3
"""


async def find(connection: Connection, workspace_id: int, resource_type: str, id_: str) -> Record | None:
    """One record."""
    row = await connection.fetchrow(FIND, workspace_id, resource_type, id_)
    return _record(row) if row else None


PAGE = """
SELECT resource_type, id, body, revision, updated_at FROM directory
 WHERE workspace_id = $1 AND resource_type = $2 AND id > $3
 ORDER BY id LIMIT $4
"""


async def page(
    connection: Connection, workspace_id: int, resource_type: str, after: str, limit: int
) -> list[Record]:
    """Records by id, those behind `after`."""
    return [_record(row) for row in await connection.fetch(PAGE, workspace_id, resource_type, after, limit)]


PUT = """
INSERT INTO directory (workspace_id, resource_type, id, body, revision, updated_at) VALUES ($1, $2, $3,
  $4, $5, $6)
ON CONFLICT (workspace_id, resource_type, id)
  DO UPDATE SET body = excluded.body, revision = excluded.revision, updated_at = excluded.updated_at
"""
DELETE = "DELETE FROM directory WHERE workspace_id = $1 AND resource_type = $2 AND id = $3"
LOG = """
INSERT INTO changes (workspace_id, version, at, actor, resource_type, resource_id, action, before,
  after, comment)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
"""


async def put(connection: Connection, workspace_id: int, record: Record) -> None:
    """Make the record what it says."""
    body = orjson.dumps(record.body).decode()
    await connection.execute(
        PUT, workspace_id, record.resource_type, record.id, body, record.revision, record.updated_at
    )


async def delete(connection: Connection, workspace_id: int, resource_type: str, id_: str) -> None:
    """Take the record away; the log keeps what it was."""
    await connection.execute(DELETE, workspace_id, resource_type, id_)


async def log(connection: Connection, workspace_id: int, change: ChangeRecord) -> None:
    """Add a row to the log, which is never changed."""
    await connection.execute(
        LOG,
        workspace_id,
        change.version,
        change.at,
        change.actor,
        change.resource_type,
        change.resource_id,
        change.action,
        _json(change.before),
        _json(change.after),
        change.comment,
    )


CHANGES = """
SELECT version, at, actor, resource_type, resource_id, action, before, after, comment FROM changes
 WHERE workspace_id = $1 AND version > $2 AND ($3::text IS NULL OR resource_type = $3)
   AND ($4::text IS NULL OR resource_id = $4)
 ORDER BY version LIMIT $5
"""


async def changes(
    connection: Connection,
    workspace_id: int,
    after: int,
    resource_type: str | None,
    resource_id: str | None,
    limit: int,
) -> list[ChangeRecord]:
    """The log in order, from behind `after`; only of one resource_type or record, if named."""
    rows = await connection.fetch(CHANGES, workspace_id, after, resource_type, resource_id, limit)
    return [_change(row) for row in rows]


def _json(body: Mapping[str, Any] | None) -> str | None:
    return None if body is None else orjson.dumps(body).decode()


def _record(row: Any) -> Record:
    return Record(
        row["resource_type"], row["id"], orjson.loads(row["body"]), row["revision"], row["updated_at"]
    )


def _change(row: Any) -> ChangeRecord:
    before, after = (row[side] and orjson.loads(row[side]) for side in ("before", "after"))
    head = (row["version"], row["at"], row["actor"], row["resource_type"], row["resource_id"], row["action"])
    return ChangeRecord(*head, before, after, row["comment"])
