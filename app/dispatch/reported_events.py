"""An event as it is stored, and as it is refused."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

from app.dispatch.decision_session import DecisionSession
from app.dispatch.jobs.base import request_again
from app.engine.followup.actions import FollowUpResult
from app.engine.life.events import ReportedEvent, owner_named
from app.engine.model.decision import Decision, Outcome, PriorAssignment, SlaDeadlines
from app.engine.pipeline.after_event import actions_after
from app.errors import AlreadyClosed, AlreadyTouched, AssignmentSuperseded, Conflict
from app.store.leads.current_leads import CurrentLead
from app.store.leads.histories import TrackedAssignment
from app.store.life.events import EventRow


@dataclass(frozen=True, slots=True)
class Reporter:
    """Who reports an event.

    actor:      the API key.
    source:     the system of the caller; an event's id is unique in it.
    owner_id:   the owner that the key is bound to.
    sees_owner: whether a refusal may name the present owner of the lead.
    unattended: whether no caller gets the answer, so that the outbox must offer every action.
    """

    actor: str
    source: str
    owner_id: str | None = None
    sees_owner: bool = False
    unattended: bool = False


def event_row(
    id_: str, event: ReportedEvent, tracked: TrackedAssignment, reporter: Reporter, now: datetime
) -> EventRow:
    """The event as it is stored with its assignment."""
    return EventRow(
        id=id_,
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


def event_actions(
    session: DecisionSession, lead: CurrentLead, tracked: TrackedAssignment, type_: str
) -> FollowUpResult:
    """The actions that the plan wants after an event of this type about an assignment, and withheld ones."""
    plan, facts = session.plan, session.work.facts
    if type_ not in plan.life.on_event:
        return FollowUpResult()
    owner = facts.directory.owners.get(tracked.owner_id or "")
    strategies = {step.name: step.strategy for step in plan.steps}
    standing = Decision(
        outcome=cast(Outcome, tracked.outcome),
        code=tracked.code,
        text="",
        step=tracked.step,
        strategy=strategies.get(tracked.step or "", tracked.step),
        owner=owner,
        team=tracked.team_id,
        queue=tracked.queue,
        path=tracked.path,
        block=tracked.block,
        priority=tracked.priority,
        sla=_deadlines(tracked),
    )
    return actions_after(type_, standing, request_again(session, lead, "assign"), plan, facts)


def _deadlines(tracked: TrackedAssignment) -> SlaDeadlines | None:
    due = {kind: clock.due_at for kind, clock in tracked.clocks.items() if clock.state == "pending"}
    names = [clock.sla for clock in tracked.clocks.values() if clock.sla is not None]
    return SlaDeadlines(names[0], due.get("accept"), due.get("touch")) if names else None


def refusal_of(
    state: str, tracked: TrackedAssignment, prior: PriorAssignment, reporter: Reporter
) -> Conflict:
    """Why an order about this assignment is refused. Only callers who may know it are told the owner."""
    since = tracked.ended_at or prior.decided_at
    if state == "closed":
        return AlreadyClosed(since)
    return AssignmentSuperseded(since, prior.owner if reporter.sees_owner else None)


def actor_id(session: DecisionSession, event: ReportedEvent) -> str | None:
    """The id of the owner in `by`, or what it says if that is no owner."""
    named = owner_named(event.by, session.work.facts.directory)
    return named.id if named is not None else event.by


def refusal_of_former_owner(
    session: DecisionSession,
    event: ReportedEvent,
    lead: CurrentLead,
    tracked: TrackedAssignment,
    reporter: Reporter,
) -> Conflict | None:
    """Why an order of somebody who had the lead before its owner is refused; None if `by` did not.

    Such an order, sent by the id of the lead, meets the assignment of the next owner.
    """
    by = actor_id(session, event)
    if by is None or by == tracked.owner_id:
        return None
    earlier = session.history(lead.prior.lead_id)
    ends = [each.ended_at for each in earlier if each.owner_id == by and each.ended_at is not None]
    present = lead.prior.owner if reporter.sees_owner else None
    return AssignmentSuperseded(ends[-1], present) if ends else None


def refusal_from_json(body: Mapping[str, Any]) -> Conflict:
    """The refusal of an event that comes again."""
    since = datetime.fromisoformat(body["since"])
    if body["code"] == AlreadyClosed.code:
        return AlreadyClosed(since)
    if body["code"] == AlreadyTouched.code:
        return AlreadyTouched(since)
    return AssignmentSuperseded(since, body.get("owner_id"))
