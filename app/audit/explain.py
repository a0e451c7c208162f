"""Why a lead went where it went, with every rule looked at again and nothing ruled out beforehand."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from app.audit.replay import DecisionInputs, replay, settlement_decided, settlement_of
from app.engine.compile.plan import CompiledStep, Plan
from app.engine.conditions.index import ConditionIndex
from app.engine.model.decision import Decision
from app.engine.pipeline.decide import with_derived_fields
from app.store.leads.decisions import StoredDecision

_NOT_OF_THE_PLAN = frozenset(("returning_lead", "manual", "claimed", "imported"))


def explain_decision(decided: StoredDecision, basis: DecisionInputs, plan: Plan) -> dict[str, Any]:
    """The decision made again with all rules: each step with the verdict of every condition in it."""
    decision = replay(basis, _unnarrowed(plan))
    replayed, stored = settlement_decided(decision), settlement_of(decided)
    return {
        "assignment_id": decided.id,
        "same": replayed == stored,
        "stored": stored,
        "recomputed": replayed,
        "reason": {"code": decision.code, "text": decision.text},
        "steps": _steps(decision, basis, plan),
        "inputs": {
            "plan": basis.plan_version,
            "directory": basis.directory_version,
            "now": basis.facts.now,
            "engine": basis.engine,
        },
    }


def _unnarrowed(plan: Plan) -> Plan:
    """The same plan with an index that rules nothing out."""
    return replace(plan, condition_index=ConditionIndex([None] * len(plan.steps)))


def _steps(decision: Decision, basis: DecisionInputs, plan: Plan) -> list[dict[str, Any]]:
    """What came before the pipeline, the steps that were gone through, and those that were not reached."""
    pipeline, now = plan.steps, basis.facts.now
    values = with_derived_fields(basis.question, plan, now).values
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
