"""`/tables`: rows by which rules send leads on their way, such as territories by postal code."""

import asyncio
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

import orjson
from fastapi import APIRouter
from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from app.api import directory
from app.api.answers import AnswerModel
from app.api.auth import caller_of, requires
from app.api.body import StrictRoute
from app.api.directory import READERS, pool_of, strategies_of, told
from app.api.paging import After, Limit, Page, answer, page_of
from app.api.preconditions import MATCHED, condition_of, etag
from app.api.raw_body import documented, raw_body
from app.api.records import FindingAnswer, PathId, id_of
from app.api.table_bodies import CSV, JSON, LIMITS, LINES, MEDIA, read_table
from app.engine.overlaps import Pair
from app.engine.tables import Table
from app.lifecycle import tables
from app.lifecycle.tables import Report, Written
from app.plan.findings import Finding
from app.store.tables import Head

router = APIRouter(route_class=StrictRoute, tags=["directory"])
NOUN = "tables"
MOST_SHOWN = 20
MOST_FINDINGS = 100
SLICE = 2000


class TableHead(AnswerModel):
    """A table without its rows. `revision` is also its ETag, and is stamped on what is decided by it."""

    id: str
    columns: list[str]
    row_count: int
    revision: int
    updated_at: datetime


class TableRecord(TableHead):
    """A table as stored. A row holds one cell for each column, and then where the lead goes."""

    rows: list[list[Any]]


class FirstRows(AnswerModel):
    """The first rows of each kind, as they are or were."""

    added: list[list[Any]]
    removed: list[list[Any]]
    changed: list[list[Any]]


class DifferenceAnswer(AnswerModel):
    """Against the table as it was before: how many rows are new, gone, and lead elsewhere now."""

    added: int
    removed: int
    changed: int
    first: FirstRows


class PairAnswer(AnswerModel):
    """A row, and another one that has leads in common with it. Both count from 1."""

    row: int
    other: int


class Pairs(AnswerModel):
    """How many there are, and the first of them."""

    total: int
    first: list[PairAnswer]


class UnknownName(AnswerModel):
    """A name in a row that nobody bears; rows count from 1."""

    row: int
    kind: str
    name: str


class UnknownNames(AnswerModel):
    """How many there are, and the first of them."""

    total: int
    first: list[UnknownName]


class WrittenTable(TableHead):
    """A table after writing, and what there is to tell about it."""

    difference: DifferenceAnswer
    duplicates: Pairs = Field(description="Rows for the same leads as an earlier one, which wins.")
    overlaps: Pairs = Field(description="Rows for some of the leads of another one; the narrower one wins.")
    unknown_names: UnknownNames
    findings: list[FindingAnswer]


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
    response_model=WrittenTable,
    responses={201: {"model": WrittenTable, "description": "It is new."}},
    openapi_extra=BODY,
)
@requires("directory:write")
async def put_table(request: Request, id: PathId) -> Response:
    """Replace a table, or add one, and tell the difference, overlaps, duplicates and unknown names."""
    caller, on, name = caller_of(request), condition_of(request), id_of(id)
    raw = await raw_body(request, MEDIA, LIMITS)
    media = request.headers["content-type"].partition(";")[0].strip().lower()
    table = await asyncio.to_thread(read_table, raw, media)
    written = await tables.put(
        pool_of(request), caller.workspace_id, caller.key_id, strategies_of(request), name, table, on
    )
    return answer(shown(written), 201 if written.created else 200, etag(written.head.revision))


@router.get("/tables/{id}", response_model=TableRecord)
@requires(*READERS)
async def get_table(request: Request, id: PathId) -> Response:
    """One table with all its rows."""
    whole = await tables.find(pool_of(request), caller_of(request).workspace_id, id)
    table = await asyncio.to_thread(whole.table)
    head = Head(whole.id, table.columns, len(table.rows), whole.revision, whole.updated_at)
    return StreamingResponse(_pieces(head, table), 200, etag(whole.revision), "application/json")


@router.get("/tables", response_model=Page[TableHead])
@requires(*READERS)
async def list_tables(request: Request, after: After = "", limit: Limit = 100) -> Response:
    """Tables by id, without their rows."""
    found = await tables.page(pool_of(request), caller_of(request).workspace_id, after, limit + 1)
    return page_of(found, limit, _head, lambda head: head.id)


@router.delete("/tables/{id}", status_code=204, openapi_extra=MATCHED)
@requires("directory:write")
async def delete_table(request: Request, id: PathId) -> Response:
    """Take a table away; 409 while the active plan looks something up in it."""
    return await directory.delete(request, NOUN, id)


def shown(written: Written) -> dict[str, Any]:
    """A table after writing, as it is answered."""
    report = written.report
    return {
        **_head(written.head),
        "difference": report.difference.told(),
        "duplicates": _pairs(report.oddities.duplicates),
        "overlaps": _pairs(report.oddities.overlaps),
        "unknown_names": {
            "total": len(report.unknown),
            "first": [each._asdict() for each in report.unknown[:MOST_SHOWN]],
        },
        "findings": told(_findings(report)[:MOST_FINDINGS]),
    }


def _findings(report: Report) -> list[Finding]:
    odd = report.oddities
    unknown = [
        Finding(f"rows[{row - 1}].{kind}", f"unknown_{kind}", f"Add this {kind}, or name another.", "warning")
        for row, kind, _ in report.unknown[:MOST_SHOWN]
    ]
    twice = [
        Finding(
            f"rows[{row - 1}]", "duplicate_row", f"Remove one: row {other} is for the same leads.", "warning"
        )
        for row, other in odd.duplicates[:MOST_SHOWN]
    ]
    partly = [
        Finding(
            f"rows[{row - 1}]", "overlap", f"It shares leads with row {other}; the narrower wins.", "warning"
        )
        for row, other in odd.overlaps[:MOST_SHOWN]
    ]
    return [*report.unread, *unknown, *twice, *partly]


def _pairs(pairs: Sequence[Pair]) -> dict[str, Any]:
    return {"total": len(pairs), "first": [pair._asdict() for pair in pairs[:MOST_SHOWN]]}


def _head(head: Head) -> dict[str, Any]:
    return {name: getattr(head, name) for name in TableHead.model_fields}


def _pieces(head: Head, table: Table) -> Iterator[bytes]:
    """The answer piece by piece: as a whole it would keep everyone else waiting."""
    yield orjson.dumps(_head(head), option=orjson.OPT_UTC_Z)[:-1] + b',"rows":['
    for start in range(0, len(table.rows), SLICE):
        rows = [[*cells, table.targets[target]] for *cells, target in table.rows[start : start + SLICE]]
        yield (b"," if start else b"") + orjson.dumps(rows)[1:-1]
    yield b"]}"
