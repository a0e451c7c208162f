"""A handoff: an event gives a lead to a second owner."""

from dataclasses import replace
from typing import Any

from app.engine.compile.life import HandoffRule
from app.engine.compile.plan import CompiledStep, Plan
from app.engine.model.decision import Decision, DecisionRequest, Target, Verdict
from app.engine.model.state import Facts
from app.engine.pipeline.walk import try_step

HANDOFF = "handoff"
"""The strategy and the code of a decision that a handoff settled."""


def decide_handoff(request: DecisionRequest, plan: Plan, facts: Facts) -> Decision | None:
    """The decision of the request's handoff. None if none of its targets can take the lead.

    The values of the request include the fields of the account and the derived fields.
    """
    rule = plan.life.handoff(request.handoff or "")
    if rule is None or not fits(rule, request, facts):
        return None
    verdict = Verdict(HANDOFF, _targets(rule, facts))
    if not verdict.targets:
        return None
    trail: list[dict[str, Any]] = []
    step = CompiledStep(rule.name, HANDOFF, None, lambda _values, _facts: verdict)
    decision = try_step(step, request, facts, trail, [])
    if decision is None or decision.code == "held":
        return None
    return replace(decision, trace={"steps": trail, "not_evaluated": 0})


def fits(rule: HandoffRule, request: DecisionRequest, facts: Facts) -> bool:
    """Whether the condition of a handoff holds."""
    return rule.when is None or rule.when.holds(request.values, facts.now)


def _targets(rule: HandoffRule, facts: Facts) -> tuple[Target, ...]:
    """The owner with the role in the account, then the targets of the plan."""
    account = facts.account.account if facts.account is not None else None
    owner = account.in_role(rule.role) if account is not None and rule.role is not None else None
    if owner is None or owner not in facts.directory.owners:
        return rule.targets
    return (Target("owner", owner, off_hours="assign"), *rule.targets)
