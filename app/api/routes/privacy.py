"""Personal data: everything that is held about the person behind a lead, and its erasure."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query

from app.api.http.auth import requires
from app.api.http.json_response import Json, page_of
from app.api.http.parameters import CallerParameter, DispatchParameter, Limit, PoolParameter
from app.api.http.routing import StrictRoute
from app.contract.privacy import ErasureEntry, LeadErasure, LeadExport
from app.contract.responses import Page
from app.dispatch.erasing import erase_person
from app.errors import Erased, MergedOfSeveral
from app.privacy.erasure import list_page
from app.privacy.export import export_lead

AfterLead = Annotated[UUID | None, Query(description="`next` of the previous page.")]
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
    return page_of(shown, limit, dict, lambda entry: entry["lead_id"])
