"""Leads, assignments and their events as responses show them."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from app.api.hidden_fields import View
from app.store.leads.lead_detail import AssignmentDetail, AssignmentEvent, LeadDetail
from app.store.leads.merges import StoredMerge

_CLOCK_FIELDS = ("kind", "state", "started_at", "first_due_at", "due_at", "ended_at")
_SHARED = ("decision_number", "outcome", "owner", "team", "queue", "path", "block", "reason")


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


def reject_of(events: Sequence[AssignmentEvent]) -> dict[str, Any] | None:
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
