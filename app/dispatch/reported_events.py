"""An event as it is stored, and as it is refused."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from app.engine.life.events import ReportedEvent
from app.engine.model.decision import PriorAssignment
from app.errors import AlreadyClosed, AssignmentSuperseded, Conflict
from app.ids import uuid7
from app.store.leads.histories import TrackedAssignment
from app.store.life.events import EventRow


@dataclass(frozen=True, slots=True)
class Reporter:
    """Who reports an event.

    actor:      the API key.
    source:     the system of the caller; an event's id is unique in it.
    owner_id:   the owner that the key is bound to.
    sees_owner: whether a refusal may name the present owner of the lead.
    """

    actor: str
    source: str
    owner_id: str | None = None
    sees_owner: bool = False


def event_row(
    event: ReportedEvent, tracked: TrackedAssignment, reporter: Reporter, now: datetime
) -> EventRow:
    """The event as it is stored with its assignment."""
    return EventRow(
        id=uuid7(),
        assignment_id=tracked.id,
        lead_id=tracked.lead_id,
        type=event.type,
        at=event.at or now,
        received_at=now,
        actor=reporter.actor,
        source=reporter.source,
        event_id=event.id,
        day_only=event.day_only,
        by_id=event.by or reporter.owner_id,
        via=event.via,
        reason=event.reason,
        amount=str(event.amount) if event.amount is not None else None,
        currency=event.currency,
        note=event.note,
        ref=event.ref,
        for_at=event.for_at,
        until_at=event.until,
    )


def refusal_of(
    state: str, tracked: TrackedAssignment, prior: PriorAssignment, reporter: Reporter
) -> Conflict:
    """Why an order about this assignment is refused. Only callers who may know it are told the owner."""
    since = tracked.ended_at or prior.decided_at
    if state == "closed":
        return AlreadyClosed(since)
    return AssignmentSuperseded(since, prior.owner if reporter.sees_owner else None)


def refusal_from_json(body: Mapping[str, Any]) -> Conflict:
    """The refusal of an event that comes again."""
    since = datetime.fromisoformat(body["since"])
    if body["code"] == AlreadyClosed.code:
        return AlreadyClosed(since)
    return AssignmentSuperseded(since, body.get("owner_id"))
