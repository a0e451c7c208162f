"""A lead whose address or domain is on a suppression list is blocked before anything else is asked."""

from app.engine.compile.plan import Plan
from app.engine.explain import sentences
from app.engine.model.decision import Decision, DecisionRequest, Suppression
from app.engine.model.state import Facts
from app.engine.pipeline.returning_lead import existing_lead, routed_again

STEP = "suppressed"


def decide_suppressed(
    suppression: Suppression, request: DecisionRequest, plan: Plan, facts: Facts
) -> Decision:
    """Block the lead. A returning lead leaves its owner, its queue or its path."""
    entry = {
        "step": STEP,
        "strategy": STEP,
        "code": STEP,
        "list": suppression.list,
        "matched_by": suppression.matched_by,
    }
    decision = Decision(
        outcome="blocked",
        code=STEP,
        text=sentences.suppressed(suppression.list, suppression.matched_by),
        step=STEP,
        strategy=STEP,
        block=suppression.list,
        trace={"steps": [entry], "not_evaluated": len(plan.steps)},
    )
    prior = request.prior
    if prior is None:
        return decision
    return routed_again(prior, existing_lead(prior, request, plan, facts), STEP, decision)
