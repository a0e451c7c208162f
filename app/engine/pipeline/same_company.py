"""The owner of a lead that is probably the same person, or of a colleague, takes a new lead."""

from collections.abc import Mapping
from typing import Any

from app.engine.compile.plan import Plan
from app.engine.explain import sentences
from app.engine.model.decision import ColleagueOwner, Decision, DecisionRequest, LedgerEntry
from app.engine.model.state import Facts
from app.engine.pipeline.walk import walk
from app.engine.selection.eligibility import keep_refusal, over_cap
from app.engine.selection.fair_share import turn_of
from app.engine.selection.rebalance import live_members

STEP, PROBABLE_PERSON = "same_company", "probable_person"


def decide_new(request: DecisionRequest, plan: Plan, facts: Facts) -> Decision:
    """The owner of the same person or of a colleague takes the lead too. If none can, the pipeline decides.

    Priority and SLA are those that the pipeline gives.
    """
    walked = walk(request, plan, facts)
    if (same := request.same_person) is not None:
        refused = keep_refusal(same.owner, request.exclude, facts)
        tried = [{"owner": same.owner, "lead_id": same.lead_id, "code": refused or "chosen"}]
        if refused is None:
            return _followed(PROBABLE_PERSON, same, plan, facts, walked, tried)
        walked.trace = _trace(PROBABLE_PERSON, "owner_unavailable", tried, walked)
    if not request.colleagues:
        return walked
    return _of_company(request, plan, facts, walked)


def _of_company(request: DecisionRequest, plan: Plan, facts: Facts, walked: Decision) -> Decision:
    tried: list[dict[str, Any]] = []
    for colleague in request.colleagues:
        refused = keep_refusal(colleague.owner, request.exclude, facts)
        tried.append({"owner": colleague.owner, "lead_id": colleague.lead_id, "code": refused or "chosen"})
        if refused is None:
            return _followed(STEP, colleague, plan, facts, walked, tried)
    walked.trace = _trace(STEP, "colleague_unavailable", tried, walked)
    return walked


def _followed(
    step: str,
    colleague: ColleagueOwner,
    plan: Plan,
    facts: Facts,
    walked: Decision,
    tried: list[dict[str, Any]],
) -> Decision:
    owner = facts.directory.owners[colleague.owner]
    members = live_members(facts.directory.teams.get(colleague.team or ""), facts.directory.owners, facts.now)
    team = colleague.team if owner.id in members else None
    turn = None
    if step == STEP and plan.same_company is not None and plan.same_company.per_lead and team is not None:
        turn = LedgerEntry(team, "turn", owner.id, turn_of(owner.id, members))
    return Decision(
        outcome="assigned",
        code=step,
        text=sentences.same_company(owner.name) if step == STEP else sentences.probable_person(owner.name),
        step=step,
        strategy=step,
        owner=owner,
        team=team,
        priority=walked.priority,
        sla_name=walked.sla_name,
        labels=walked.labels,
        asked=(walked.step, walked.strategy),
        counts_toward_load=True,
        over_cap=over_cap(owner, facts),
        turn=turn,
        trace=_trace(step, step, tried, walked),
    )


def _trace(step: str, code: str, tried: list[dict[str, Any]], walked: Decision) -> Mapping[str, Any]:
    """The step of the person or the company, then the steps of the walk."""
    entry = {"step": step, "strategy": step, "code": code, "colleagues": tried}
    return {**walked.trace, "steps": [entry, *walked.trace["steps"]]}
