"""The walk through the pipeline.

The first verdict with a target that can take the lead wins. The targets of a verdict are tried in order. A
pipeline that runs out, which is possible only for a plan that was never checked, leaves the lead in the
built-in queue: every lead is settled.
"""

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, get_args

from app.engine.compile.plan import CompiledStep, Plan
from app.engine.explain import sentences
from app.engine.model.decision import Decision, DecisionRequest, Target, TargetKind, Verdict
from app.engine.model.plugin_replies import verdict_from_json
from app.engine.model.state import Facts
from app.engine.pipeline.outcome import to_decision, to_held
from app.engine.pipeline.waiting import why_waiting
from app.engine.selection.current_owner import try_current_owner
from app.engine.selection.pickers import TargetAttempt
from app.engine.selection.targets import try_owner, try_team
from app.engine.selection.templated_teams import is_templated, resolve
from app.plan.language.fields import LABELS

FALLBACK_QUEUE = "unrouted"
NOT_CALLED: Mapping[str, Any] = {"error": "not_called"}
_KINDS = get_args(TargetKind)
_LABELS = frozenset(LABELS)


def walk(request: DecisionRequest, plan: Plan, facts: Facts, *, narrowed: bool = True) -> Decision:
    """Go through the pipeline. The values of the request include the derived fields.

    Unless `narrowed`, every step is evaluated and shown in the trace.
    """
    trail: list[dict[str, Any]] = []
    failed: list[TargetAttempt] = []
    labels: dict[str, Any] = {}
    steps = plan.condition_index.candidates(request.values) if narrowed else range(len(plan.steps))
    while steps:
        for at in steps:
            decision = try_step(plan.steps[at], request, facts, trail, failed)
            added = trail[-1].get("labels")
            if added:
                labels |= added
            if decision is not None:
                decision.trace = {"steps": trail, "not_evaluated": at + 1 - len(trail)}
                decision.labels = labels
                return decision
            if added:
                request = replace(request, values={**request.values, **added})
                steps = _steps_after(at, request, plan, narrowed=narrowed)
                break
        else:
            break
    return _unsettled(plan, trail, labels, why_waiting(failed, request, facts))


def score_labels(request: DecisionRequest, plan: Plan, facts: Facts) -> dict[str, Any]:
    """The labels that the score steps give a lead that was settled outside the pipeline."""
    labels: dict[str, Any] = {}
    for step in plan.label_steps:
        values = {**request.values, **labels}
        request.effort.spend(step.cost)
        if step.decide is not None and (step.when is None or step.when.holds(values, facts.now)):
            labels |= step.decide(values, facts).labels
    return labels


def _steps_after(at: int, request: DecisionRequest, plan: Plan, *, narrowed: bool) -> Sequence[int]:
    """The steps after this one. A new label can make a step a candidate."""
    if not narrowed:
        return range(at + 1, len(plan.steps))
    candidates = plan.condition_index.candidates(request.values)
    request.effort.spend(len(candidates))
    return candidates[bisect_right(candidates, at) :]


def _unsettled(plan: Plan, trail: list[dict[str, Any]], labels: Mapping[str, Any], why: str) -> Decision:
    trail.append({"step": FALLBACK_QUEUE, "strategy": "queue", "code": "fallback_queue"})
    return Decision(
        outcome="queued",
        code="no_plan" if plan.version == 0 else "fallback_queue",
        text=sentences.fallback_queue(FALLBACK_QUEUE, published=plan.version != 0) + why,
        step=FALLBACK_QUEUE,
        strategy="queue",
        queue=FALLBACK_QUEUE,
        trace={"steps": trail, "not_evaluated": len(plan.steps) + 1 - len(trail)},
        labels=labels,
    )


def try_step(
    step: CompiledStep,
    request: DecisionRequest,
    facts: Facts,
    trail: list[dict[str, Any]],
    failed: list[TargetAttempt],
) -> Decision | None:
    """Evaluate one step and add its entry to the trail. Returns a decision if the step settles the lead.

    Targets that could not take the lead are added to `failed`.
    """
    request.effort.spend(step.cost)
    entry: dict[str, Any] = {"step": step.name, "strategy": step.strategy}
    trail.append(entry)
    unmet = step.when.failure(request.values, facts.now) if step.when else None
    if unmet is not None:
        entry["code"] = "no_match"
        entry["failed_condition"] = {"field": unmet[0], "operator": unmet[1]}
        return None
    verdict = _verdict_of(step, request, facts, entry)
    entry["code"] = verdict.code
    if verdict.labels:
        entry["labels"] = verdict.labels
        request = replace(request, values={**request.values, **verdict.labels})
    if verdict.details:
        entry |= verdict.details
    if verdict.row is not None:
        request.effort.spend(verdict.row.read)
        entry |= verdict.row.to_trace()
    return _try_targets(step, verdict, request, facts, entry, failed) if verdict.targets else None


def _try_targets(
    step: CompiledStep,
    verdict: Verdict,
    request: DecisionRequest,
    facts: Facts,
    entry: dict[str, Any],
    failed: list[TargetAttempt],
) -> Decision | None:
    attempts: list[dict[str, Any]] = []
    entry["targets"] = attempts
    for target in verdict.targets:
        attempt = _try_target(target, request, facts)
        request.effort.spend(len(attempt.candidates))
        attempts.append(attempt.to_trace())
        if attempt.code == "chosen":
            decision = to_decision(step, verdict, attempt, request, facts, failed)
            if target.kind == "queue" and failed:
                decision.text += why_waiting(failed, request, facts)
            return decision
        if attempt.until is not None:
            return to_held(step, attempt, attempt.until, facts)
        failed.append(attempt)
    entry["code"] = attempts[-1]["code"]
    return None


def _verdict_of(step: CompiledStep, request: DecisionRequest, facts: Facts, entry: dict[str, Any]) -> Verdict:
    """The verdict of the strategy. If the strategy raises or returns an invalid verdict, the step passes.

    The trace shows the type of the exception. It leaves out the message, which could quote the lead.
    """
    if step.decide is None:
        return _plugin_verdict(step, request, entry)
    try:
        verdict: object = step.decide(request.values, facts)
        if isinstance(verdict, Verdict) and _is_valid(verdict):
            return verdict
        entry["error"] = "invalid_verdict"
    except Exception as error:
        entry["error"] = type(error).__name__
    return Verdict("error")


def _plugin_verdict(step: CompiledStep, request: DecisionRequest, entry: dict[str, Any]) -> Verdict:
    """The verdict that the plugin returned before the workspace was locked. The trace shows its version."""
    reply = request.plugin_replies.get(step.name, NOT_CALLED)
    if "plugin" in reply:
        entry["plugin"] = reply["plugin"]
    verdict = None if "error" in reply else verdict_from_json(reply["verdict"])
    if verdict is None:
        entry["error"] = reply.get("error", "invalid_verdict")
    return verdict or Verdict("error")


def _is_valid(verdict: Verdict) -> bool:
    known = not verdict.labels or verdict.labels.keys() <= _LABELS
    return known and all(target.kind in _KINDS for target in verdict.targets)


def _try_target(target: Target, request: DecisionRequest, facts: Facts) -> TargetAttempt:
    match target.kind:
        case "team" if is_templated(target.name):
            resolved = resolve(target, request.values)
            if resolved is None:
                return TargetAttempt(target, "not_found")
            return try_team(resolved, request, facts)
        case "team":
            return try_team(target, request, facts)
        case "owner":
            return try_owner(target, request, facts)
        case "current_owner":
            return try_current_owner(target, request, facts)
        case "queue" | "path" | "block":
            return TargetAttempt(target, "chosen")
