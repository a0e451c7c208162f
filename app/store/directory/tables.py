"""Tables of the directory. A table may be long, so its rows are read only where they are looked up.

The change log of a table holds its columns, its number of rows, and what changed; not the rows.
"""

import asyncio
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson

from app.engine.lookup.tables import TableContent, table_from_json
from app.store.connection.pool import Connection, Row
from app.store.directory.records import Record
from app.store.stored_bytes import unpack

RESOURCE_TYPE = "tables"


@dataclass(frozen=True, slots=True)
class StoredTableHead:
    """A table without its rows."""

    id: str
    columns: Sequence[str]
    row_count: int
    revision: int
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class StoredTable:
    """A table with its rows as stored text. Parse it outside of the workspace lock."""

    id: str
    revision: int
    updated_at: datetime
    text: str

    def table(self) -> TableContent:
        """Parse the text. Takes a tenth of a second for the largest table."""
        return table_from_json(orjson.loads(self.text))


@dataclass(frozen=True, slots=True)
class TableVersion:
    """What is known of a revision without its rows. `actor` is the id of the key that wrote it."""

    revision: int
    row_count: int
    actor: str
    at: datetime


MAX_VERSIONS = 100
"""How many versions of a table are kept."""

# Here and below, LIMIT 1 keeps a look-up on the primary key.
SELECT_TABLES_BY_ID = """
SELECT found.id, found.revision, found.updated_at, found.body
  FROM unnest($2::text[]) AS wanted (id)
 CROSS JOIN LATERAL (
   SELECT id, revision, updated_at, body FROM directory
    WHERE workspace_id = $1 AND resource_type = 'tables' AND directory.id = wanted.id
    LIMIT 1) AS found
"""
"""Tables with their rows."""

SELECT_TABLE_HEADS_AFTER = """
SELECT found.id, change.after, found.revision, found.updated_at
  FROM (SELECT id, revision, updated_at FROM directory
         WHERE workspace_id = $1 AND resource_type = 'tables' AND id > $2 ORDER BY id LIMIT $3) AS found
 CROSS JOIN LATERAL (
   SELECT after FROM changes WHERE workspace_id = $1 AND version = found.revision LIMIT 1) AS change
 ORDER BY found.id
"""
"""A page of tables without their rows, by id."""

SELECT_TABLE_HEAD = """
SELECT change.after, found.revision, found.updated_at
  FROM (SELECT revision, updated_at FROM directory
         WHERE workspace_id = $1 AND resource_type = 'tables' AND id = $2) AS found
 CROSS JOIN LATERAL (
   SELECT after FROM changes WHERE workspace_id = $1 AND version = found.revision LIMIT 1) AS change
"""
"""One table without its rows."""

UPSERT_TABLE = """
INSERT INTO directory (workspace_id, resource_type, id, body, revision, updated_at)
VALUES ($1, 'tables', $2, $3, $4, $5)
ON CONFLICT (workspace_id, resource_type, id)
  DO UPDATE SET body = excluded.body, revision = excluded.revision, updated_at = excluded.updated_at
"""
"""Create or replace a table. Its text may have megabytes, so it does not travel in an array."""


INSERT_TABLE_VERSION = """
INSERT INTO table_versions (workspace_id, id, revision, content, row_count, actor, at)
VALUES ($1, $2, $3, $4, $5, $6, $7)
ON CONFLICT DO NOTHING
"""
"""Keep the content of a revision."""

DELETE_OLD_TABLE_VERSIONS = """
DELETE FROM table_versions
 WHERE workspace_id = $1 AND id = $2
   AND revision <= (SELECT revision FROM table_versions
                     WHERE workspace_id = $1 AND id = $2 ORDER BY revision DESC OFFSET $3 LIMIT 1)
"""
"""Forget all but the newest versions of a table."""

SELECT_TABLE_VERSIONS = """
SELECT revision, row_count, actor, at
  FROM table_versions
 WHERE workspace_id = $1 AND id = $2 AND revision > $3
 ORDER BY revision LIMIT $4
"""
"""A page of the versions of a table, in order."""

SELECT_TABLE_VERSION = """
SELECT content, at FROM table_versions WHERE workspace_id = $1 AND id = $2 AND revision = $3
"""
"""One version of a table, with its rows."""


async def keep_version(
    connection: Connection, workspace_id: int, id_: str, version: TableVersion, content: bytes
) -> None:
    """Keep the packed content of a revision, and forget the oldest of more than MAX_VERSIONS."""
    head = (version.revision, content, version.row_count, version.actor, version.at)
    await connection.execute(INSERT_TABLE_VERSION, workspace_id, id_, *head)
    await connection.execute(DELETE_OLD_TABLE_VERSIONS, workspace_id, id_, MAX_VERSIONS)


async def list_versions(
    connection: Connection, workspace_id: int, id_: str, after: int, limit: int
) -> list[TableVersion]:
    """Return the versions of a table after a revision, in order."""
    rows = await connection.fetch(SELECT_TABLE_VERSIONS, workspace_id, id_, after, limit)
    return [TableVersion(row["revision"], row["row_count"], row["actor"], row["at"]) for row in rows]


async def find_version(
    connection: Connection, workspace_id: int, id_: str, revision: int
) -> StoredTable | None:
    """Return a version of a table, or None."""
    row = await connection.fetchrow(SELECT_TABLE_VERSION, workspace_id, id_, revision)
    if row is None:
        return None
    return StoredTable(id_, revision, row["at"], unpack(row["content"]).decode())


async def read_tables(
    connection: Connection, workspace_id: int, ids: Iterable[str]
) -> dict[str, StoredTable]:
    """Return these tables with their rows, by id. Unknown ids are left out."""
    rows = await connection.fetch(SELECT_TABLES_BY_ID, workspace_id, list(dict.fromkeys(ids)))
    return {
        row["id"]: StoredTable(row["id"], row["revision"], row["updated_at"], row["body"]) for row in rows
    }


async def read_named_tables(
    connection: Connection, workspace_id: int, names: Collection[str]
) -> dict[str, TableContent]:
    """Return the parsed tables by name, as far as they exist."""
    if not names:
        return {}
    found = await read_tables(connection, workspace_id, names)
    # Not in a place: to wait for one would hold a connection. There are few enough of those.
    return {id_: await asyncio.to_thread(stored.table) for id_, stored in found.items()}  # noqa: TID251


async def list_tables(
    connection: Connection, workspace_id: int, after: str, limit: int
) -> list[StoredTableHead]:
    """Return the tables after `after`, by id, without their rows."""
    rows = await connection.fetch(SELECT_TABLE_HEADS_AFTER, workspace_id, after, limit)
    return [_head(row) for row in rows]


async def find_table_head(connection: Connection, workspace_id: int, id_: str) -> Record | None:
    """Return a table's record, or None. Its body is what the change log holds of the table."""
    row = await connection.fetchrow(SELECT_TABLE_HEAD, workspace_id, id_)
    if row is None:
        return None
    logged = orjson.loads(row["after"])
    logged.pop("difference", None)
    return Record(RESOURCE_TYPE, id_, logged, row["revision"], row["updated_at"])


async def put_table(
    connection: Connection, workspace_id: int, id_: str, text: str, revision: int, at: datetime
) -> None:
    """Create or replace a table, given its stored text."""
    await connection.execute(UPSERT_TABLE, workspace_id, id_, text, revision, at)


def table_to_text(table: TableContent) -> str:
    """Return a table as it is stored."""
    body: dict[str, Any] = {"columns": table.columns, "targets": table.targets, "rows": table.rows}
    return orjson.dumps(body).decode()


def _head(row: Row) -> StoredTableHead:
    logged = orjson.loads(row["after"])
    return StoredTableHead(row["id"], logged["columns"], logged["rows"], row["revision"], row["updated_at"])
