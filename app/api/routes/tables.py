"""`/tables`: rows that rules look up, such as territories by postal code."""

from collections.abc import Iterator
from typing import Annotated

from fastapi import APIRouter, Path, Query
from starlette.requests import Request
from starlette.responses import StreamingResponse

from app.api.http.auth import requires
from app.api.http.json_response import Json, NoContent, encode, etag, page_of
from app.api.http.parameters import (
    MAX_INT64,
    After,
    AfterNumber,
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
from app.contract.tables import (
    Table,
    TableDiff,
    TableHead,
    TableResult,
    TableRollback,
    TableVersion,
    head_to_json,
    result_to_json,
    version_to_json,
)
from app.directory import removal, tables
from app.engine.lookup.tables import TableContent
from app.errors import InUse, NotFound
from app.places import TABLES
from app.store.directory.tables import StoredTable, StoredTableHead

router = APIRouter(route_class=StrictRoute, tags=["directory"])
ROWS_PER_CHUNK = 2000
Revision = Annotated[int, Path(ge=1, le=MAX_INT64)]

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
    table = await TABLES.run(caller.workspace_id, read_table, raw, media_type(request))
    written = await tables.put(pool, caller.workspace_id, caller.key_id, strategies, name, table, on)
    return Json(result_to_json(written), 201 if written.created else 200, etag(written.head.revision))


@router.get("/tables/{id}", response_model=Table)
@requires(*READERS)
async def get_table(caller: CallerParameter, pool: PoolParameter, id: PathId) -> StreamingResponse:
    """Returns a table with all its rows."""
    return await _whole(caller.workspace_id, await tables.find(pool, caller.workspace_id, id))


async def _whole(workspace_id: int, whole: StoredTable) -> StreamingResponse:
    table = await TABLES.run(workspace_id, whole.table)
    head = StoredTableHead(whole.id, table.columns, len(table.rows), whole.revision, whole.updated_at)
    return StreamingResponse(_chunks(head, table), 200, etag(whole.revision), "application/json")


@router.get("/tables")
@requires(*READERS)
async def list_tables(
    caller: CallerParameter, pool: PoolParameter, after: After = "", limit: Limit = 100
) -> Json[Page[TableHead]]:
    """Lists tables without their rows, ordered by id."""
    found = await tables.page(pool, caller.workspace_id, after, limit + 1)
    return await page_of(found, limit, head_to_json, lambda head: head.id)


@router.get("/tables/{id}/versions")
@requires(*READERS, problems=(NotFound,))
async def list_table_versions(
    caller: CallerParameter, pool: PoolParameter, id: PathId, after: AfterNumber = 0, limit: Limit = 100
) -> Json[Page[TableVersion]]:
    """Lists the last hundred revisions of a table in order, also of a deleted one."""
    found = await tables.versions(pool, caller.workspace_id, id, after, limit + 1)
    return await page_of(found, limit, version_to_json, lambda version: version.revision)


@router.get("/tables/{id}/versions/{revision}", response_model=Table)
@requires(*READERS)
async def get_table_version(
    caller: CallerParameter, pool: PoolParameter, id: PathId, revision: Revision
) -> StreamingResponse:
    """Returns a revision of a table with all its rows."""
    return await _whole(
        caller.workspace_id, await tables.find_version(pool, caller.workspace_id, id, revision)
    )


@router.get("/tables/{id}/diff")
@requires(*READERS, problems=(NotFound,))
async def compare_table_versions(
    caller: CallerParameter,
    pool: PoolParameter,
    id: PathId,
    before: Annotated[int, Query(alias="from", ge=1, le=MAX_INT64, description="The earlier revision.")],
    to: Annotated[
        int | None, Query(ge=1, le=MAX_INT64, description="The later revision; the present one if absent.")
    ] = None,
) -> Json[TableDiff]:
    """Returns what changed between two revisions of a table."""
    found = await tables.difference(pool, caller.workspace_id, id, before, to)
    return Json(found.to_json())


@router.post("/tables/{id}/rollback")
@requires("directory:write", problems=(InUse, NotFound))
async def roll_back_table(
    caller: CallerParameter,
    pool: PoolParameter,
    strategies: StrategiesParameter,
    on: PreconditionParameter,
    id: PathId,
    body: TableRollback,
) -> Json[TableResult]:
    """Writes an earlier revision again, as a new revision, and reports what that changed."""
    written = await tables.roll_back(
        pool, caller.workspace_id, caller.key_id, strategies, id, body.revision, on
    )
    return Json(result_to_json(written), 200, etag(written.head.revision))


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
