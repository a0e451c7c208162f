"""The routes that all resources of the directory have in common."""

from collections.abc import Callable, Mapping
from typing import Any

from fastapi import APIRouter
from starlette.requests import Request

from app.api.http.auth import Caller, requires
from app.api.http.json_response import Json, NoContent, etag, page_of
from app.api.http.parameters import (
    After,
    CallerParameter,
    Limit,
    Patch,
    PathId,
    PoolParameter,
    PreconditionParameter,
    StrategiesParameter,
)
from app.api.http.raw_body import TEXT, documented, raw_body
from app.contract.directory import parse_id, parse_record, to_record
from app.contract.directory_responses import StoredRecord
from app.contract.findings import findings_to_json
from app.contract.limits import BodyLimits
from app.contract.ndjson import LIMITS, MEDIA, BulkResult, write_lines
from app.contract.responses import Page
from app.contract.types import RecordModel
from app.directory import records, removal
from app.directory.merge_patch import merge_patch
from app.directory.records import Make, Precondition
from app.errors import InUse, NotFound
from app.store.connection.pool import Pool
from app.store.directory.records import Record

READERS = ("directory:write", "leads:read", "ops")
"""The scopes that can read the directory."""
LINES = documented(dict.fromkeys(MEDIA, TEXT), 'One record per line: {"id": "ana", …}.')
ALL = ("upsert", "update", "get", "list", "delete", "bulk_upsert")
Endpoint = Callable[..., Any]


class Resource:
    """A resource of the directory, such as owners, and the routes to read and edit it."""

    def __init__(
        self,
        router: APIRouter,
        one: str,
        many: str,
        sent: type[RecordModel],
        stored: type[StoredRecord],
        *,
        body: BodyLimits | None = None,
    ) -> None:
        self.router, self.one, self.many, self.sent, self.stored = router, one, many, sent, stored
        self.body = body
        self.path = f"/{many}/{{id}}"
        self.a_one = f"{'an' if one[0] in 'aeiou' else 'a'} {one}"

    def add(self, *actions: str) -> None:
        """Adds the routes for these actions, all unless named."""
        for action in actions or ALL:
            getattr(self, f"_{action}")()

    def _upsert(self) -> None:
        async def upsert(
            caller: CallerParameter, pool: PoolParameter, on: PreconditionParameter, id: PathId, body: Any
        ) -> Json[Any]:
            record = to_record(body)
            return await write_record(pool, caller, self.many, parse_id(id), lambda _: record, on)

        upsert.__annotations__["body"] = self.sent
        self._route(
            "PUT", self.path, f"upsert_{self.one}", upsert,
            f"Creates or replaces {self.a_one}.", self.stored, responses=created(self.stored),
        )  # fmt: skip

    def _update(self) -> None:
        async def update(
            caller: CallerParameter, pool: PoolParameter, on: PreconditionParameter, id: PathId, body: Patch
        ) -> Json[Any]:
            def make(before: Mapping[str, Any] | None) -> dict[str, Any]:
                if before is None:
                    raise NotFound()
                return parse_record(self.sent, merge_patch(before, body))

            return await write_record(pool, caller, self.many, id, make, on)

        note = f"Changes some fields of {self.a_one} (RFC 7396). Null removes a field."
        self._route("PATCH", self.path, f"update_{self.one}", update, note, self.stored)

    def _get(self) -> None:
        async def get(caller: CallerParameter, pool: PoolParameter, id: PathId) -> Json[Any]:
            record = await records.find(pool, caller.workspace_id, self.many, id)
            return Json(to_json(record), headers=etag(record.revision))

        self._route("GET", self.path, f"get_{self.one}", get, f"Returns {self.a_one}.", self.stored)

    def _list(self) -> None:
        async def list_(
            caller: CallerParameter, pool: PoolParameter, after: After = "", limit: Limit = 100
        ) -> Json[Any]:
            found = await records.page(pool, caller.workspace_id, self.many, after, limit + 1)
            return await page_of(found, limit, to_json, lambda record: record.id)

        list_.__annotations__["return"] = Json[Page[self.stored]]  # type: ignore[name-defined]
        note = f"Lists {self.many}, ordered by id."
        self._route("GET", f"/{self.many}", f"list_{self.many}", list_, note, None)

    def _delete(self) -> None:
        async def delete(
            caller: CallerParameter,
            pool: PoolParameter,
            strategies: StrategiesParameter,
            on: PreconditionParameter,
            id: PathId,
        ) -> NoContent:
            await removal.remove(pool, caller.workspace_id, caller.key_id, strategies, self.many, id, on)
            return NoContent()

        note = f"Deletes {self.a_one}, unless the active plan or another record refers to it."
        self._route("DELETE", self.path, f"delete_{self.one}", delete, note, None)

    def _bulk_upsert(self) -> None:
        async def bulk_upsert(request: Request, caller: CallerParameter, pool: PoolParameter) -> Json[Any]:
            raw = await raw_body(request, MEDIA, LIMITS)
            tally = await write_lines(pool, caller.workspace_id, caller.key_id, self.many, self.sent, raw)
            return Json(tally.to_json())

        self._route(
            "POST", f"/{self.many}/bulk", f"bulk_upsert_{self.many}", bulk_upsert,
            f"Creates or replaces many {self.many}, one per line.", BulkResult, openapi_extra=LINES,
        )  # fmt: skip

    def _route(
        self, method: str, path: str, name: str, endpoint: Endpoint, note: str, model: Any, **options: Any
    ) -> None:
        endpoint.__name__, endpoint.__doc__ = name, note
        scopes = READERS if method == "GET" else ("directory:write",)
        kinds = (InUse,) if method == "DELETE" else ()
        declared = requires(*scopes, body=self.body, problems=kinds)(endpoint)
        self.router.add_api_route(path, declared, methods=[method], response_model=model, **options)


def created(model: type[Any]) -> dict[int | str, dict[str, Any]]:
    """The second response of a PUT, for a new record."""
    return {201: {"model": model, "description": "Created."}}


def to_json(record: Record) -> dict[str, Any]:
    """A record as it is returned."""
    return {"id": record.id, **record.body, "revision": record.revision, "updated_at": record.updated_at}


async def write_record(
    pool: Pool, caller: Caller, resource_type: str, id_: str, make: Make, on: Precondition
) -> Json[Any]:
    """Writes a record and returns it with its findings. The status is 201 for a new record."""
    written = await records.write(pool, caller.workspace_id, caller.key_id, resource_type, id_, make, on)
    body = {**to_json(written.record), "findings": findings_to_json(written.findings)}
    return Json(body, 201 if written.created else 200, etag(written.record.revision))
