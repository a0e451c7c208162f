"""Why a lead went where it went: the decision replayed with every rule evaluated."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from app.audit.replay import DecisionInputs, replay, settlement_decided, settlement_of
from app.engine.compile.plan import CompiledStep, Plan
from app.engine.conditions.index import ConditionIndex
from app.engine.model.decision import Decision, DecisionRequest
from app.engine.model.filled import origins_of
from app.engine.pipeline.decide import with_derived_fields
from app.store.leads.decisions import StoredDecision

_NOT_OF_THE_PLAN = frozenset(
    (
        "returning_lead",
        "manual",
        "claimed",
        "imported",
        "handoff",
        "taken_away",
        "escalated",
        "covered",
        "returned",
        "rejected",
        "suppressed",
        "junk",
    )
)


def explain_decision(decided: StoredDecision, basis: DecisionInputs, plan: Plan) -> dict[str, Any]:
    """Replay the decision with all rules, and show each step with the result of every condition in it."""
    decision = replay(basis, _without_index(plan))
    recomputed, stored = settlement_decided(decision), settlement_of(decided)
    return {
        "assignment_id": decided.id,
        "reproduced": recomputed == stored,
        "stored": stored,
        "recomputed": recomputed,
        "reason": {"code": decision.code, "text": decision.text},
        "junk": decision.junk.to_json(),
        **_reassigned(basis.request),
        **_found_out(basis.request),
        "steps": _steps(decision, basis, plan),
        "inputs": {
            "plan_version": basis.plan_version,
            "directory_version": basis.directory_version,
            "now": basis.facts.now,
            "engine": basis.engine,
        },
    }


def _reassigned(request: DecisionRequest) -> dict[str, Any]:
    """Who moved the lead, and why, if a caller did."""
    if request.kind not in ("reassign", "unblocked") or request.actor is None:
        return {}
    return {"reassigned": {"actor": request.actor, "reason": request.note}}


def _found_out(request: DecisionRequest) -> dict[str, Any]:
    """Where fields come from that the lead came without, and why providers gave none."""
    found = {
        "origins": origins_of(request.values, request.filled),
        "degraded_codes": dict(request.degraded_codes),
    }
    return {name: each for name, each in found.items() if each}


def _without_index(plan: Plan) -> Plan:
    """Return the plan with an index that excludes no rule."""
    return replace(plan, condition_index=ConditionIndex([None] * len(plan.steps)))


def _steps(decision: Decision, basis: DecisionInputs, plan: Plan) -> list[dict[str, Any]]:
    """Return the steps before the pipeline, those that were evaluated, and those that were not reached."""
    pipeline, now = plan.steps, basis.facts.now
    values = with_derived_fields(basis.request, plan, now).values
    trail: Sequence[dict[str, Any]] = decision.trace["steps"]
    before = [entry for entry in trail if entry["strategy"] in _NOT_OF_THE_PLAN]
    walked = trail[len(before) :]
    steps = list(before)
    for at, step in enumerate(pipeline):
        entry = walked[at] if at < len(walked) else _unreached(step)
        steps.append({**entry, "when": step.when.explain(values, now) if step.when else None})
        values = {**values, **entry.get("labels", {})}
    return [*steps, *walked[len(pipeline) :]]


def _unreached(step: CompiledStep) -> Mapping[str, Any]:
    return {"step": step.name, "strategy": step.strategy, "code": "not_reached"}
