"""What the routes of all resource types share."""

from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import Path
from starlette.requests import Request
from starlette.responses import Response

from app.api.http.auth import caller_of
from app.api.http.pagination import answer, page_of
from app.api.http.preconditions import condition_of, etag
from app.api.http.raw_body import documented, raw_body
from app.contract.directory import findings_to_json, parse_id, parse_record, to_record
from app.contract.ndjson import LIMITS, MEDIA, write_lines
from app.contract.responses import ResponseModel
from app.contract.types import RecordModel
from app.directory import records, removal
from app.directory.merge_patch import merge_patch
from app.directory.records import Make, WrittenRecord
from app.errors import NotFound
from app.plan_check.parse import Strategies
from app.store.connection.pool import Pool
from app.store.directory.records import Record

PathId = Annotated[str, Path(min_length=1, max_length=255)]
READERS = ("directory:write", "leads:read", "ops")
"""Scopes that may look at the directory."""
LINES = documented(MEDIA, {"type": "string", "description": 'One record a line: {"id": "ana", …}.'})


def new(kind: type[ResponseModel]) -> dict[int | str, dict[str, Any]]:
    """How the description tells that a PUT may add what it replaces."""
    return {201: {"model": kind, "description": "It is new."}}


def pool_of(request: Request) -> Pool:
    """The way to the database."""
    pool: Pool = request.app.state.pool
    return pool


def strategies_of(request: Request) -> Strategies:
    """What plans may use."""
    strategies: Strategies = request.app.state.strategies
    return strategies


def shown(record: Record) -> dict[str, Any]:
    """A record as it is answered."""
    return {"id": record.id, **record.body, "revision": record.revision, "updated_at": record.updated_at}


async def put(request: Request, resource_type: str, id_: str, body: RecordModel) -> Response:
    """Replace a record, or make it."""
    wanted = to_record(body)
    return await _write(request, resource_type, parse_id(id_), lambda _: wanted)


async def patch(
    request: Request, resource_type: str, id_: str, kind: type[RecordModel], change: Mapping[str, Any]
) -> Response:
    """Merge a change into a record that is there."""

    def make(before: Mapping[str, Any] | None) -> dict[str, Any]:
        if before is None:
            raise NotFound()
        return parse_record(kind, merge_patch(before, change))

    return await _write(request, resource_type, id_, make)


async def _write(request: Request, resource_type: str, id_: str, make: Make) -> Response:
    caller, on = caller_of(request), condition_of(request)
    return written(
        await records.write(
            pool_of(request), caller.workspace_id, caller.key_id, resource_type, id_, make, on
        )
    )


def written(what: WrittenRecord) -> Response:
    """The answer to a write: 201 for what is new."""
    body = {**shown(what.record), "findings": findings_to_json(what.findings)}
    return answer(body, 201 if what.created else 200, etag(what.record.revision))


async def get(request: Request, resource_type: str, id_: str) -> Response:
    """One record."""
    record = await records.find(pool_of(request), caller_of(request).workspace_id, resource_type, id_)
    return answer(shown(record), headers=etag(record.revision))


async def delete(request: Request, resource_type: str, id_: str) -> Response:
    """Take a record away."""
    caller, on, strategies = caller_of(request), condition_of(request), strategies_of(request)
    await removal.remove(
        pool_of(request), caller.workspace_id, caller.key_id, strategies, resource_type, id_, on
    )
    return Response(status_code=204)


async def listed(request: Request, resource_type: str, after: str, limit: int) -> Response:
    """A page of records by id."""
    found = await records.page(
        pool_of(request), caller_of(request).workspace_id, resource_type, after, limit + 1
    )
    return page_of(found, limit, shown, lambda record: record.id)


async def bulk(request: Request, resource_type: str, kind: type[RecordModel]) -> Response:
    """Many records, one a line."""
    caller = caller_of(request)
    raw = await raw_body(request, MEDIA, LIMITS)
    tally = await write_lines(pool_of(request), caller.workspace_id, caller.key_id, resource_type, kind, raw)
    return answer(tally.to_json())
