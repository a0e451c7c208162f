"""`/leads` and `/assignments`: reading leads and the decisions about them."""

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query

from app.api.hidden_fields import View, view_of
from app.api.http.auth import Caller, requires
from app.api.http.json_response import Json
from app.api.http.parameters import MAX_INT32, CallerParameter, DispatchParameter, PoolParameter
from app.api.http.routing import StrictRoute
from app.audit.explain import explain_decision
from app.audit.replay import DecisionInputs, inputs_of
from app.contract.leads import Assignment, Explanation, Lead, LeadList
from app.contract.requests import LookupRequest
from app.dispatch.dispatcher import Dispatcher
from app.errors import Erased, NotFound, PlanVersionUnreadable, refused_at
from app.intake.arrival import normalize
from app.store.connection.pool import Pool, transaction
from app.store.directory.history import read_directory_at
from app.store.leads import decisions, lead_detail
from app.store.leads.decisions import StoredDecision
from app.store.leads.lead_detail import AssignmentDetail, AssignmentEvent, LeadDetail
from app.store.leads.merges import StoredMerge

router = APIRouter(route_class=StrictRoute, tags=["leads"])
MAX_STEPS = 1000
_CLOCK_FIELDS = ("kind", "state", "started_at", "first_due_at", "due_at", "ended_at")
_SHARED = ("decision_number", "outcome", "owner", "team", "queue", "path", "block", "reason")
LeadKey = Annotated[str | None, Query(min_length=1, max_length=255)]


@router.get("/assignments/{assignment_id}")
@requires("leads:read", problems=(Erased,), for_owner=True)
async def get_assignment(
    caller: CallerParameter, pool: PoolParameter, dispatch: DispatchParameter, assignment_id: UUID
) -> Json[Assignment]:
    """Returns the decision as it was first returned, its current state, and its events."""
    with _erased_as_seen_by(caller):
        return Json(await _assignment(pool, dispatch, caller, str(assignment_id)))


async def _assignment(pool: Pool, dispatch: Dispatcher, caller: Caller, assignment_id: str) -> dict[str, Any]:
    async with transaction(pool, caller.workspace_id, read_only=True) as connection:
        found = await lead_detail.find_assignment(connection, caller.workspace_id, assignment_id)
        if found is None:
            raise NotFound
        each, events = found
        shown = {
            **each.answer,
            "sla": sla_to_json(each),
            "state": each.state,
            "reject": _reject_of(events),
            "events": [_event_to_json(event) for event in events],
        }
        view = await view_of(connection, dispatch, caller)
        if view.plan is not None or caller.owner_id is not None:
            lead = await lead_detail.find_lead(connection, caller.workspace_id, each.lead_id)
            if lead is None or not view.shows(lead):
                raise NotFound
            shown = view.of_assignment(lead, shown)
    return shown


@contextmanager
def _erased_as_seen_by(caller: Caller) -> Iterator[None]:
    """Nobody knows any more whose an erased lead was, so to a key of one owner it is unknown."""
    try:
        yield
    except Erased:
        if caller.owner_id is not None:
            raise NotFound from None
        raise


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
    with _erased_as_seen_by(caller):
        decided, basis = await _inputs(pool, caller.workspace_id, str(assignment_id))
    try:
        lead, view = await _seen(pool, dispatch, caller, decided.read_response()["lead_id"])
        plan = await dispatch.plans.fetch(caller.workspace_id, basis.plan_version)
    except LookupError:
        raise PlanVersionUnreadable from None
    # Thousands of rules take a while and would block all other requests.
    whole = await asyncio.to_thread(explain_decision, decided, basis, plan)
    whole = view.of_reassigned(lead, whole)
    steps, until = whole["steps"], after + limit
    paged = {"steps_total": len(steps), "next": until if until < len(steps) else None}
    return Json({**whole, "steps": steps[after:until], **paged})


async def _seen(pool: Pool, dispatch: Dispatcher, caller: Caller, lead_id: str) -> tuple[LeadDetail, View]:
    """A lead, and what the caller may see of it. Raises NotFound if that is nothing."""
    async with transaction(pool, caller.workspace_id, read_only=True) as connection:
        lead = await lead_detail.find_lead(connection, caller.workspace_id, lead_id)
        view = await view_of(connection, dispatch, caller)
    if lead is None or not view.shows(lead):
        raise NotFound
    return lead, view


async def _inputs(pool: Pool, workspace_id: int, assignment_id: str) -> tuple[StoredDecision, DecisionInputs]:
    async with transaction(pool, workspace_id, read_only=True) as connection:
        decided = await decisions.find_decision(connection, workspace_id, assignment_id)
        if decided is None:
            raise NotFound
        stored = decided.read_inputs()
        directory = await read_directory_at(connection, workspace_id, stored["directory"])
    return decided, inputs_of(stored, directory)


@router.get("/leads/{lead_id}")
@requires("leads:read", problems=(Erased,), for_owner=True)
async def get_lead(
    caller: CallerParameter, pool: PoolParameter, dispatch: DispatchParameter, lead_id: UUID
) -> Json[Lead]:
    """Returns a lead with its assignments in order."""
    with _erased_as_seen_by(caller):
        return Json(_lead_to_json(*await _seen(pool, dispatch, caller, str(lead_id))))


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
    return await _find(pool, dispatch, caller, sent)


@router.post("/leads/lookup")
@requires("leads:read", for_owner=True)
async def look_up_lead(
    caller: CallerParameter, pool: PoolParameter, dispatch: DispatchParameter, body: LookupRequest
) -> Json[LeadList]:
    """Finds leads by an e-mail address or a phone number, which are normalized first."""
    return await _find(pool, dispatch, caller, body.model_dump(exclude_none=True))


async def _find(pool: Pool, dispatch: Dispatcher, caller: Caller, sent: dict[str, Any]) -> Json[LeadList]:
    items: list[dict[str, Any]] = []
    async with transaction(pool, caller.workspace_id, read_only=True) as connection:
        view = await view_of(connection, dispatch, caller)
        for key in normalize(sent).keys:
            leads = await lead_detail.find_leads_by_key(connection, caller.workspace_id, key)
            items += [_lead_to_json(lead, view) for lead in leads if view.shows(lead)]
    return Json({"items": items})


def _lead_to_json(found: LeadDetail, view: View) -> dict[str, Any]:
    own = [
        view.of_reassigned(found, _assignment_to_json(each)) for each in found.assignments if not each.repeats
    ]
    first = [each["sla"]["first_due"] for each in own if each["sla"] and each["sla"]["first_due"]]
    return {
        "id": found.id,
        "state": found.state,
        "received_at": found.received_at,
        "fields": view.fields_of(found),
        "owner": own[-1]["owner"] if own and found.state in ("assigned", "closed") else None,
        "first_due": first[0] if first else None,
        "junk": next(
            (each.answer.get("junk") for each in reversed(found.assignments) if not each.repeats), None
        ),
        "assignments": own,
        "conversions": found.sales.conversions,
        "revenue": [
            {"currency": currency, "amount": float(amount)}
            for currency, amount in found.sales.revenue.items()
        ],
        "duplicates": [_duplicate_to_json(each) for each in found.assignments if each.repeats],
        "has_more": not found.complete,
        "merged_into": found.merged_into,
        "merges": [_merge_to_json(each) for each in found.merges],
    }


def _merge_to_json(each: StoredMerge) -> dict[str, Any]:
    return {
        "id": each.id,
        "survivor": each.survivor_id,
        "merged": each.lead_id,
        "at": each.at,
        "source": each.source,
        "actor": each.actor,
        "undone_at": each.undone_at,
    }


def _assignment_to_json(each: AssignmentDetail) -> dict[str, Any]:
    answer = each.answer
    fields = {name: answer[name] for name in (*_SHARED, "existing_lead", "plan_version", "decided_at")}
    fields |= {name: answer[name] for name in ("held_until", "reassigned") if name in answer}
    return {
        "assignment_id": each.id,
        "cause": each.cause,
        "state": each.state,
        "priority": each.priority,
        "end_cause": each.end_cause,
        "from_assignment_id": each.from_assignment_id,
        "handoff": each.handoff,
        **fields,
        "sla": sla_to_json(each),
    }


def sla_to_json(each: AssignmentDetail) -> dict[str, Any] | None:
    """The deadlines of an assignment as they are now."""
    if each.answer["sla"] is None and not each.clocks:
        return None
    named = {clock.kind: clock for clock in each.clocks}
    dues = {f"{kind}_by": clock.due_at for kind, clock in named.items()}
    return {
        "name": each.clocks[0].sla if each.clocks else each.answer["sla"]["name"],
        "accept_by": None,
        "touch_by": None,
        **dues,
        "first_due": min((clock.first_due_at for clock in each.clocks), default=None),
        "clocks": [{name: getattr(clock, name) for name in _CLOCK_FIELDS} for clock in each.clocks],
    }


def _duplicate_to_json(each: AssignmentDetail) -> dict[str, Any]:
    existing = each.answer["existing_lead"]
    return {
        "assignment_id": each.id,
        "decision_number": each.answer["decision_number"],
        "duplicate_of": existing["assignment_id"],
        "matched_by": existing["matched_by"],
        "kind": existing["kind"],
        "decided_at": each.answer["decided_at"],
    }


def _event_to_json(event: AssignmentEvent) -> dict[str, Any]:
    named = {"by_id": "by", "for_at": "for", "until_at": "until"}
    shown = {named.get(name, name): value for name, value in asdict(event).items() if name != "details"}
    withheld = {"withheld_actions": each} if (each := event.details.get("withheld_actions")) else {}
    return {**shown, **withheld, "amount": float(event.amount) if event.amount is not None else None}


def _reject_of(events: Sequence[AssignmentEvent]) -> dict[str, Any] | None:
    """The reject that ended an assignment, and what became of a dispute about it."""
    found: dict[str, Any] | None = None
    for event in events:
        if event.effect == "rejected":
            given = event.details
            found = {
                "reason": event.reason,
                "by": event.by_id,
                "at": event.received_at,
                "refunded": given.get("refunded", False),
                "code": given.get("code"),
                "suppression": given.get("suppression"),
                "dispute": None,
            }
        elif found is not None and event.effect in ("disputed", "settled"):
            found["dispute"] = event.details.get("result", "open")
            if found["dispute"] == "overturned":
                found |= {"refunded": False, "suppression": None}
    return found
