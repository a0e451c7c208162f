"""Leads, decisions and their explanations as a caller may see them. The API and the console show these."""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Any

import orjson

from app.api.hidden_fields import View, view_of
from app.api.http.auth import Caller
from app.audit.explain import explain_decision
from app.audit.passed_over import PassedOver, count_reasons
from app.audit.replay import DecisionInputs, inputs_of
from app.audit.why_not import Bystanders, as_owner_sees, bystanders
from app.dispatch.dispatcher import Dispatcher
from app.engine.compile.plan import Plan
from app.errors import Erased, NotFound, PlanVersionUnreadable, refused_at
from app.intake.arrival import normalize
from app.store.connection.pool import Pool, transaction
from app.store.directory import records
from app.store.directory.history import read_directory_at
from app.store.leads import decisions, lead_detail
from app.store.leads.decisions import StoredDecision
from app.store.leads.lead_detail import AssignmentDetail, AssignmentEvent, LeadDetail
from app.store.leads.merges import StoredMerge
from app.store.stored_bytes import unpack

MAX_OWNERS = 10_000
"""Of owners who came after a decision, no more are listed."""
_CLOCK_FIELDS = ("kind", "state", "started_at", "first_due_at", "due_at", "ended_at")
_SHARED = ("decision_number", "outcome", "owner", "team", "queue", "path", "block", "reason")


async def assignment_document(
    pool: Pool, dispatch: Dispatcher, caller: Caller, assignment_id: str
) -> dict[str, Any]:
    """An assignment with its state and events. Raises NotFound or Erased."""
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
            "events": [event_to_json(event) for event in events],
        }
        view = await view_of(connection, dispatch, caller)
        if view.plan is not None or caller.owner_id is not None:
            lead = await lead_detail.find_lead(connection, caller.workspace_id, each.lead_id)
            if lead is None or not view.shows(lead):
                raise NotFound
            shown = view.discreet(view.of_assignment(lead, shown))
    return shown


@contextmanager
def erased_as_seen_by(caller: Caller) -> Iterator[None]:
    """Nobody knows any more whose an erased lead was, so to a key of one owner it is unknown."""
    try:
        yield
    except Erased:
        if caller.owner_id is not None:
            raise NotFound from None
        raise


async def seen_lead(
    pool: Pool, dispatch: Dispatcher, caller: Caller, lead_id: str
) -> tuple[LeadDetail, View]:
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


async def explanation_of(
    pool: Pool, dispatch: Dispatcher, caller: Caller, assignment_id: str
) -> dict[str, Any]:
    """A decision computed again, with every rule. Raises NotFound, Erased or PlanVersionUnreadable."""
    made = await _decision_seen(pool, dispatch, caller, assignment_id)
    # Thousands of rules take a while and would block all other requests.
    whole = await asyncio.to_thread(explain_decision, made.decided, made.basis, made.plan)
    return made.view.discreet(made.view.of_reassigned(made.lead, whole))


async def bystanders_of(pool: Pool, dispatch: Dispatcher, caller: Caller, assignment_id: str) -> Bystanders:
    """Everybody who may be asked about at a decision. Raises NotFound, Erased or PlanVersionUnreadable."""
    made = await _decision_seen(pool, dispatch, caller, assignment_id)
    async with transaction(pool, caller.workspace_id, read_only=True) as connection:
        now = await records.list_records(connection, caller.workspace_id, "owners", "", MAX_OWNERS)
    then = made.basis.facts.directory.owners
    return await asyncio.to_thread(
        bystanders,
        made.basis,
        made.plan,
        had=_had_before(made.lead, made.decided.decision_number),
        newcomers={each.id: each.body["name"] for each in now if each.id not in then},
        names_needs=not made.view.hidden_in(made.lead),
    )


@dataclass(frozen=True, slots=True)
class _DecisionSeen:
    """A stored decision with what it was made from, and its lead as the caller sees it."""

    decided: StoredDecision
    basis: DecisionInputs
    plan: Plan
    lead: LeadDetail
    view: View


async def _decision_seen(
    pool: Pool, dispatch: Dispatcher, caller: Caller, assignment_id: str
) -> _DecisionSeen:
    with erased_as_seen_by(caller):
        decided, basis = await _inputs(pool, caller.workspace_id, assignment_id)
    try:
        lead, view = await seen_lead(pool, dispatch, caller, decided.read_response()["lead_id"])
        plan = await dispatch.plans.fetch(caller.workspace_id, basis.plan_version)
    except LookupError:
        raise PlanVersionUnreadable from None
    return _DecisionSeen(decided, basis, plan, lead, view)


def why_not_page(
    found: Bystanders, caller: Caller, owner: str | None, after: int, limit: int
) -> dict[str, Any]:
    """A page of the answers of `GET /assignments/{id}/why-not`. Raises ValidationFailed for an unknown owner.

    Each answer may decide once more, so this takes a while.
    """
    everyone = found.owners(caller.owner_id)
    if owner is not None and owner not in everyone:
        raise refused_at(("owner",), "unknown_owner", "names an owner that does not exist", "query")
    wanted = everyone[after : after + limit] if owner is None else [owner]
    answers = [found.answer(each) for each in wanted]
    if caller.owner_id is not None:
        answers = as_owner_sees(answers, caller.owner_id)
    more = owner is None and after + limit < len(everyone)
    return {
        "assignment_id": found.basis.request.assignment_id,
        "decided_at": found.basis.facts.now,
        "items": [asdict(each) for each in answers],
        "total": len(everyone),
        "next": after + limit if more else None,
    }


async def passed_over(pool: Pool, workspace_id: int, owner_id: str, limit: int) -> PassedOver:
    """What became of an owner in the newest decisions. Raises NotFound for an unknown owner."""
    async with transaction(pool, workspace_id, read_only=True) as connection:
        if await records.find_record(connection, workspace_id, "owners", owner_id) is None:
            raise NotFound
        stored = await decisions.list_newest_answers(connection, workspace_id, limit)
    answers = (orjson.loads(unpack(each)) for each in stored)
    return await asyncio.to_thread(count_reasons, owner_id, answers)


async def find_seen_leads(
    pool: Pool, dispatch: Dispatcher, caller: Caller, sent: Mapping[str, Any]
) -> list[dict[str, Any]]:
    """The leads with one of the keys that intake finds in these fields, as far as the caller may see them."""
    items: list[dict[str, Any]] = []
    async with transaction(pool, caller.workspace_id, read_only=True) as connection:
        view = await view_of(connection, dispatch, caller)
        for key in normalize(sent).keys:
            leads = await lead_detail.find_leads_by_key(connection, caller.workspace_id, key)
            items += [lead_to_json(lead, view) for lead in leads if view.shows(lead)]
    return items


def _had_before(lead: LeadDetail, number: int) -> dict[str, str | None]:
    """The owners who had the lead before the decision with this number, and why that ended."""
    earlier = [
        each for each in lead.assignments if each.answer["decision_number"] < number and not each.repeats
    ]
    return {each.answer["owner"]["id"]: each.end_cause for each in earlier if each.answer["owner"]}


def lead_to_json(found: LeadDetail, view: View) -> dict[str, Any]:
    """A lead with its assignments, as `view` allows."""
    own = [
        view.discreet(view.of_reassigned(found, assignment_to_json(each)))
        for each in found.assignments
        if not each.repeats
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


def assignment_to_json(each: AssignmentDetail) -> dict[str, Any]:
    """An assignment in the list of its lead."""
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


def event_to_json(event: AssignmentEvent) -> dict[str, Any]:
    """An event of an assignment."""
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
