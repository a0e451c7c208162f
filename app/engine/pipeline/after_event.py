"""The actions of an event, from the plan's `on_event`."""

from app.engine.compile.plan import Plan
from app.engine.followup.actions import FollowUpResult
from app.engine.followup.contact import ContactFacts, Gate
from app.engine.life.hidden_fields import without_hidden
from app.engine.model.decision import Decision, DecisionRequest
from app.engine.model.state import Facts
from app.engine.pipeline.decide import prepared
from app.engine.pipeline.walk import score_labels


def actions_after(
    event: str, standing: Decision, request: DecisionRequest, plan: Plan, facts: Facts
) -> FollowUpResult:
    """The actions for an event of this type, and those that are withheld.

    `standing` is where the lead is, as a decision. Conditions and templates see the lead as its request has
    it.
    """
    follow_up = plan.life.on_event.get(event)
    if follow_up is None:
        return FollowUpResult()
    request, facts = prepared(request, plan, facts)
    values = {**request.values, **score_labels(request, plan, facts)} if plan.label_steps else request.values
    shown = without_hidden(values, plan.terms_of(standing.queue or "").hide)
    gate = Gate(plan.contact, request.contact or ContactFacts(), facts.now)
    return follow_up.after(standing, values, facts.now, shown, gate)


def band_of(request: DecisionRequest, plan: Plan, facts: Facts) -> str | None:
    """The band that the plan gives a lead now."""
    if not plan.label_steps:
        return None
    request, facts = prepared(request, plan, facts)
    band: str | None = score_labels(request, plan, facts).get("band")
    return band
