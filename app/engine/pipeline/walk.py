"""The walk through the pipeline.

The first verdict that can be honoured wins, then its ladder, then the next step. A pipeline that runs out,
which only a plan that was never checked can do, leaves the lead in the built-in queue: something always
settles.
"""

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, get_args

from app.engine.compile.plan import CompiledStep, Plan
from app.engine.explain import sentences
from app.engine.lookup.tables import RowMatch
from app.engine.model.advice import verdict_from_json
from app.engine.model.decision import Decision, DecisionRequest, ProductSwitch, Target, TargetKind, Verdict
from app.engine.model.state import Facts
from app.engine.pipeline.outcome import to_decision, to_held
from app.engine.selection.pickers import TargetAttempt
from app.engine.selection.targets import try_owner, try_team
from app.engine.selection.templated_teams import is_templated, resolve
from app.plan.language.fields import LABELS

FALLBACK_QUEUE = "unrouted"
NOT_CALLED: Mapping[str, Any] = {"error": "not_called"}
_KINDS = get_args(TargetKind)
_LABELS = frozenset(LABELS)


def walk(question: DecisionRequest, plan: Plan, facts: Facts, *, narrowed: bool = True) -> Decision:
    """Go through the pipeline. Not narrowed, every step is looked at and shown in the trace.

    The question's values have the derived fields among them.
    """
    trail: list[dict[str, Any]] = []
    labels: dict[str, Any] = {}
    steps = plan.condition_index.candidates(question.values) if narrowed else range(len(plan.steps))
    while steps:
        for at in steps:
            decision = try_step(plan.steps[at], question, facts, trail)
            added = trail[-1].get("labels")
            if added:
                labels |= added
            if decision is not None:
                decision.trace = {"steps": trail, "not_evaluated": at + 1 - len(trail)}
                decision.labels = labels
                return decision
            if added:
                question = replace(question, values={**question.values, **added})
                steps = _behind(at, question, plan, narrowed=narrowed)
                break
        else:
            break
    return _unsettled(plan, trail, labels)


def score_labels(question: DecisionRequest, plan: Plan, facts: Facts) -> dict[str, Any]:
    """What the score steps say of a lead that somebody else than the pipeline settled."""
    labels: dict[str, Any] = {}
    for step in plan.label_steps:
        values = {**question.values, **labels}
        if step.decide is not None and (step.when is None or step.when.holds(values, facts.now)):
            labels |= step.decide(values, facts).labels
    return labels


def _behind(at: int, question: DecisionRequest, plan: Plan, *, narrowed: bool) -> Sequence[int]:
    """The steps after this one. What was ruled out for want of a label may be a candidate now."""
    if not narrowed:
        return range(at + 1, len(plan.steps))
    candidates = plan.condition_index.candidates(question.values)
    return candidates[bisect_right(candidates, at) :]


def _unsettled(plan: Plan, trail: list[dict[str, Any]], labels: Mapping[str, Any]) -> Decision:
    trail.append({"step": FALLBACK_QUEUE, "strategy": "queue", "code": "fallback_queue"})
    return Decision(
        outcome="queued",
        code="no_plan" if plan.version == 0 else "fallback_queue",
        text=sentences.fallback_queue(FALLBACK_QUEUE, published=plan.version != 0),
        step=FALLBACK_QUEUE,
        strategy="queue",
        queue=FALLBACK_QUEUE,
        trace={"steps": trail, "not_evaluated": len(plan.steps) + 1 - len(trail)},
        labels=labels,
    )


def try_step(
    step: CompiledStep, question: DecisionRequest, facts: Facts, trail: list[dict[str, Any]]
) -> Decision | None:
    """One step of the walk: its entry goes to the trail; a decision when a target was honoured."""
    entry: dict[str, Any] = {"step": step.name, "strategy": step.strategy}
    trail.append(entry)
    failed = step.when.failure(question.values, facts.now) if step.when else None
    if failed is not None:
        entry["code"] = "no_match"
        entry["failed_condition"] = {"field": failed[0], "operator": failed[1]}
        return None
    verdict = _asked(step, question, facts, entry)
    entry["code"] = verdict.code
    if verdict.labels:
        entry["labels"] = verdict.labels
        question = replace(question, values={**question.values, **verdict.labels})
    if verdict.intent is not None:
        entry |= verdict.intent.to_trace()
    if verdict.found is not None:
        entry |= verdict.found.to_trace()
    if not verdict.targets:
        return None
    tried: list[dict[str, Any]] = []
    entry["targets"] = tried
    for target in verdict.targets:
        attempt = _try_target(target, question, facts)
        tried.append(attempt.to_trace())
        if attempt.code == "chosen":
            return to_decision(step, verdict, attempt, question, facts)
        if attempt.until is not None:
            return to_held(step, attempt, attempt.until, facts)
    entry["code"] = tried[-1]["code"]
    return None


def _asked(step: CompiledStep, question: DecisionRequest, facts: Facts, entry: dict[str, Any]) -> Verdict:
    """What the strategy says. One that raises, or answers no verdict that could be honoured, passes.

    The trace names the kind of error; its text is left out, for it could quote the lead.
    """
    if step.decide is None:
        return _advised(step, question, entry)
    try:
        verdict: object = step.decide(question.values, facts)
        if isinstance(verdict, Verdict) and _can_be_honoured(verdict):
            return verdict
        entry["error"] = "invalid_verdict"
    except Exception as error:
        entry["error"] = type(error).__name__
    return Verdict("error")


def _advised(step: CompiledStep, question: DecisionRequest, entry: dict[str, Any]) -> Verdict:
    """What a plugin said when it was asked, before the gate. The trace shows which version said it."""
    advice = question.advice.get(step.name, NOT_CALLED)
    if "plugin" in advice:
        entry["plugin"] = advice["plugin"]
    verdict = None if "error" in advice else verdict_from_json(advice["verdict"])
    if verdict is None:
        entry["error"] = advice.get("error", "invalid_verdict")
    return verdict or Verdict("error")


def _can_be_honoured(verdict: Verdict) -> bool:
    known = not verdict.labels or verdict.labels.keys() <= _LABELS
    known = known and (verdict.intent is None or isinstance(verdict.intent, ProductSwitch))
    known = known and (verdict.found is None or isinstance(verdict.found, RowMatch))
    return known and all(target.kind in _KINDS for target in verdict.targets)


def _try_target(target: Target, question: DecisionRequest, facts: Facts) -> TargetAttempt:
    match target.kind:
        case "team" if is_templated(target.name):
            found = resolve(target, question.values)
            return TargetAttempt(target, "not_found") if found is None else try_team(found, question, facts)
        case "team":
            return try_team(target, question, facts)
        case "owner":
            return try_owner(target, question, facts)
        case "queue" | "path" | "block":
            return TargetAttempt(target, "chosen")
