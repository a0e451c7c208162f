"""An event hands a lead off to a second owner, at once or as soon as somebody can take it."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any, NamedTuple

from app.dispatch.decision_session import DecisionSession
from app.dispatch.jobs.base import request_again
from app.engine.compile.life import HandoffRule
from app.engine.explain import sentences
from app.engine.followup.notices import notice
from app.engine.life.clocks import Clock, ClockState
from app.engine.model.decision import DecisionRequest
from app.engine.pipeline.decide import can_hand_off
from app.engine.pipeline.triggers import with_own_trigger
from app.store.leads.current_leads import CurrentLead
from app.store.leads.histories import TrackedAssignment

TRIGGER = "handoff"
RETRY = timedelta(minutes=5)
"""A handoff that nobody can take is tried again after this time."""
_ROUTED = frozenset(("assign", "import"))
"""The causes with which a lead arrives. What else happens to it follows from one of these."""


class HandedOff(NamedTuple):
    """The body of the new decision, and what the first owner is told."""

    body: bytes
    notices: Sequence[Mapping[str, Any]]


def hand_off(
    session: DecisionSession,
    lead: CurrentLead,
    tracked: TrackedAssignment,
    type_: str,
    *,
    unattended: bool = False,
) -> HandedOff | None:
    """Make the second assignment that the plan wants after an event of this type. None if it makes none.

    The first handoff counts whose condition holds and that somebody can take. Each is made once of an
    assignment, and never again of those that follow from it. One that nobody can take is tried again later.
    `unattended` says that no caller gets the answer.
    """
    history, waits = session.history(tracked.lead_id), False
    for rule in session.plan.life.handoffs:
        if rule.event != type_ or _is_made(rule, tracked, history):
            continue
        request = _request(session, lead, tracked, rule, unattended=unattended)
        can = can_hand_off(rule, request, session.plan, session.work.facts)
        if can:
            _stop_waiting(session, tracked, type_, "met")
            return _decide(session, lead, tracked, rule, request)
        waits = waits or can is not None
    if waits:
        _wait(session, tracked, type_)
    else:
        _stop_waiting(session, tracked, type_, "withdrawn")
    return None


def _wait(session: DecisionSession, tracked: TrackedAssignment, type_: str) -> None:
    """Try again after a while. The clock has no owner: whether it runs is no merit of theirs."""
    now = session.work.now
    again = now + RETRY
    clock = Clock("handoff", now, again, again, again, tracked.id, tracked.lead_id, terms={"event": type_})
    tracked.clocks[clock.kind] = clock
    session.work.keep_clock(clock)


def _stop_waiting(
    session: DecisionSession, tracked: TrackedAssignment, type_: str, state: ClockState
) -> None:
    clock = tracked.clocks.get("handoff")
    if clock is not None and clock.terms["event"] == type_:
        session.work.stop_clocks(tracked, ("handoff",), state, session.work.now)


def _request(
    session: DecisionSession,
    lead: CurrentLead,
    tracked: TrackedAssignment,
    rule: HandoffRule,
    *,
    unattended: bool,
) -> DecisionRequest:
    first = frozenset((tracked.owner_id,)) if tracked.owner_id is not None else frozenset[str]()
    return request_again(
        session,
        lead,
        "handoff",
        values=with_own_trigger(lead.values, TRIGGER),
        exclude=lead.exclude | first,
        from_assignment_id=tracked.id,
        handoff=rule.name,
        unattended=unattended,
    )


def _decide(
    session: DecisionSession,
    lead: CurrentLead,
    tracked: TrackedAssignment,
    rule: HandoffRule,
    request: DecisionRequest,
) -> HandedOff:
    owner = session.work.facts.directory.owners.get(tracked.owner_id or "")
    keeps = rule.keep and owner is not None
    if not keeps and lead.prior.assignment_id == tracked.id:
        session.work.end(lead.prior, "handed_off")
    elif not keeps and tracked.open:
        session.work.end_tracked(tracked, "handed_off")
    decision, reply = session.decide(request, lead.normalized)
    if owner is None:
        return HandedOff(reply.body, ())
    now = decision.owner.name if decision.owner is not None else None
    text = sentences.handed_off(now, kept=keeps)
    return HandedOff(reply.body, [notice(owner, "handed_off", text, rule=rule.name)])


def _is_made(rule: HandoffRule, tracked: TrackedAssignment, history: Sequence[TrackedAssignment]) -> bool:
    """Whether this handoff was made since the lead was last routed for a submission."""
    routed = [
        each.decision_number
        for each in history
        if each.cause in _ROUTED and each.decision_number <= tracked.decision_number
    ]
    return any(
        each.handoff == rule.name for each in history if each.decision_number >= max(routed, default=0)
    )
