"""The decision: a pure function of the question, the plan, the directory, the state and the time.

The derived fields come first: everything after may ask them. A step may label the lead on the way.
Order of precedence: a wanted owner, the known person, the pipeline. The first verdict that can be
honoured wins, then its ladder, then the next step. A pipeline that runs out, which only a plan that was
never checked can do, leaves the lead in the built-in queue: something always settles.
"""

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, get_args

from app.engine import wording
from app.engine.conditions import Satisfied
from app.engine.eligibility import Need, absent, cap_refusal
from app.engine.model import Decision, Known, Owner, Prior, Question, Target, TargetKind, Verdict
from app.engine.picking import Tried, try_owner, try_team
from app.engine.plan import Plan, Step
from app.engine.shifts import HELD
from app.engine.state import Facts
from app.engine.templated import is_templated, resolved
from app.plan.fields import LABELS

LAST_RESORT = "unrouted"
_KINDS = get_args(TargetKind)
_LABELS = frozenset(LABELS)


def decide(question: Question, plan: Plan, facts: Facts) -> Decision:
    """Decide one request: reads everything, changes nothing, always settles."""
    if plan.derived is not None:
        question = replace(question, values=plan.derived.added(question.values, facts.now))
    if question.to is not None:
        decision = _as_wanted(question, question.to, plan, facts)
    elif question.prior is not None:
        decision = _recognise(question.prior, question, plan, facts)
    else:
        decision = walk(question, plan, facts)
    if plan.slas:
        decision.sla = plan.slas.due(decision, question.values, facts.now)
    return _with_actions(decision, question, plan, facts.now)


def walk(question: Question, plan: Plan, facts: Facts, *, narrowed: bool = True) -> Decision:
    """Go through the pipeline. Not narrowed, every step is looked at and shown in the trace.

    The question's values have the derived fields among them.
    """
    trail: list[dict[str, Any]] = []
    labels: dict[str, Any] = {}
    steps = plan.narrowing.candidates(question.values) if narrowed else range(len(plan.steps))
    while steps:
        for at in steps:
            decision = _try_step(plan.steps[at], question, facts, trail)
            added = trail[-1].get("labels")
            if added:
                labels |= added
            if decision is not None:
                trace = {"steps": trail, "ruled_out": at + 1 - len(trail)}
                return replace(decision, trace=trace, labels=labels)
            if added:
                question = replace(question, values={**question.values, **added})
                steps = _behind(at, question, plan, narrowed=narrowed)
                break
        else:
            break
    return _unsettled(plan, trail, labels)


def _behind(at: int, question: Question, plan: Plan, *, narrowed: bool) -> Sequence[int]:
    """The steps after this one. What was ruled out for want of a label may be a candidate now."""
    if not narrowed:
        return range(at + 1, len(plan.steps))
    candidates = plan.narrowing.candidates(question.values)
    return candidates[bisect_right(candidates, at) :]


def _unsettled(plan: Plan, trail: list[dict[str, Any]], labels: Mapping[str, Any]) -> Decision:
    trail.append({"step": LAST_RESORT, "strategy": "queue", "code": "last_resort"})
    return Decision(
        outcome="queued",
        code="no_plan" if plan.version == 0 else "last_resort",
        text=wording.last_resort(LAST_RESORT),
        step=LAST_RESORT,
        strategy="queue",
        queue=LAST_RESORT,
        trace={"steps": trail, "ruled_out": len(plan.steps) + 1 - len(trail)},
        labels=labels,
    )


def _try_step(step: Step, question: Question, facts: Facts, trail: list[dict[str, Any]]) -> Decision | None:
    """One step of the walk: its entry goes to the trail; a decision when a target was honoured."""
    entry: dict[str, Any] = {"step": step.name, "strategy": step.strategy}
    trail.append(entry)
    failed = step.when.failure(question.values, facts.now) if step.when else None
    if failed is not None:
        entry["code"] = "no_match"
        entry["failed"] = {"field": failed[0], "operator": failed[1]}
        return None
    verdict = _asked(step, question, facts, entry)
    entry["code"] = verdict.code
    if verdict.labels:
        entry["labels"] = verdict.labels
    if not verdict.targets:
        return None
    tried: list[dict[str, Any]] = []
    entry["tried"] = tried
    for target in verdict.targets:
        attempt = _try_target(target, question, facts)
        tried.append(attempt.traced())
        if attempt.code == "chosen":
            return _settled(step, verdict, attempt, question, facts)
        if attempt.until is not None:
            return _held(step, attempt.target, attempt.until)
    entry["code"] = tried[-1]["code"]
    return None


def _asked(step: Step, question: Question, facts: Facts, entry: dict[str, Any]) -> Verdict:
    """What the strategy says. One that raises, or answers no verdict that could be honoured, passes.

    The trace names the kind of error; its text is left out, for it could quote the lead.
    """
    try:
        verdict: object = step.decide(question.values, facts)
        if isinstance(verdict, Verdict) and _can_be_honoured(verdict):
            return verdict
        entry["error"] = "no verdict"
    except Exception as error:
        entry["error"] = type(error).__name__
    return Verdict("error")


def _can_be_honoured(verdict: Verdict) -> bool:
    known = not verdict.labels or verdict.labels.keys() <= _LABELS
    return known and all(target.kind in _KINDS for target in verdict.targets)


def _try_target(target: Target, question: Question, facts: Facts) -> Tried:
    match target.kind:
        case "team" if is_templated(target.name):
            found = resolved(target, question.values)
            return Tried(target, "missing") if found is None else try_team(found, question, facts)
        case "team":
            return try_team(target, question, facts)
        case "owner":
            return try_owner(target, question, facts)
        case "queue" | "path" | "block":
            return Tried(target, "chosen")


def _settled(step: Step, verdict: Verdict, attempt: Tried, question: Question, facts: Facts) -> Decision:
    target = attempt.target
    text = wording.settled(
        strategy=step.strategy,
        step=step.name,
        because=_because(step, verdict, question, facts),
        kind=target.kind,
        target=target.name,
        owner=attempt.owner.name if attempt.owner else None,
        pick=attempt.pick,
    )
    common: dict[str, Any] = {
        "code": verdict.code,
        "text": text,
        "step": step.name,
        "strategy": step.strategy,
    }
    match target.kind:
        case "queue":
            return Decision("queued", queue=target.name, priority=target.priority, **common)
        case "path":
            return Decision("automated", path=target.name, **common)
        case "block":
            return Decision("blocked", block=target.name, **common)
    team = target.name if target.kind == "team" else None
    return Decision(
        "assigned",
        owner=attempt.owner,
        team=team,
        priority=target.priority,
        turn=attempt.turn,
        counts=True,
        sla_name=target.sla,
        **common,
    )


def _held(step: Step, target: Target, until: datetime) -> Decision:
    return Decision(
        outcome="queued",
        code="held",
        text=wording.held(strategy=step.strategy, step=step.name, target=target.name, until=until),
        step=step.name,
        strategy=step.strategy,
        queue=HELD,
        priority=target.priority,
        held_until=until,
    )


def _because(step: Step, verdict: Verdict, question: Question, facts: Facts) -> tuple[Satisfied, ...]:
    """The comparisons that held, and the band the step itself found."""
    held = step.when.satisfied(question.values, facts.now) if step.when else ()
    band = verdict.labels.get("band") if verdict.labels else None
    return held if band is None else (*held, ("band", "eq", band))


def _as_wanted(question: Question, wanted: Target, plan: Plan, facts: Facts) -> Decision:
    """A manual assignment or a claim. A team where nobody is free leaves the lead to the pipeline."""
    if wanted.kind == "owner":
        return _to_owner(question, facts.directory.owners[wanted.name], facts)
    trail: list[dict[str, Any]] = []
    verdict = Verdict("manual", (wanted,))
    step = Step("manual", "manual", None, lambda _values, _facts: verdict)
    decision = _try_step(step, question, facts, trail)
    if decision is not None:
        return replace(decision, trace={"steps": trail, "ruled_out": 0})
    anew = walk(question, plan, facts)
    return replace(anew, trace={**anew.trace, "steps": [*trail, *anew.trace["steps"]]})


def _to_owner(question: Question, owner: Owner, facts: Facts) -> Decision:
    """The caller has made sure that the owner is active and, for a claim, free to take it."""
    claim = question.kind == "claim"
    code = "claimed" if claim else "manual"
    return Decision(
        outcome="assigned",
        code=code,
        text=wording.claimed(owner.name, question.queue or "") if claim else wording.manual(owner.name),
        step=code,
        strategy=code,
        owner=owner,
        counts=True,
        over_cap=_over_cap(owner, facts),
        trace={"steps": [{"step": code, "strategy": code, "code": code}], "ruled_out": 0},
    )


def _recognise(prior: Prior, question: Question, plan: Plan, facts: Facts) -> Decision:
    """A person we know: he keeps his owner or his place in the queue, or is decided anew."""
    again = bool(plan.same_submission) and facts.now - prior.decided_at <= plan.same_submission
    known = Known(prior.lead_id, prior.assignment_id, prior.matched_by, "duplicate" if again else "reengaged")
    if not again and any(each.holds(question.values, facts.now) for each in plan.route_anew):
        return _anew(prior, known, "route_anew", walk(question, plan, facts))
    if prior.state == "queued":
        return _kept_place(prior, known, walk(question, plan, facts))
    if prior.state == "assigned" and prior.owner is not None:
        refused = _cannot_keep(prior.owner, question, facts)
        if refused is None:
            return _kept_owner(prior, known, facts)
        return _anew(prior, known, refused, walk(question, plan, facts))
    return _anew(prior, known, prior.state, walk(question, plan, facts))


def _cannot_keep(owner_id: str, question: Question, facts: Facts) -> str | None:
    owner = facts.directory.owners.get(owner_id)
    if owner is None:
        return "missing"
    refused = absent(owner, Need(exclude=question.exclude), facts.now)
    return refused.code if refused else None


def _kept_owner(prior: Prior, known: Known, facts: Facts) -> Decision:
    owner = facts.directory.owners[prior.owner or ""]
    duplicate = known.kind == "duplicate"
    return Decision(
        outcome="assigned",
        code=known.kind,
        text=wording.known_person(known.kind, owner.name),
        step="known_person",
        strategy="known_person",
        owner=owner,
        team=prior.team,
        priority=prior.priority,
        known=known,
        keeps_prior=duplicate,
        counts=not duplicate,
        over_cap=not duplicate and _over_cap(owner, facts),
        trace=_known_trace(known, "kept"),
    )


def _kept_place(prior: Prior, known: Known, anew: Decision) -> Decision:
    """He waits where he waited. The priority is the higher one of then and of what he would get now.

    The trace shows both: that he keeps his place, and the walk that would settle him now.
    """
    return Decision(
        outcome="queued",
        code=known.kind,
        text=wording.known_in_queue(prior.queue or ""),
        step="known_person",
        strategy="known_person",
        queue=prior.queue,
        priority=max(prior.priority, anew.priority),
        labels=anew.labels,
        known=known,
        keeps_prior=True,
        trace=_known_trace(known, "keeps_place", anew),
    )


def _anew(prior: Prior, known: Known, why: str, anew: Decision) -> Decision:
    """Decided anew under the same lead. The same path or block again at once is a double submission."""
    trace = _known_trace(known, why, anew)
    same = anew.outcome == prior.state and (anew.path, anew.block) == (prior.path, prior.block)
    if known.kind == "duplicate" and same and prior.state in {"automated", "blocked"}:
        return replace(anew, known=known, keeps_prior=True, trace=trace)
    return replace(anew, known=replace(known, kind="reengaged"), trace=trace)


def _known_trace(known: Known, code: str, walked: Decision | None = None) -> dict[str, Any]:
    """The trace of a known person, and of the walk after it if there was one."""
    entry = {"step": "known_person", "strategy": "known_person", "code": code, "matched_by": known.matched_by}
    trace: Mapping[str, Any] = walked.trace if walked else {"steps": (), "ruled_out": 0}
    return {**trace, "steps": [entry, *trace["steps"]]}


def _over_cap(owner: Owner, facts: Facts) -> bool:
    load = facts.state.load(owner.id)
    return owner.caps is not None and cap_refusal(owner.caps, load, owner.zone, facts.now) is not None


def _with_actions(decision: Decision, question: Question, plan: Plan, now: datetime) -> Decision:
    """Follow-up actions, except for a double submission: he has had his. The trace says why there is none."""
    if decision.known is not None and decision.known.kind == "duplicate":
        return replace(decision, trace={**decision.trace, "no_actions": "duplicate"})
    values = {**question.values, **decision.labels} if decision.labels else question.values
    asked = plan.follow_up.after(decision, values, now)
    more: dict[str, Any] = {}
    if asked.held_back:
        more["held_back"] = list(asked.held_back)
    if asked.why_none is not None:
        more["no_actions"] = asked.why_none
    trace = {**decision.trace, **more} if more else decision.trace
    return replace(decision, actions=asked.actions, trace=trace)
