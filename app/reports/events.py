"""The events of a person as facts: those of all leads that became one, with who had the lead at the time."""

from collections.abc import Sequence

from app.reports.documents import name_of
from app.reports.told import Told
from app.store.reports.fact_rows import AssignmentFact, EventFact, LeadFact, cuts_of
from app.store.reports.fact_sources import EventRecord


def events_of(
    lead: LeadFact, assignments: Sequence[AssignmentFact], all_told: Sequence[Told]
) -> list[EventFact]:
    """The events of a lead and of those that were merged into it, in the order in which they happened.

    `assignments` are those of all these leads.
    """
    placed = sorted(
        (each for each in assignments if each.arrival != "duplicate"), key=lambda each: each.decision_number
    )
    seen: set[str] = set()
    events: list[EventFact] = []
    for told in sorted(all_told, key=lambda each: (each.event.at, each.event.sequence)):
        first = told.event.type not in seen
        events.append(_event(lead, _holder(placed, told.event), told, first=first))
        seen.add(told.event.type)
    return events


def _holder(assignments: Sequence[AssignmentFact], event: EventRecord) -> AssignmentFact | None:
    """The assignment whose owner had the lead when it happened. Of two open ones, that of the event."""
    owned = [each for each in assignments if each.owner_id is not None]
    named = [each for each in owned if each.assignment_id == event.assignment_id]
    held = [
        each
        for each in owned
        if each.decided_at <= event.at and (each.ended_at is None or event.at < each.ended_at)
    ]
    both = [each for each in named if each in held]
    earlier = [each for each in owned if each.decided_at <= event.at]
    for choice in (both, held, named, earlier, owned[:1]):
        if choice:
            return choice[-1]
    return None


def _event(lead: LeadFact, holder: AssignmentFact | None, told: Told, *, first: bool) -> EventFact:
    event = told.event
    cuts = cuts_of(lead)
    cuts["owner_id"] = holder.owner_id if holder is not None else None
    cuts["team_id"] = holder.team_id if holder is not None else lead.team_id
    return EventFact(
        **cuts,
        event_id=event.id,
        lead_id=lead.lead_id,
        assignment_id=event.assignment_id,
        type=event.type,
        at=event.at,
        day_only=event.day_only,
        told_at=event.received_at,
        lead_received_at=lead.received_at,
        actor=told.actor,
        by_owner_id=told.by,
        first_owner_id=lead.owner_id,
        last_owner_id=lead.last_owner_id,
        via=name_of(event.via),
        reason=name_of(event.reason),
        effect=event.effect,
        first=first,
        amount=str(event.amount) if event.amount is not None else None,
        currency=event.currency,
        for_at=event.for_at,
        closes=list(event.closes),
        topic=name_of(event.topic),
    )
