"""SLAs: the clocks that start with a decision, and their deadlines in working time."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from app.engine.conditions.comparisons import Values
from app.engine.conditions.condition import compile_condition
from app.engine.life.clocks import Clock, ClockKind, PriorClock
from app.engine.life.due_times import started
from app.engine.life.terms import Terms
from app.engine.life.whose_time import working_time_of_clock
from app.engine.model.decision import Decision, DecisionRequest, PriorAssignment, SlaDeadlines, Target
from app.engine.model.state import Facts
from app.engine.model.stored import target_to_json
from app.engine.selection.ladder import ladder
from app.plan.document.plan import PlanDocument
from app.plan.document.slas import Sla

Who = Mapping[str, str]


class Slas:
    """The compiled SLAs of one plan."""

    def __init__(self, document: PlanDocument) -> None:
        self._terms = {name: _terms_of(sla) for name, sla in document.slas.items()}
        self._rules = [
            (compile_condition(rule.when) if rule.when is not None else None, rule.sla)
            for rule in document.sla_rules
        ]
        self._of_queue = {name: each.sla for name, each in document.queues.items()}
        self._of_path = {name: each.sla for name, each in document.paths.items()}
        self._claimable_by = {name: each.claimable_by for name, each in document.queues.items()}
        self._accountable: dict[str, Who] = {
            name: each.accountable.model_dump(exclude_none=True)
            for name, each in document.paths.items()
            if each.accountable is not None
        }

    def __bool__(self) -> bool:
        return bool(self._terms)

    def start(self, decision: Decision, request: DecisionRequest, facts: Facts) -> bool:
        """Give the decision its clocks and deadlines, counted from now. A claimed lead counts as accepted.

        The SLA is that of the step, else of the first rule that matches; queues and paths name their own.
        There are none for a duplicate submission, and an escalated lead has only the one that its target
        names. Returns whether a clock was left out because its working time never comes.
        """
        if decision.keeps_assignment or decision.outcome == "blocked":
            return False
        name = self._name_of(decision, request, facts.now)
        terms = self._terms.get(name) if name is not None else None
        if name is None or terms is None:
            return False
        wanted = [
            self._clock(name, kind, each, decision, request, facts.now)
            for kind, each in terms.items()
            if (kind == "claim") == (decision.owner is None)
            and not (kind == "accept" and decision.code == "claimed")
        ]
        found = []
        for clock, each in wanted:
            working = working_time_of_clock(clock, each, facts.directory)
            request.effort.spend(working.effort)
            found.append(started(clock, each, working))
        decision.clocks = tuple(clock for clock in found if clock is not None)
        dues = {clock.kind: clock.due_at for clock in decision.clocks}
        if found:
            decision.sla = SlaDeadlines(name, dues.get("accept"), dues.get("touch"), dues.get("claim"))
        return len(decision.clocks) < len(found)

    def _name_of(self, decision: Decision, request: DecisionRequest, now: datetime) -> str | None:
        own = decision.sla_name
        if request.kind == "escalate":
            return own
        if decision.outcome == "queued":
            own = self._of_queue.get(decision.queue or "") or own
        elif decision.outcome == "automated":
            own = self._of_path.get(decision.path or "") or own
        if own is None and request.prior is not None and decision.code == "reengaged":
            # It stays with its owner, and has said nothing that asks for another SLA.
            own = next((each.sla for each in request.prior.clocks if each.sla in self._terms), None)
        if own is not None:
            return own
        return self._fitting({**request.values, **decision.labels}, now)

    def _fitting(self, values: Values, now: datetime) -> str | None:
        fitting = (name for when, name in self._rules if when is None or when.holds(values, now))
        return next(fitting, None)

    def _clock(
        self,
        name: str,
        kind: ClockKind,
        terms: Terms,
        decision: Decision,
        request: DecisionRequest,
        now: datetime,
    ) -> tuple[Clock, Terms]:
        """A clock that starts now, and its terms. In a queue it starts with the first entry."""
        begun, place = now, request.place
        if kind == "claim" and place is not None and place.queue == decision.queue:
            begun = place.since
        clock = Clock(kind, begun, now, now, now, sla=name, team_id=decision.team, queue=decision.queue)
        running = _running(clock, decision, request.prior)
        if running is not None:
            clock.started_at, clock.reminded = running.started_at, running.reminded
        if decision.owner is not None:
            clock.owner_id = decision.owner.id
        else:
            terms = replace(terms, who=self._who(decision))
        if request.kind == "escalate":
            # Once is enough: what was escalated is never taken away again.
            terms = replace(terms, on_breach="remind", bound=None)
        elif terms.on_breach == "take_away" and decision.target is not None:
            terms = replace(terms, target=target_to_json(decision.target))
        return clock, terms

    def _who(self, decision: Decision) -> Who:
        """Whose working time an unowned lead has: of those who may claim it, or are accountable for it."""
        if decision.held_for_owner is not None:
            return {"owner": decision.held_for_owner}
        team = decision.held_for_team or self._claimable_by.get(decision.queue or "")
        if team is not None:
            return {"team": team}
        return self._accountable.get(decision.path or "", {})


def _running(clock: Clock, decision: Decision, prior: PriorAssignment | None) -> PriorClock | None:
    """The clock that goes on: the lead returns to its owner, and nobody has touched it yet."""
    owner = decision.owner.id if decision.owner is not None else None
    if prior is None or owner is None or prior.owner != owner or prior.touched_at is not None:
        return None
    same = (each for each in prior.clocks if (each.kind, each.sla) == (clock.kind, clock.sla))
    return next((each for each in same if each.state == "pending"), None)


def _terms_of(sla: Sla) -> dict[ClockKind, Terms]:
    """The terms of each clock that the SLA starts."""
    shared: dict[str, Any] = {
        "on_breach": sla.on_breach,
        "grace": sla.grace,
        "bound": sla.max_wall,
        "attempts": sla.max_attempts,
        "escalate_to": tuple(target_to_json(_rung(each)) for each in ladder(sla.escalate_to)),
        "pause_after": sla.pause_after,
        "pause_for": sla.pause_for,
    }
    lengths: dict[ClockKind, timedelta | None] = {
        "accept": sla.accept,
        "touch": sla.touch,
        "claim": sla.claim,
    }
    return {
        kind: Terms(length, reminders=tuple(_points(sla, length)), **shared)
        for kind, length in lengths.items()
        if length is not None
    }


def _rung(target: Target) -> Target:
    """A target of an escalation. Caps do not bind it."""
    return replace(target, ignore_caps=True)


def _points(sla: Sla, length: timedelta) -> list[timedelta]:
    """The reminders as working time since the start, in order. One longer than the SLA is left out."""
    points = {each.point_in(length) for each in sla.remind}
    return sorted(point for point in points if timedelta() < point < length)
