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

    noun: str
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
    noun: str
    record_id: str
    action: str
    before: Mapping[str, Any] | None
    after: Mapping[str, Any] | None
    reason: str | None = None


FIND = """
SELECT noun, id, body, revision, updated_at FROM directory
 WHERE workspace_id = $1 AND noun = $2 AND id = $3
"""


async def find(connection: Connection, workspace_id: int, noun: str, id_: str) -> Record | None:
    """One record."""
    row = await connection.fetchrow(FIND, workspace_id, noun, id_)
    return _record(row) if row else None


PAGE = """
SELECT noun, id, body, revision, updated_at FROM directory
 WHERE workspace_id = $1 AND noun = $2 AND id > $3
 ORDER BY id LIMIT $4
"""


async def page(connection: Connection, workspace_id: int, noun: str, after: str, limit: int) -> list[Record]:
    """Records by id, those behind `after`."""
    return [_record(row) for row in await connection.fetch(PAGE, workspace_id, noun, after, limit)]


PUT = """
INSERT INTO directory (workspace_id, noun, id, body, revision, updated_at) VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT (workspace_id, noun, id)
  DO UPDATE SET body = excluded.body, revision = excluded.revision, updated_at = excluded.updated_at
"""
DELETE = "DELETE FROM directory WHERE workspace_id = $1 AND noun = $2 AND id = $3"
LOG = """
INSERT INTO changes (workspace_id, version, at, actor, noun, record_id, action, before, after, reason)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
"""


async def put(connection: Connection, workspace_id: int, record: Record) -> None:
    """Make the record what it says."""
    body = orjson.dumps(record.body).decode()
    await connection.execute(
        PUT, workspace_id, record.noun, record.id, body, record.revision, record.updated_at
    )


async def delete(connection: Connection, workspace_id: int, noun: str, id_: str) -> None:
    """Take the record away; the log keeps what it was."""
    await connection.execute(DELETE, workspace_id, noun, id_)


async def log(connection: Connection, workspace_id: int, change: ChangeRecord) -> None:
    """Add a row to the log, which is never changed."""
    await connection.execute(
        LOG,
        workspace_id,
        change.version,
        change.at,
        change.actor,
        change.noun,
        change.record_id,
        change.action,
        _json(change.before),
        _json(change.after),
        change.reason,
    )


CHANGES = """
SELECT version, at, actor, noun, record_id, action, before, after, reason FROM changes
 WHERE workspace_id = $1 AND version > $2 AND ($3::text IS NULL OR noun = $3)
   AND ($4::text IS NULL OR record_id = $4)
 ORDER BY version LIMIT $5
"""


async def changes(
    connection: Connection, workspace_id: int, after: int, noun: str | None, record_id: str | None, limit: int
) -> list[ChangeRecord]:
    """The log in order, from behind `after`; only of one noun or record, if named."""
    rows = await connection.fetch(CHANGES, workspace_id, after, noun, record_id, limit)
    return [_change(row) for row in rows]


def _json(body: Mapping[str, Any] | None) -> str | None:
    return None if body is None else orjson.dumps(body).decode()


def _record(row: Any) -> Record:
    return Record(row["noun"], row["id"], orjson.loads(row["body"]), row["revision"], row["updated_at"])


def _change(row: Any) -> ChangeRecord:
    before, after = (row[side] and orjson.loads(row[side]) for side in ("before", "after"))
    head = (row["version"], row["at"], row["actor"], row["noun"], row["record_id"], row["action"])
    return ChangeRecord(*head, before, after, row["reason"])
