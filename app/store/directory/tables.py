"""Tables of the directory. What is in one may be long, so it is read only where somebody looks into it.

The log tells of a table its columns, how many rows it had, and what changed; not the rows.
"""

import asyncio
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson

from app.engine.lookup.tables import TableContent, table_from_json
from app.store.connection.pool import Connection
from app.store.directory.records import Record

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
    """A table with its rows. `text` is what is stored of them: read it away from any gate."""

    id: str
    revision: int
    updated_at: datetime
    text: str

    def table(self) -> TableContent:
        """What the text says. Takes a tenth of a second for the largest."""
        return table_from_json(orjson.loads(self.text))


READ = """
SELECT found.id, found.revision, found.updated_at, found.body
  FROM unnest($2::text[]) AS wanted (id)
 CROSS JOIN LATERAL (
   SELECT id, revision, updated_at, body FROM directory
    WHERE workspace_id = $1 AND resource_type = 'tables' AND directory.id = wanted.id
    LIMIT 1) AS found
"""


async def read(connection: Connection, workspace_id: int, ids: Iterable[str]) -> dict[str, StoredTable]:
    """These tables with their rows, by id; unknown ids are left out."""
    rows = await connection.fetch(READ, workspace_id, list(dict.fromkeys(ids)))
    return {row["id"]: StoredTable(*row) for row in rows}


HEADS = """
SELECT found.id, change.after, found.revision, found.updated_at
  FROM (SELECT id, revision, updated_at FROM directory
         WHERE workspace_id = $1 AND resource_type = 'tables' AND id > $2 ORDER BY id LIMIT $3) AS found
 CROSS JOIN LATERAL (
   SELECT after FROM changes WHERE workspace_id = $1 AND version = found.revision LIMIT 1) AS change
 ORDER BY found.id
"""


async def heads(connection: Connection, workspace_id: int, after: str, limit: int) -> list[StoredTableHead]:
    """Tables by id, those behind `after`, as the log tells of them."""
    return [_head(row) for row in await connection.fetch(HEADS, workspace_id, after, limit)]


STANDING = """
SELECT change.after, found.revision, found.updated_at
  FROM (SELECT revision, updated_at FROM directory
         WHERE workspace_id = $1 AND resource_type = 'tables' AND id = $2) AS found
 CROSS JOIN LATERAL (
   SELECT after FROM changes WHERE workspace_id = $1 AND version = found.revision LIMIT 1) AS change
"""


async def standing(connection: Connection, workspace_id: int, id_: str) -> Record | None:
    """A table's record; in place of its body what the log tells of it."""
    row = await connection.fetchrow(STANDING, workspace_id, id_)
    if row is None:
        return None
    told = orjson.loads(row["after"])
    told.pop("difference", None)
    return Record(RESOURCE_TYPE, id_, told, row["revision"], row["updated_at"])


PUT = """
INSERT INTO directory (workspace_id, resource_type, id, body, revision, updated_at)
VALUES ($1, 'tables', $2, $3, $4, $5)
ON CONFLICT (workspace_id, resource_type, id)
  DO UPDATE SET body = excluded.body, revision = excluded.revision, updated_at = excluded.updated_at
"""


async def put(
    connection: Connection, workspace_id: int, id_: str, text: str, revision: int, at: datetime
) -> None:
    """Make the table what the text says."""
    await connection.execute(PUT, workspace_id, id_, text, revision, at)


def written(table: TableContent) -> str:
    """A table as it is stored."""
    body: dict[str, Any] = {"columns": table.columns, "targets": table.targets, "rows": table.rows}
    return orjson.dumps(body).decode()


def _head(row: Any) -> StoredTableHead:
    told = orjson.loads(row["after"])
    return StoredTableHead(row["id"], told["columns"], told["rows"], row["revision"], row["updated_at"])


async def named_tables(
    connection: Connection, workspace_id: int, names: Collection[str]
) -> dict[str, TableContent]:
    """The tables by name, as far as there are any."""
    if not names:
        return {}
    found = await read(connection, workspace_id, names)
    return {id_: await asyncio.to_thread(whole.table) for id_, whole in found.items()}
