"""`/owners` and their absences, `/calendars`, `/accounts`, and the change log of the directory."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query
from starlette.responses import Response

from app.api.http.auth import Caller, requires
from app.api.http.idempotency import edit_once
from app.api.http.json_response import Json, NoContent, etag, page_of
from app.api.http.parameters import (
    After,
    AfterNumber,
    CallerParameter,
    IdempotencyKeyParameter,
    Limit,
    Patch,
    PathId,
    PoolParameter,
    PreconditionParameter,
    StrategiesParameter,
)
from app.api.http.routing import StrictRoute
from app.api.routes.crud import READERS, Resource, to_json
from app.contract.directory import (
    AbsenceInput,
    AccountInput,
    CalendarInput,
    OwnerInput,
    parse_open_leads,
    parse_record,
    to_record,
)
from app.contract.directory_responses import (
    Absence,
    Account,
    Calendar,
    Change,
    Owner,
    OwnerRemoval,
    OwnerStatus,
    OwnerUpdate,
)
from app.contract.findings import findings_to_json
from app.contract.responses import Page
from app.directory import absences, leaving, records, removal, standings
from app.directory.edit_once import Edit
from app.directory.mentions import find_mentions
from app.directory.merge_patch import merge_patch
from app.errors import Forbidden, InUse, NotFound, OwnerHasLeads
from app.plan_check.parse import Strategies
from app.store.connection.pool import Pool
from app.store.directory.records import ChangeRecord, Record

router = APIRouter(route_class=StrictRoute, tags=["directory"])
ResourceText = Annotated[str | None, Query(max_length=255)]

Resource(router, "owner", "owners", OwnerInput, Owner).add("upsert", "get", "list", "bulk_upsert")
Resource(router, "calendar", "calendars", CalendarInput, Calendar).add(
    "upsert", "update", "get", "list", "delete"
)
Resource(router, "account", "accounts", AccountInput, Account).add()


@router.get("/owners/{id}/status")
@requires(*READERS)
async def get_owner_status(caller: CallerParameter, pool: PoolParameter, id: PathId) -> Json[OwnerStatus]:
    """Returns what an owner has now, and whether they can take a lead."""
    standing = await standings.owner_standing(pool, caller.workspace_id, id)
    return Json(asdict(standing.status))


@router.patch("/owners/{id}")
@requires("directory:write")
async def update_owner(
    caller: CallerParameter,
    pool: PoolParameter,
    strategies: StrategiesParameter,
    on: PreconditionParameter,
    id: PathId,
    body: Patch,
) -> Json[OwnerUpdate]:
    """Changes some fields of an owner (RFC 7396). Null removes a field.

    `open_leads: move` routes the open leads of an owner who is made inactive again, as a bulk job.
    """
    move_leads = parse_open_leads(body.get("open_leads"))
    patch = {name: value for name, value in body.items() if name != "open_leads"}

    def make(before: Mapping[str, Any] | None) -> dict[str, Any]:
        if before is None:
            raise NotFound()
        return parse_record(OwnerInput, merge_patch(before, patch))

    changed = await leaving.change_owner(
        pool, caller.workspace_id, caller.key_id, id, make, on, move_leads=move_leads
    )
    written = changed.written
    answer = {**to_json(written.record), "findings": findings_to_json(written.findings)}
    if changed.left:
        answer["job_id"] = changed.job.id if changed.job is not None else None
        answer["named_in"] = await _mentions(pool, caller.workspace_id, strategies, id)
    return Json(answer, headers=etag(written.record.revision))


@router.delete("/owners/{id}", status_code=204, responses={200: {"model": OwnerRemoval}})
@requires("directory:write", problems=(InUse, OwnerHasLeads))
async def delete_owner(
    caller: CallerParameter,
    pool: PoolParameter,
    strategies: StrategiesParameter,
    on: PreconditionParameter,
    id: PathId,
    open_leads: Annotated[
        Literal["move", "keep"] | None,
        Query(
            description="What becomes of their open leads, if they have any: `move` routes them again, as a"
            " bulk job; `keep` leaves them where they are."
        ),
    ] = None,
    erase: Annotated[
        bool,
        Query(
            description="Also replaces their name, e-mail address and CRM ids in the history by the id. Needs"
            " the scope `privacy` too. Works for an owner who was deleted before as well."
        ),
    ] = False,
) -> Response:
    """Deletes an owner, unless the active plan refers to them. One with open leads needs `open_leads`.

    With `open_leads=move` the answer is the bulk job, and every place that still names the owner. With
    `erase=true` the history is written again in the background; see `GET /erasures/owners`.
    """
    if erase and not caller.may("privacy"):
        raise Forbidden("This needs a key with the scope privacy.")
    workspace_id, move = caller.workspace_id, None if open_leads is None else open_leads == "move"
    try:
        job = await removal.remove(
            pool, workspace_id, caller.key_id, strategies, "owners", id, on, move_leads=move, erase=erase
        )
    except NotFound:
        if not erase:
            raise
        await removal.erase_removed_owner(pool, workspace_id, caller.key_id, id)
        return NoContent()
    if job is None:
        return NoContent()
    return Json({"job_id": job.id, "named_in": await _mentions(pool, workspace_id, strategies, id)})


async def _mentions(pool: Pool, workspace_id: int, strategies: Strategies, id_: str) -> list[dict[str, Any]]:
    return [asdict(each) for each in await find_mentions(pool, workspace_id, strategies, id_)]


@router.post("/owners/{id}/absences", status_code=201)
@requires("directory:write", for_owner=True)
async def create_absence(
    caller: CallerParameter, pool: PoolParameter, key: IdempotencyKeyParameter, id: PathId, body: AbsenceInput
) -> Json[Absence]:
    """Adds an absence of an owner. A key of one owner adds this owner's."""
    _check_own(caller, id)

    async def prepare() -> Edit[Record]:
        return lambda edit: absences.add(edit, id, to_record(body))

    return await edit_once(pool, caller, key, prepare, _absence_to_json, 201)


@router.get("/owners/{id}/absences")
@requires(*READERS, for_owner=True)
async def list_absences(
    caller: CallerParameter, pool: PoolParameter, id: PathId, after: After = "", limit: Limit = 100
) -> Json[Page[Absence]]:
    """Lists an owner's absences in the order they were added. A key of one owner reads this owner's."""
    _check_own(caller, id)
    found = await absences.page(pool, caller.workspace_id, id, after, limit + 1)
    return await page_of(found, limit, _absence_to_json, lambda record: record.id)


@router.delete("/owners/{id}/absences/{absence_id}")
@requires("directory:write", for_owner=True)
async def delete_absence(
    caller: CallerParameter, pool: PoolParameter, id: PathId, absence_id: PathId
) -> NoContent:
    """Deletes an absence. A key of one owner deletes this owner's."""
    _check_own(caller, id)
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
    return await page_of(found, limit, _change_to_json, lambda change: change.version)


def _check_own(caller: Caller, owner_id: str) -> None:
    """Raises Forbidden for a key of one owner that asks about another one."""
    if caller.owner_id is not None and caller.owner_id != owner_id:
        raise Forbidden("A key that is bound to an owner can only read and set the leave of this owner.")


def _absence_to_json(record: Record) -> dict[str, Any]:
    absent = {"assumed_timezone": None, "cover": None, "open_leads": "stay", "entered_at": None}
    fields = {"id": record.id, **absent, **record.body}
    return {name: value for name, value in fields.items() if name != "owner"}


def _change_to_json(change: ChangeRecord) -> dict[str, Any]:
    return {name: getattr(change, name) for name in Change.model_fields}
