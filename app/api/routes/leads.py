"""Looking at leads and at what was decided about them. Nothing here writes."""

import asyncio
from typing import Annotated, Any
from uuid import UUID

import orjson
from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import Response

from app.api.http.auth import caller_of, requires
from app.api.http.routing import StrictRoute
from app.audit.explain import explain_decision
from app.audit.replay import DecisionInputs, inputs_of
from app.contract.requests import LookupRequest
from app.contract.responses import Assignment, Explanation, Lead, LeadList
from app.dispatch.dispatcher import Dispatcher
from app.errors import Conflict, NotFound, refused_at
from app.intake.arrival import normalize
from app.store.connection.pool import transaction
from app.store.directory.history import read_directory_at
from app.store.leads import decisions, lead_detail
from app.store.leads.decisions import StoredDecision
from app.store.leads.lead_detail import AssignmentDetail, LeadDetail

router = APIRouter(route_class=StrictRoute, tags=["leads"])
MOST_STEPS = 1000
_SHARED = ("decision_number", "outcome", "owner", "team", "queue", "path", "block", "reason")
Sent = Annotated[str | None, Query(min_length=1, max_length=255)]


@router.get("/assignments/{assignment_id}", response_model=Assignment)
@requires("leads:read")
async def assignment(request: Request, assignment_id: UUID) -> Response:
    """The decision as it was answered, whether it still stands, and what was reported about it."""
    workspace_id = caller_of(request).workspace_id
    async with transaction(request.app.state.pool, workspace_id, read_only=True) as connection:
        found = await lead_detail.find_assignment(connection, workspace_id, str(assignment_id))
    if found is None:
        raise NotFound
    each, events = found
    return _json({**each.answer, "state": each.state, "events": events})


@router.get("/assignments/{assignment_id}/explain", response_model=Explanation)
@requires("leads:read")
async def explain(
    request: Request,
    assignment_id: UUID,
    after: Annotated[int, Query(ge=0)] = 0,
    limit: Annotated[int, Query(ge=1, le=MOST_STEPS)] = MOST_STEPS,
) -> Response:
    """Make the decision again from what it was made from, with every rule; `after` skips so many steps."""
    workspace_id = caller_of(request).workspace_id
    decided, basis = await _basis(request, workspace_id, str(assignment_id))
    dispatch: Dispatcher = request.app.state.dispatch
    try:
        plan = await dispatch.plans.fetch(workspace_id, basis.plan_version)
    except LookupError:
        raise Conflict("its plan can no longer be read", code="plan_unparseable") from None
    # Thousands of rules take a while, and other requests should not have to wait for it.
    whole = await asyncio.to_thread(explain_decision, decided, basis, plan)
    steps, until = whole["steps"], after + limit
    paged = {"steps_total": len(steps), "next": until if until < len(steps) else None}
    return _json({**whole, "steps": steps[after:until], **paged})


async def _basis(
    request: Request, workspace_id: int, assignment_id: str
) -> tuple[StoredDecision, DecisionInputs]:
    async with transaction(request.app.state.pool, workspace_id, read_only=True) as connection:
        decided = await decisions.find_decision(connection, workspace_id, assignment_id)
        if decided is None:
            raise NotFound
        stored = decided.read_inputs()
        directory = await read_directory_at(connection, workspace_id, stored["directory"])
    return decided, inputs_of(stored, directory)


@router.get("/leads/{lead_id}", response_model=Lead)
@requires("leads:read")
async def lead(request: Request, lead_id: UUID) -> Response:
    """A lead as it stands, with its assignments in order."""
    workspace_id = caller_of(request).workspace_id
    async with transaction(request.app.state.pool, workspace_id, read_only=True) as connection:
        found = await lead_detail.find_lead(connection, workspace_id, str(lead_id))
    if found is None:
        raise NotFound
    return _json(_lead(found))


@router.get("/leads", response_model=LeadList)
@requires("leads:read")
async def leads(request: Request, external_id: Sent = None, crm_lead_id: Sent = None) -> Response:
    """The lead that the caller's own systems know by this id: give one of the two."""
    if (external_id is None) == (crm_lead_id is None):
        detail = "give exactly one of external_id or crm_lead_id"
        raise refused_at(("external_id",), "exactly_one", detail, "query")
    sent = {"external_id": external_id} if external_id else {"crm": {"lead_id": crm_lead_id}}
    return await _found(request, sent)


@router.post("/leads/lookup", response_model=LeadList)
@requires("leads:read")
async def lookup(request: Request, body: LookupRequest) -> Response:
    """The lead known by an e-mail address or a phone number, read as intake reads them."""
    return await _found(request, body.model_dump(exclude_none=True))


async def _found(request: Request, sent: dict[str, Any]) -> Response:
    workspace_id = caller_of(request).workspace_id
    items: list[dict[str, Any]] = []
    async with transaction(request.app.state.pool, workspace_id, read_only=True) as connection:
        for kind, value in normalize(sent).keys:
            known = await lead_detail.find_lead_by_key(connection, workspace_id, kind, value)
            items += [_lead(known)] if known else []
    return _json({"items": items})


def _lead(found: LeadDetail) -> dict[str, Any]:
    own = [_assignment(each) for each in found.assignments if not each.repeats]
    return {
        "id": found.id,
        "state": found.state,
        "received_at": found.received_at,
        "values": found.values,
        "owner": own[-1]["owner"] if own and found.state == "assigned" else None,
        "assignments": own,
        "duplicates": [_duplicate(each) for each in found.assignments if each.repeats],
        "complete": found.complete,
    }


def _assignment(each: AssignmentDetail) -> dict[str, Any]:
    answer = each.answer
    told = {name: answer[name] for name in (*_SHARED, "existing_lead", "plan_version", "decided_at")}
    told |= {name: answer[name] for name in ("held_until",) if name in answer}
    return {
        "assignment_id": each.id,
        "cause": each.cause,
        "state": each.state,
        "priority": each.priority,
        **told,
    }


def _duplicate(each: AssignmentDetail) -> dict[str, Any]:
    known = each.answer["existing_lead"]
    return {
        "assignment_id": each.id,
        "decision_number": each.answer["decision_number"],
        "of": known["assignment_id"],
        "matched_by": known["matched_by"],
        "kind": known["kind"],
        "decided_at": each.answer["decided_at"],
    }


def _json(document: dict[str, Any]) -> Response:
    return Response(orjson.dumps(document), media_type="application/json")
