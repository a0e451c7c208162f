"""The directory's records, and the change log of who changed what."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson

from app.pace import held
from app.store.connection.pool import Connection, Row

DIRECTORY_TYPES = ("owners", "absences", "teams", "calendars", "tables", "settings")
"""The resource types that a process keeps in memory. Of others, a commit group reads what it needs."""


@dataclass(frozen=True, slots=True)
class Record:
    """One record as stored. `revision` is the number of the change that wrote it."""

    resource_type: str
    id: str
    body: dict[str, Any]
    revision: int
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class ChangeRecord:
    """One row of the change log."""

    version: int
    at: datetime
    actor: str
    resource_type: str
    resource_id: str
    action: str
    before: Mapping[str, Any] | None
    after: Mapping[str, Any] | None
    comment: str | None = None
    reason_code: str | None = None


SELECT_RECORD = """
SELECT resource_type, id, body, revision, updated_at FROM directory
 WHERE workspace_id = $1 AND resource_type = $2 AND id = $3
"""
"""One record."""

# LIMIT 1 keeps each look-up on the primary key, whatever the planner believes of a table that was empty.
SELECT_RECORDS_BY_ID = """
SELECT found.resource_type, found.id, found.body, found.revision, found.updated_at
  FROM unnest($3::text[]) AS wanted (id)
 CROSS JOIN LATERAL (
   SELECT resource_type, id, body, revision, updated_at FROM directory
    WHERE workspace_id = $1 AND resource_type = $2 AND directory.id = wanted.id
    LIMIT 1) AS found
"""
"""Several records of one type."""

SELECT_RECORDS_AFTER = """
SELECT resource_type, id, body, revision, updated_at FROM directory
 WHERE workspace_id = $1 AND resource_type = $2 AND id > $3
 ORDER BY id LIMIT $4
"""
"""A page of records of one type, by id."""

SELECT_ABSENCES_OF_OWNER = """
SELECT resource_type, id, body, revision, updated_at FROM directory
 WHERE workspace_id = $1 AND resource_type = 'absences' AND body ->> 'owner' = $2 AND id > $3
 ORDER BY id LIMIT $4
"""
"""A page of one owner's absences, in the order they were entered."""

UPSERT_RECORDS = """
INSERT INTO directory (workspace_id, resource_type, id, body, revision, updated_at)
SELECT $1, * FROM unnest($2::text[], $3::text[], $4::text[]::jsonb[], $5::bigint[], $6::timestamptz[])
ON CONFLICT (workspace_id, resource_type, id)
  DO UPDATE SET body = excluded.body, revision = excluded.revision, updated_at = excluded.updated_at
"""
"""Create or replace records."""

DELETE_RECORD = "DELETE FROM directory WHERE workspace_id = $1 AND resource_type = $2 AND id = $3"
"""Delete a record; the change log keeps what it was."""

INSERT_CHANGES = """
INSERT INTO changes (workspace_id, version, at, actor, resource_type, resource_id, action, before, after,
                     comment)
SELECT $1, * FROM unnest($2::bigint[], $3::timestamptz[], $4::text[], $5::text[], $6::text[], $7::text[],
                         $8::text[]::jsonb[], $9::text[]::jsonb[], $10::text[])
"""
"""Add rows to the change log, whose rows never change."""

SELECT_CHANGES_AFTER = """
SELECT version, at, actor, resource_type, resource_id, action, before, after, comment FROM changes
 WHERE workspace_id = $1 AND version > $2 AND ($3::text IS NULL OR resource_type = $3)
   AND ($4::text IS NULL OR resource_id = $4)
 ORDER BY version LIMIT $5
"""
"""A page of the change log, of one type or record if named."""


async def find_record(
    connection: Connection, workspace_id: int, resource_type: str, id_: str
) -> Record | None:
    """Return one record, or None."""
    row = await connection.fetchrow(SELECT_RECORD, workspace_id, resource_type, id_)
    return _record(row) if row else None


async def find_records(
    connection: Connection, workspace_id: int, resource_type: str, ids: Sequence[str]
) -> dict[str, Record]:
    """Return the records with these ids, by id. Unknown ids are left out."""
    rows = await connection.fetch(SELECT_RECORDS_BY_ID, workspace_id, resource_type, list(dict.fromkeys(ids)))
    return {row["id"]: _record(row) async for row in held(rows)}


async def list_records(
    connection: Connection, workspace_id: int, resource_type: str, after: str, limit: int
) -> list[Record]:
    """Return the records whose ids come after `after`, by id."""
    rows = await connection.fetch(SELECT_RECORDS_AFTER, workspace_id, resource_type, after, limit)
    return [_record(row) async for row in held(rows)]


async def list_absences(
    connection: Connection, workspace_id: int, owner_id: str, after: str, limit: int
) -> list[Record]:
    """Return an owner's absences after `after`, in the order they were entered."""
    rows = await connection.fetch(SELECT_ABSENCES_OF_OWNER, workspace_id, owner_id, after, limit)
    return [_record(row) for row in rows]


async def put_records(connection: Connection, workspace_id: int, records: Sequence[Record]) -> None:
    """Create or replace these records; none is named twice."""
    columns = _columns(
        (record.resource_type, record.id, _json(record.body), record.revision, record.updated_at)
        for record in records
    )
    if columns:
        await connection.execute(UPSERT_RECORDS, workspace_id, *columns)


async def delete_record(connection: Connection, workspace_id: int, resource_type: str, id_: str) -> None:
    """Delete a record."""
    await connection.execute(DELETE_RECORD, workspace_id, resource_type, id_)


async def insert_changes(connection: Connection, workspace_id: int, changes: Sequence[ChangeRecord]) -> None:
    """Add rows to the change log."""
    columns = _columns(
        (
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
        for change in changes
    )
    if columns:
        await connection.execute(INSERT_CHANGES, workspace_id, *columns)


async def list_changes(
    connection: Connection,
    workspace_id: int,
    after: int,
    resource_type: str | None,
    resource_id: str | None,
    limit: int,
) -> list[ChangeRecord]:
    """Return the change log after number `after`, in order, of one type or record if named."""
    rows = await connection.fetch(
        SELECT_CHANGES_AFTER, workspace_id, after, resource_type, resource_id, limit
    )
    return [_change(row) async for row in held(rows)]


def _columns(rows: Iterable[tuple[Any, ...]]) -> list[list[Any]]:
    """Rows as the arrays that `unnest` takes, one per column."""
    return [list(column) for column in zip(*rows, strict=True)]


def _json(body: Mapping[str, Any] | None) -> str | None:
    return None if body is None else orjson.dumps(body).decode()


def _record(row: Row) -> Record:
    return Record(**{**row, "body": orjson.loads(row["body"])})


def _change(row: Row) -> ChangeRecord:
    bodies = {side: row[side] and orjson.loads(row[side]) for side in ("before", "after")}
    return ChangeRecord(**{**row, **bodies})
