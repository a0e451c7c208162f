"""`/tables`: rows that rules look up, such as territories by postal code."""

import asyncio
from collections.abc import Iterator

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import StreamingResponse

from app.api.http.auth import requires
from app.api.http.json_response import Json, NoContent, encode, etag, page_of
from app.api.http.parameters import (
    After,
    CallerParameter,
    Limit,
    PathId,
    PoolParameter,
    PreconditionParameter,
    StrategiesParameter,
)
from app.api.http.raw_body import TEXT, documented, media_type, raw_body
from app.api.http.routing import StrictRoute
from app.api.routes.crud import READERS, created
from app.contract.directory import parse_id
from app.contract.responses import Page
from app.contract.table_formats import CSV, JSON, LIMITS, LINES, MEDIA, read_table
from app.contract.tables import Table, TableHead, TableResult, head_to_json, result_to_json
from app.directory import removal, tables
from app.engine.lookup.tables import TableContent
from app.errors import InUse
from app.store.directory.tables import StoredTableHead

router = APIRouter(route_class=StrictRoute, tags=["directory"])
ROWS_PER_CHUNK = 2000

_ROWS = {"type": "array", "items": {"type": "array", "items": {}}}
_DOCUMENT = {
    "type": "object",
    "title": "TableInput",
    "properties": {"columns": {"type": "array", "items": {"type": "string"}}, "rows": _ROWS},
    "required": ["columns", "rows"],
    "additionalProperties": False,
}
BODY = documented(
    {JSON: _DOCUMENT, CSV: TEXT, LINES: TEXT},
    "In CSV and lines of JSON, one row per line; target columns are named after the target's fields.",
)


@router.put("/tables/{id}", responses=created(TableResult), openapi_extra=BODY)
@requires("directory:write", problems=(InUse,))
async def upsert_table(
    request: Request,
    caller: CallerParameter,
    pool: PoolParameter,
    strategies: StrategiesParameter,
    on: PreconditionParameter,
    id: PathId,
) -> Json[TableResult]:
    """Creates or replaces a table, and reports changes, overlaps, duplicates and unknown names."""
    name = parse_id(id)
    raw = await raw_body(request, MEDIA, LIMITS)
    table = await asyncio.to_thread(read_table, raw, media_type(request))
    written = await tables.put(pool, caller.workspace_id, caller.key_id, strategies, name, table, on)
    return Json(result_to_json(written), 201 if written.created else 200, etag(written.head.revision))


@router.get("/tables/{id}", response_model=Table)
@requires(*READERS)
async def get_table(caller: CallerParameter, pool: PoolParameter, id: PathId) -> StreamingResponse:
    """Returns a table with all its rows."""
    whole = await tables.find(pool, caller.workspace_id, id)
    table = await asyncio.to_thread(whole.table)
    head = StoredTableHead(whole.id, table.columns, len(table.rows), whole.revision, whole.updated_at)
    return StreamingResponse(_chunks(head, table), 200, etag(whole.revision), "application/json")


@router.get("/tables")
@requires(*READERS)
async def list_tables(
    caller: CallerParameter, pool: PoolParameter, after: After = "", limit: Limit = 100
) -> Json[Page[TableHead]]:
    """Lists tables without their rows, ordered by id."""
    found = await tables.page(pool, caller.workspace_id, after, limit + 1)
    return page_of(found, limit, head_to_json, lambda head: head.id)


@router.delete("/tables/{id}")
@requires("directory:write", problems=(InUse,))
async def delete_table(
    caller: CallerParameter,
    pool: PoolParameter,
    strategies: StrategiesParameter,
    on: PreconditionParameter,
    id: PathId,
) -> NoContent:
    """Deletes a table, unless the active plan uses it."""
    await removal.remove(pool, caller.workspace_id, caller.key_id, strategies, "tables", id, on)
    return NoContent()


def _chunks(head: StoredTableHead, table: TableContent) -> Iterator[bytes]:
    """The response in chunks. Encoding it at once would block all other requests."""
    yield encode(head_to_json(head))[:-1] + b',"rows":['
    for start in range(0, len(table.rows), ROWS_PER_CHUNK):
        rows = table.rows[start : start + ROWS_PER_CHUNK]
        chunk = encode([[*cells, table.targets[target]] for *cells, target in rows])
        yield (b"," if start else b"") + chunk[1:-1]
    yield b"]}"
