"""`/leads` and `/assignments`: reading leads and the decisions about them."""

from dataclasses import asdict
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query

from app.api.decision_view import WhyNotPage, explanation_of, passed_over, why_not
from app.api.http.auth import requires
from app.api.http.json_response import Json
from app.api.http.parameters import MAX_INT32, CallerParameter, DispatchParameter, PathId, PoolParameter
from app.api.http.routing import StrictRoute
from app.api.lead_json import lead_to_json
from app.api.lead_view import assignment_document, erased_as_seen_by, find_seen_leads, seen_lead
from app.contract.leads import Assignment, Explanation, Lead, LeadList, PassedOver, WhyNotList
from app.contract.requests import LookupRequest
from app.errors import Erased, Forbidden, NotFound, PlanVersionUnreadable, refused_at

router = APIRouter(route_class=StrictRoute, tags=["leads"])
MAX_STEPS = 1000
MAX_ANSWERS = 200
MAX_COUNTED = 500
"""So many traces are read in some hundredths of a second."""
LeadKey = Annotated[str | None, Query(min_length=1, max_length=255)]


@router.get("/assignments/{assignment_id}")
@requires("leads:read", problems=(Erased,), for_owner=True)
async def get_assignment(
    caller: CallerParameter, pool: PoolParameter, dispatch: DispatchParameter, assignment_id: UUID
) -> Json[Assignment]:
    """Returns the decision as it was first returned, its current state, and its events."""
    with erased_as_seen_by(caller):
        return Json(await assignment_document(pool, dispatch, caller, str(assignment_id)))


@router.get("/assignments/{assignment_id}/explain")
@requires("leads:read", problems=(PlanVersionUnreadable, Erased), for_owner=True)
async def explain_assignment(
    caller: CallerParameter,
    pool: PoolParameter,
    dispatch: DispatchParameter,
    assignment_id: UUID,
    after: Annotated[int, Query(ge=0, le=MAX_INT32, description="The number of steps to skip.")] = 0,
    limit: Annotated[int, Query(ge=1, le=MAX_STEPS)] = MAX_STEPS,
) -> Json[Explanation]:
    """Computes the decision again from its stored inputs, and returns every step with every rule."""
    whole = await explanation_of(pool, dispatch, caller, str(assignment_id))
    steps, until = whole["steps"], after + limit
    paged = {"steps_total": len(steps), "next": until if until < len(steps) else None}
    return Json({**whole, "steps": steps[after:until], **paged})


@router.get("/assignments/{assignment_id}/why-not")
@requires("leads:read", problems=(PlanVersionUnreadable, Erased), for_owner=True)
async def list_why_not(
    caller: CallerParameter,
    pool: PoolParameter,
    dispatch: DispatchParameter,
    assignment_id: UUID,
    owner: Annotated[str | None, Query(min_length=1, max_length=255, description="Only this owner.")] = None,
    after: Annotated[int, Query(ge=0, le=MAX_INT32, description="`next` of the previous page.")] = 0,
    limit: Annotated[int, Query(ge=1, le=MAX_ANSWERS)] = 50,
) -> Json[WhyNotList]:
    """Says of every owner why they did not get the lead, computed from the decision's stored inputs.

    Nobody is left out. First comes who got it, then who could have, who could not, and who was not asked. A
    key of one owner gets a reason for this owner only.
    """
    return Json(await why_not(pool, dispatch, caller, str(assignment_id), WhyNotPage(owner, after, limit)))


@router.get("/owners/{id}/passed-over")
@requires("leads:read", problems=(NotFound,), for_owner=True)
async def count_passed_over(
    caller: CallerParameter,
    pool: PoolParameter,
    id: PathId,
    limit: Annotated[int, Query(ge=1, le=MAX_COUNTED, description="How many decisions to look at.")] = 200,
) -> Json[PassedOver]:
    """Counts what became of an owner in the newest decisions: how often they were chosen, and why not.

    A key of one owner counts only for this owner.
    """
    if caller.owner_id is not None and caller.owner_id != id:
        raise Forbidden("A key that is bound to an owner can only count for this owner.")
    return Json({"owner": id, **asdict(await passed_over(pool, caller.workspace_id, id, limit))})


@router.get("/leads/{lead_id}")
@requires("leads:read", problems=(Erased,), for_owner=True)
async def get_lead(
    caller: CallerParameter, pool: PoolParameter, dispatch: DispatchParameter, lead_id: UUID
) -> Json[Lead]:
    """Returns a lead with its assignments in order."""
    with erased_as_seen_by(caller):
        return Json(lead_to_json(*await seen_lead(pool, dispatch, caller, str(lead_id))))


@router.get("/leads")
@requires("leads:read", for_owner=True)
async def find_leads(
    caller: CallerParameter,
    pool: PoolParameter,
    dispatch: DispatchParameter,
    external_id: LeadKey = None,
    crm_lead_id: LeadKey = None,
) -> Json[LeadList]:
    """Finds leads by their id in one of the caller's own systems. Exactly one parameter is required."""
    if (external_id is None) == (crm_lead_id is None):
        detail = "give exactly one of external_id or crm_lead_id"
        raise refused_at(("external_id",), "exactly_one", detail, "query")
    sent = {"external_id": external_id} if external_id else {"crm": {"lead_id": crm_lead_id}}
    return Json({"items": await find_seen_leads(pool, dispatch, caller, sent)})


@router.post("/leads/lookup")
@requires("leads:read", for_owner=True)
async def look_up_lead(
    caller: CallerParameter, pool: PoolParameter, dispatch: DispatchParameter, body: LookupRequest
) -> Json[LeadList]:
    """Finds leads by an e-mail address or a phone number, which are normalized first."""
    return Json({"items": await find_seen_leads(pool, dispatch, caller, body.model_dump(exclude_none=True))})
