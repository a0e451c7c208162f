"""The decision: a pure function of the question, the plan, the directory, the state and the time.

The fields of the account and the derived ones come first: everything after may ask them. Then, in order of
precedence, a wanted owner, the known person (`known`), the pipeline (`walk`), and at last the follow-up.
"""

from dataclasses import replace
from datetime import datetime
from typing import Any

from app.engine.compile.plan import CompiledStep, Plan
from app.engine.explain import sentences
from app.engine.model.decision import Decision, DecisionRequest, ExistingOwnership, Target, Verdict
from app.engine.model.directory import Owner
from app.engine.model.state import Facts
from app.engine.pipeline.account_team import account_summary, account_team_of
from app.engine.pipeline.returning_lead import decide_returning, over_cap
from app.engine.pipeline.walk import score_labels, try_step, walk

_NOT_WALKED = frozenset(("returning_lead", "manual", "claimed"))
"""Who settled a lead without the pipeline. It is scored all the same: SLAs and the follow-up ask its band."""


def decide(question: DecisionRequest, plan: Plan, facts: Facts) -> Decision:
    """Decide one request: reads everything, changes nothing, always settles."""
    if question.owned is not None:
        return _as_owned(question.owned, facts)
    question = with_derived_fields(question, plan, facts.now)
    if question.account is not None:
        facts = replace(facts, account=question.account)
    if plan.products is not None and question.prior is not None:
        facts = replace(facts, prior=question.prior)
    if question.to is not None:
        decision = _as_wanted(question, question.to, plan, facts)
    elif question.prior is not None:
        decision = decide_returning(question.prior, question, plan, facts)
    else:
        decision = walk(question, plan, facts)
    if plan.label_steps and decision.strategy in _NOT_WALKED and not decision.keeps_assignment:
        decision.labels = score_labels(question, plan, facts)
        decision.trace = {**decision.trace, "labels": decision.labels}
    if plan.slas:
        decision.sla = plan.slas.due(decision, question.values, facts.now)
    if question.account is not None:
        decision.trace = {**decision.trace, "account": question.account.to_trace()}
        decision.account = account_summary(question.account, decision.owner, plan.accounts.roles)
        decision.account_team = account_team_of(
            question.account, decision.owner, facts.directory, inherit=plan.accounts.inherits
        )
    return _with_actions(decision, question, plan, facts)


def with_derived_fields(question: DecisionRequest, plan: Plan, now: datetime) -> DecisionRequest:
    """The question with all that may be asked of its lead: its account's fields, and the derived ones."""
    values = question.values
    if question.account is not None and question.account.account is not None:
        values = {**values, "account": question.account.account.fields()}
    if plan.derived is not None:
        values = plan.derived.added(values, now)
    return question if values is question.values else replace(question, values=values)


def _as_owned(owned: ExistingOwnership, facts: Facts) -> Decision:
    """A lead that exists already stays with its owner: no turn, no SLA, no action."""
    owner = facts.directory.owners[owned.owner]
    step = {"step": "imported", "strategy": "imported", "code": "imported"}
    return Decision(
        outcome="assigned",
        code="imported",
        text=sentences.imported(owner.name),
        step="imported",
        strategy="imported",
        owner=owner,
        team=owned.team,
        counts_toward_load=True,
        trace={"steps": [step], "not_evaluated": 0, "no_actions_reason": "imported"},
    )


def _as_wanted(question: DecisionRequest, wanted: Target, plan: Plan, facts: Facts) -> Decision:
    """A manual assignment or a claim. A team where nobody is free leaves the lead to the pipeline."""
    if wanted.kind == "owner":
        return _to_owner(question, facts.directory.owners[wanted.name], facts)
    trail: list[dict[str, Any]] = []
    verdict = Verdict("manual", (wanted,))
    step = CompiledStep("manual", "manual", None, lambda _values, _facts: verdict)
    decision = try_step(step, question, facts, trail)
    if decision is not None:
        return replace(decision, trace={"steps": trail, "not_evaluated": 0})
    anew = walk(question, plan, facts)
    return replace(anew, trace={**anew.trace, "steps": [*trail, *anew.trace["steps"]]})


def _to_owner(question: DecisionRequest, owner: Owner, facts: Facts) -> Decision:
    """The caller has made sure that the owner is active and, for a claim, free to take it."""
    claim = question.kind == "claim"
    code = "claimed" if claim else "manual"
    return Decision(
        outcome="assigned",
        code=code,
        text=sentences.claimed(owner.name, question.queue or "") if claim else sentences.manual(owner.name),
        step=code,
        strategy=code,
        owner=owner,
        counts_toward_load=True,
        over_cap=over_cap(owner, facts),
        trace={"steps": [{"step": code, "strategy": code, "code": code}], "not_evaluated": 0},
    )


def _with_actions(decision: Decision, question: DecisionRequest, plan: Plan, facts: Facts) -> Decision:
    """Follow-up actions, except for a double submission: he has had his. The trace says why there is none.

    Before them stands what a product switch asks for.
    """
    if decision.existing_lead is not None and decision.existing_lead.kind == "duplicate":
        decision.trace = {**decision.trace, "no_actions_reason": "duplicate"}
        return decision
    values = {**question.values, **decision.labels} if decision.labels else question.values
    asked = plan.follow_up.after(decision, values, facts.now)
    decision.actions = asked.actions
    if decision.previous_products and plan.products is not None and question.prior is not None:
        farewell = plan.products.farewell(decision, question.prior, facts.directory)
        decision.actions = (*farewell, *asked.actions)
    if asked.withheld_actions:
        decision.trace = {**decision.trace, "withheld_actions": list(asked.withheld_actions)}
    if asked.why_none is not None and not decision.actions:
        decision.trace = {**decision.trace, "no_actions_reason": asked.why_none}
    return decision
