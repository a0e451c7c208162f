"""Personal data: what is held about the person behind a lead, its erasure, and how long data is kept."""

from dataclasses import asdict
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query

from app.api.http.auth import requires
from app.api.http.json_response import Json, page_of
from app.api.http.parameters import (
    CallerParameter,
    DispatchParameter,
    Limit,
    PoolParameter,
    PreconditionParameter,
)
from app.api.http.routing import StrictRoute
from app.api.routes.crud import READERS, created
from app.api.routes.workspace_settings import get_settings, put_settings
from app.contract.directory import RetentionSettings
from app.contract.privacy import ErasureEntry, LeadErasure, LeadExport, OwnerErasureEntry, Retention
from app.contract.responses import Page
from app.dispatch.erasing import erase_person
from app.errors import Erased, MergedOfSeveral
from app.privacy.erasure import list_page
from app.privacy.export import export_lead
from app.privacy.owner_erasure import NOT_CHANGED
from app.privacy.owner_erasure import list_page as list_owner_page
from app.privacy.retention import read_status
from app.privacy.settings import RETENTION
from app.store.privacy.owner_erasures import OwnerErasure

AfterLead = Annotated[UUID | None, Query(description="`next` of the previous page.")]
AfterOwner = Annotated[str, Query(max_length=300, description="`next` of the previous page.")]
MAX_DIGITS = 19
router = APIRouter(route_class=StrictRoute, tags=["privacy"])


@router.get("/leads/{lead_id}/export")
@requires("privacy", problems=(Erased,))
async def get_lead_export(caller: CallerParameter, pool: PoolParameter, lead_id: UUID) -> Json[LeadExport]:
    """Returns everything that is held about the person behind a lead, with the decisions about them."""
    found = await export_lead(pool, caller.workspace_id, str(lead_id))
    body = {"lead_ids": found.lead_ids, "exported_at": found.at, "fields": found.fields}
    return Json({**body, "held": found.sections})


@router.delete("/leads/{lead_id}")
@requires("privacy", problems=(MergedOfSeveral,))
async def erase_lead(
    caller: CallerParameter, pool: PoolParameter, dispatch: DispatchParameter, lead_id: UUID
) -> Json[LeadErasure]:
    """Erases what is held about the person behind a lead. A repeat returns the same answer."""
    found = await erase_person(pool, dispatch, caller.workspace_id, str(lead_id), caller.key_id)
    return Json(
        {
            "lead_ids": found.lead_ids,
            "erased_at": found.at,
            "recipients": found.recipients,
            "log_offered": found.log_offered,
            "kept": found.kept,
        }
    )


@router.get("/erasures")
@requires("privacy")
async def list_erasures(
    caller: CallerParameter, pool: PoolParameter, after: AfterLead = None, limit: Limit = 100
) -> Json[Page[ErasureEntry]]:
    """Lists which leads were erased, when and by which key, ordered by lead."""
    start = str(after) if after is not None else None
    found = await list_page(pool, caller.workspace_id, start, limit + 1)
    shown = [{"lead_id": each.lead_id, "erased_at": each.at, "actor": each.actor} for each in found]
    return await page_of(shown, limit, dict, lambda entry: entry["lead_id"])


@router.get("/erasures/owners")
@requires("privacy")
async def list_owner_erasures(
    caller: CallerParameter, pool: PoolParameter, after: AfterOwner = "", limit: Limit = 100
) -> Json[Page[OwnerErasureEntry]]:
    """Lists which owners were erased, when and by which key, ordered by owner.

    While `state` is `running`, the history still names the owner.
    """
    version, _, owner = after.partition(":")
    start = (owner, int(version)) if version.isdecimal() and len(version) < MAX_DIGITS else ("", 0)
    found = await list_owner_page(pool, caller.workspace_id, start, limit + 1)
    return await page_of(found, limit, _owner_erasure_to_json, lambda each: f"{each.version}:{each.owner_id}")


def _owner_erasure_to_json(erasure: OwnerErasure) -> dict[str, Any]:
    return {
        "owner_id": erasure.owner_id,
        "deleted_at": erasure.at,
        "actor": erasure.actor,
        "state": "done" if erasure.ended_at is not None else "running",
        "done_at": erasure.ended_at,
        "not_changed": [{"what": what, "reason": reason} for what, reason in NOT_CHANGED.items()],
    }


@router.get("/settings/retention")
@requires(*READERS, "privacy")
async def get_retention_settings(caller: CallerParameter, pool: PoolParameter) -> Json[RetentionSettings]:
    """Returns how long data is kept."""
    return await get_settings(pool, caller, RETENTION)


@router.put("/settings/retention", responses=created(RetentionSettings))
@requires("privacy")
async def put_retention_settings(
    caller: CallerParameter, pool: PoolParameter, on: PreconditionParameter, body: RetentionSettings
) -> Json[RetentionSettings]:
    """Sets how long data is kept. What is older is deleted for good."""
    return await put_settings(pool, caller, RETENTION, on, body)


@router.get("/retention")
@requires("privacy", "ops")
async def get_retention(
    caller: CallerParameter, pool: PoolParameter, after: AfterLead = None, limit: Limit = 100
) -> Json[Retention]:
    """Returns the last run of retention, and the leads that are old and still open."""
    start = str(after) if after is not None else None
    found = await read_status(pool, caller.workspace_id, start, limit)
    leads = [{"lead_id": case.id, "received_at": case.received_at} for case in found.open_leads]
    return Json({"run": found.run and asdict(found.run), "open_leads": leads, "next": found.following})
