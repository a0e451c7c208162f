"""`/owners` and their absences, `/calendars`, `/accounts`, and the change log of the directory."""

from typing import Annotated, Any

from fastapi import APIRouter, Query

from app.api.http.auth import requires
from app.api.http.idempotency import edit_once
from app.api.http.json_response import Json, NoContent, page_of
from app.api.http.parameters import (
    After,
    AfterNumber,
    CallerParameter,
    IdempotencyKeyParameter,
    Limit,
    PathId,
    PoolParameter,
)
from app.api.http.routing import StrictRoute
from app.api.routes.crud import READERS, Resource
from app.contract.directory import (
    Absence,
    AbsenceInput,
    Account,
    AccountInput,
    Calendar,
    CalendarInput,
    Change,
    Owner,
    OwnerInput,
    to_record,
)
from app.contract.responses import Page
from app.directory import absences, records, removal
from app.directory.edit_once import Edit
from app.store.directory.records import ChangeRecord, Record

router = APIRouter(route_class=StrictRoute, tags=["directory"])
ResourceText = Annotated[str | None, Query(max_length=255)]

Resource(router, "owner", "owners", OwnerInput, Owner).add()
Resource(router, "calendar", "calendars", CalendarInput, Calendar).add(
    "upsert", "update", "get", "list", "delete"
)
Resource(router, "account", "accounts", AccountInput, Account).add()


@router.post("/owners/{id}/absences", status_code=201)
@requires("directory:write")
async def create_absence(
    caller: CallerParameter, pool: PoolParameter, key: IdempotencyKeyParameter, id: PathId, body: AbsenceInput
) -> Json[Absence]:
    """Adds an absence of an owner."""

    async def prepare() -> Edit[Record]:
        return lambda edit: absences.add(edit, id, to_record(body))

    return await edit_once(pool, caller, key, prepare, _absence_to_json, 201)


@router.get("/owners/{id}/absences")
@requires(*READERS)
async def list_absences(
    caller: CallerParameter, pool: PoolParameter, id: PathId, after: After = "", limit: Limit = 100
) -> Json[Page[Absence]]:
    """Lists an owner's absences in the order they were added."""
    found = await absences.page(pool, caller.workspace_id, id, after, limit + 1)
    return page_of(found, limit, _absence_to_json, lambda record: record.id)


@router.delete("/owners/{id}/absences/{absence_id}")
@requires("directory:write")
async def delete_absence(
    caller: CallerParameter, pool: PoolParameter, id: PathId, absence_id: PathId
) -> NoContent:
    """Deletes an absence."""
    await removal.remove_absence(pool, caller.workspace_id, caller.key_id, id, absence_id)
    return NoContent()


@router.get("/changes")
@requires(*READERS)
async def list_changes(
    caller: CallerParameter,
    pool: PoolParameter,
    after: AfterNumber = 0,
    limit: Limit = 100,
    resource_type: ResourceText = None,
    resource_id: ResourceText = None,
) -> Json[Page[Change]]:
    """Lists the change log in order, optionally of one resource type or one record."""
    found = await records.changes(pool, caller.workspace_id, after, resource_type, resource_id, limit + 1)
    return page_of(found, limit, _change_to_json, lambda change: change.version)


def _absence_to_json(record: Record) -> dict[str, Any]:
    fields = {"id": record.id, "assumed_timezone": None, **record.body}
    return {name: value for name, value in fields.items() if name != "owner"}


def _change_to_json(change: ChangeRecord) -> dict[str, Any]:
    return {name: getattr(change, name) for name in Change.model_fields}
