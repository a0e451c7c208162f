"""Claimed leads that return to the queue they came from."""

from collections.abc import Sequence

from app.dispatch.decision_session import DecisionSession
from app.dispatch.jobs.base import Reply, request_again
from app.engine.model.decision import QueuePlace, Target
from app.engine.selection.shifts import HELD
from app.store.leads.current_leads import CurrentLead
from app.store.leads.histories import TrackedAssignment


def return_to_queue(
    session: DecisionSession, lead: CurrentLead, tracked: TrackedAssignment, kind: str
) -> Reply:
    """The lead gets its old place in the queue again. `tracked` is the claim, the lead's present assignment.

    A lead that was held is decided by the plan, for anybody else.
    """
    waited = _before_claim(session.history(tracked.lead_id), tracked)
    if waited is None or waited.queue is None or waited.queue == HELD or waited.queue_since is None:
        exclude = lead.exclude | {tracked.owner_id or ""}
        request = request_again(session, lead, kind, exclude=exclude, present_owner=tracked.owner_id)
        return session.decide_again(request, lead, status=200)
    request = request_again(
        session,
        lead,
        kind,
        exclude=lead.exclude,
        to=Target("queue", waited.queue, priority=waited.priority),
        queue=waited.queue,
        place=QueuePlace(waited.queue, waited.queue_since, waited.queue_number or waited.decision_number),
        present_owner=tracked.owner_id,
    )
    return session.decide_again(request, lead, status=200)


def _before_claim(history: Sequence[TrackedAssignment], claim: TrackedAssignment) -> TrackedAssignment | None:
    """The assignment out of which the owner claimed the lead."""
    before = [
        each
        for each in history
        if each.decision_number < claim.decision_number and each.end_cause == "claimed"
    ]
    return before[-1] if before else None
