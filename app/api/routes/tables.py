"""`/tables`: rows by which rules send leads on their way, such as territories by postal code."""

import asyncio
from collections.abc import Iterator

import orjson
from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from app.api.http.auth import caller_of, requires
from app.api.http.pagination import After, Limit, answer, page_of
from app.api.http.preconditions import MATCHED, condition_of, etag
from app.api.http.raw_body import documented, raw_body
from app.api.http.routing import StrictRoute
from app.api.routes import crud
from app.api.routes.crud import READERS, PathId, pool_of, strategies_of
from app.contract.directory import parse_id
from app.contract.responses import Page
from app.contract.table_formats import CSV, JSON, LIMITS, LINES, MEDIA, read_table
from app.contract.tables import Table, TableHead, TableResult, head_to_json, result_to_json
from app.directory import tables
from app.engine.lookup.tables import TableContent
from app.store.directory.tables import StoredTableHead

router = APIRouter(route_class=StrictRoute, tags=["directory"])
RESOURCE_TYPE = "tables"
SLICE = 2000


_ROWS = {"type": "array", "items": {"type": "array", "items": {}}}
_DOCUMENT = {
    "type": "object",
    "properties": {"columns": {"type": "array", "items": {"type": "string"}}, "rows": _ROWS},
    "required": ["columns", "rows"],
    "additionalProperties": False,
}
_TEXT = {"type": "string", "description": "One row a line; the columns of the target bear its names."}
BODY = {**documented([JSON], _DOCUMENT), **MATCHED}
BODY["requestBody"]["content"] |= documented([CSV, LINES], _TEXT)["requestBody"]["content"]  # type: ignore[index]


@router.put(
    "/tables/{id}",
    response_model=TableResult,
    responses=crud.new(TableResult),
    openapi_extra=BODY,
)
@requires("directory:write")
async def put_table(request: Request, id: PathId) -> Response:
    """Replace a table, or add one, and tell the difference, overlaps, duplicates and unknown names."""
    caller, on, name = caller_of(request), condition_of(request), parse_id(id)
    raw = await raw_body(request, MEDIA, LIMITS)
    media = request.headers["content-type"].partition(";")[0].strip().lower()
    table = await asyncio.to_thread(read_table, raw, media)
    written = await tables.put(
        pool_of(request), caller.workspace_id, caller.key_id, strategies_of(request), name, table, on
    )
    return answer(result_to_json(written), 201 if written.created else 200, etag(written.head.revision))


@router.get("/tables/{id}", response_model=Table)
@requires(*READERS)
async def get_table(request: Request, id: PathId) -> Response:
    """One table with all its rows."""
    whole = await tables.find(pool_of(request), caller_of(request).workspace_id, id)
    table = await asyncio.to_thread(whole.table)
    head = StoredTableHead(whole.id, table.columns, len(table.rows), whole.revision, whole.updated_at)
    return StreamingResponse(_pieces(head, table), 200, etag(whole.revision), "application/json")


@router.get("/tables", response_model=Page[TableHead])
@requires(*READERS)
async def list_tables(request: Request, after: After = "", limit: Limit = 100) -> Response:
    """Tables by id, without their rows."""
    found = await tables.page(pool_of(request), caller_of(request).workspace_id, after, limit + 1)
    return page_of(found, limit, head_to_json, lambda head: head.id)


@router.delete("/tables/{id}", status_code=204, openapi_extra=MATCHED)
@requires("directory:write")
async def delete_table(request: Request, id: PathId) -> Response:
    """Take a table away; 409 while the active plan looks something up in it."""
    return await crud.delete(request, RESOURCE_TYPE, id)


def _pieces(head: StoredTableHead, table: TableContent) -> Iterator[bytes]:
    """The answer piece by piece: as a whole it would keep everyone else waiting."""
    yield orjson.dumps(head_to_json(head), option=orjson.OPT_UTC_Z)[:-1] + b',"rows":['
    for start in range(0, len(table.rows), SLICE):
        rows = [[*cells, table.targets[target]] for *cells, target in table.rows[start : start + SLICE]]
        yield (b"," if start else b"") + orjson.dumps(rows)[1:-1]
    yield b"]}"
