"""An SLA clock is looked at: it moves, reminds, or takes effect."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from app.dispatch.decision_rows import numbered_actions
from app.dispatch.decision_session import END_CAUSES, DecisionSession
from app.dispatch.jobs.base import Job, Reply, request_again
from app.dispatch.refunds import give_back
from app.engine.followup import clock_notices
from app.engine.life.clocks import Clock, ClockKind
from app.engine.life.due_times import Look, look
from app.engine.life.terms import Terms, terms_from_json
from app.engine.life.whose_time import working_time_of_clock
from app.engine.model.decision import Decision, DecisionRequest, Target
from app.engine.model.stored import target_from_json
from app.engine.pipeline.decide import can_take_away
from app.metrics.counters import CLOCKS_MISSED
from app.store.leads.current_leads import CurrentLead
from app.store.leads.histories import TrackedAssignment

Gap = tuple[datetime, datetime]
"""From the last sign of a worker until the next one."""
NOTHING = Reply(204, b"")


@dataclass(eq=False, slots=True)
class FireClock(Job):
    """Look at a clock whose time has come, by the working time of now. Each effect happens once.

    `gap` is the last time without a worker. The body of the answer says what happened.
    """

    bulk: bool = True
    lead_id: str = field(kw_only=True)
    assignment_id: str = field(kw_only=True)
    kind: ClockKind = field(kw_only=True)
    gap: Gap | None = None

    def decide(self, session: DecisionSession) -> Reply:
        """Move, remind or take effect. Answers 204 when there is nothing to do any more."""
        lead = session.find_lead(self.lead_id)
        tracked = session.find_assignment(self.lead_id, self.assignment_id)
        clock = tracked.clocks.get(self.kind) if tracked is not None else None
        if lead is None or tracked is None or clock is None or clock.state != "pending":
            return NOTHING
        terms = terms_from_json(clock.terms)
        now = session.work.now
        if clock.next_at > now:
            return NOTHING
        seen = look(clock, working_time_of_clock(clock, terms, session.work.facts.directory), now)
        return Reply(200, _Firing(session, lead, tracked, clock, terms, self.gap).take(seen).encode())

    def lead_ids(self) -> Sequence[str]:
        """The lead."""
        return (self.lead_id,)

    def wants_history(self) -> bool:
        """The lead's assignments with their clocks."""
        return True


@dataclass(slots=True)
class _Firing:
    """One clock that is looked at, and its assignment."""

    session: DecisionSession
    lead: CurrentLead
    tracked: TrackedAssignment
    clock: Clock
    terms: Terms
    gap: Gap | None

    def take(self, seen: Look) -> str:
        """Do what the clock does now. Returns the name of it."""
        clock = self.clock
        before = (clock.due_at, clock.next_at, clock.reminded)
        clock.due_at, clock.next_at, clock.reminded = seen.due_at, seen.next_at, seen.reminded
        if seen.effect != "wait":
            return self._end(bound=seen.effect == "bound")
        if before == (seen.due_at, seen.next_at, seen.reminded):
            return "waited"
        self.session.work.keep_clock(clock)
        for number in seen.reminders:
            told = clock_notices.reminder(clock, self.terms, self.session.work.facts.directory)
            self._tell(f"reminder-{number}", told)
        return "reminded" if seen.reminders else "moved"

    def _end(self, *, bound: bool) -> str:
        """End the clock, and do what the plan said."""
        clock, work = self.clock, self.session.work
        clock.stop("withdrawn" if bound else "missed", work.now)
        if not bound:
            work.tally[CLOCKS_MISSED, clock.kind] += 1
        if not bound and clock.owner_id is not None and self.terms.pause_after is not None:
            clock.strike = "new" if not self._in_gap() else None
        work.keep_clock(clock)
        if not self._can_move or (self.terms.on_breach == "remind" and not bound):
            self._tell("missed", clock_notices.missed(clock, self.terms, work.facts.directory))
            return "missed"
        request = self._next_member() if self.terms.on_breach == "take_away" and not bound else None
        if not bound and self.tracked.owner_id is not None and self.session.plan.rejects.refund_take_aways:
            give_back(work, self.tracked, "taken_away")
        decision = self._move(request or self._escalation())
        told = clock_notices.moved_on(clock, self.terms, work.facts.directory, decision, bound=bound)
        self._tell("moved", told)
        return decision.code if not bound else "bound"

    @property
    def _is_current(self) -> bool:
        return self.lead.prior.assignment_id == self.tracked.id

    @property
    def _can_move(self) -> bool:
        """Since a handoff an owner may have the lead together with another one; it then waits nowhere."""
        prior = self.lead.prior
        return self._is_current or (prior.state == "assigned" and self.tracked.owner_id is not None)

    def _in_gap(self) -> bool:
        """Whether it was due while no worker ran. The owner could not be reminded."""
        return self.gap is not None and self.gap[0] <= self.clock.due_at <= self.gap[1]

    def _next_member(self) -> DecisionRequest | None:
        """The request to give the lead to the next member. None if nobody is left, or there were too many."""
        attempts, tracked = self.terms.attempts, self.tracked
        team = _team_of(self.terms, tracked)
        if team is None or (attempts is not None and tracked.attempt >= attempts):
            return None
        request = self._request("take_away", (team,), attempt=tracked.attempt + 1)
        work = self.session.work
        return request if can_take_away(request, self.session.plan, work.facts) else None

    def _escalation(self) -> DecisionRequest:
        ladder = tuple(target_from_json(each) for each in self.terms.escalate_to)
        return self._request("escalate", ladder, attempt=self.tracked.attempt)

    def _request(self, kind: str, ladder: Sequence[Target], *, attempt: int) -> DecisionRequest:
        return request_again(
            self.session,
            self.lead,
            kind,
            exclude=self.lead.exclude | _tried(self.session.history(self.tracked.lead_id), self.tracked),
            ladder=tuple(ladder),
            attempt=attempt,
            present_owner=self.tracked.owner_id,
        )

    def _move(self, request: DecisionRequest) -> Decision:
        """Another owner has the lead instead. One who also has it since a handoff keeps it."""
        if self._is_current:
            self.session.decide_again(request, self.lead)
        else:
            self.session.work.end_tracked(self.tracked, END_CAUSES[request.kind])
            self.session.decide(request, self.lead.normalized)
        return self.session.work.decided[-1]

    def _tell(self, what: str, action: Mapping[str, Any] | None) -> None:
        if action is not None:
            work, clock = self.session.work, self.clock
            id_ = f"{clock.assignment_id}.{clock.kind}.{what}"
            work.add_actions(numbered_actions(id_, clock.lead_id, clock.assignment_id, [action], work.now))


def _team_of(terms: Terms, tracked: TrackedAssignment) -> Target | None:
    """The team whose next member gets the lead, chosen like the step did."""
    if tracked.owner_id is None:
        return None
    if terms.target is not None:
        return target_from_json(terms.target)
    return Target("team", tracked.team_id) if tracked.team_id is not None else None


def _tried(history: Sequence[TrackedAssignment], tracked: TrackedAssignment) -> frozenset[str]:
    """Everybody who had the lead since it was last routed, and who has it too."""
    owners = {each.owner_id for each in history if each.open}
    for each in reversed(history):
        if each.decision_number > tracked.decision_number:
            continue
        owners.add(each.owner_id)
        if each.attempt <= 1 and each.handoff is None:
            break
    return frozenset(owner for owner in owners if owner is not None)
