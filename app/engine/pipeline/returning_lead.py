"""Returning leads: they keep their owner or their place in a queue, or are routed again."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from app.engine.compile.plan import Plan
from app.engine.explain import sentences
from app.engine.model.decision import Decision, DecisionRequest, ExistingLead, PriorAssignment
from app.engine.model.state import Facts
from app.engine.pipeline.walk import walk
from app.engine.selection.eligibility import keep_refusal, over_cap

STEP = "returning_lead"
REROUTED = "reroute_when"
"""Among the news: a condition of `reroute_when` holds that did not hold before."""
OTHER_STEP = "step"
"""Among the news: another step than before would settle the lead."""


def decide_returning(prior: PriorAssignment, request: DecisionRequest, plan: Plan, facts: Facts) -> Decision:
    """Keep the owner or the place in the queue, or route the lead again.

    A repeat within the duplicate window, or of the same submission, is a duplicate if it says nothing new.
    """
    soon = _is_soon(prior, request, plan, facts)
    existing = existing_lead(prior, request, plan, facts)
    duplicate = existing.kind == "duplicate"
    switched = _switch_product(prior, existing, request, plan, facts)
    if switched is not None:
        return switched
    if _reroutes(request, plan, facts, soon=soon):
        return routed_again(prior, existing, "reroute_when", walk(request, plan, facts), request.news)
    if prior.state == "queued":
        return _waiting(prior, existing, request, walk(request, plan, facts))
    if prior.state != "assigned" or prior.owner is None:
        return routed_again(prior, existing, prior.state, walk(request, plan, facts), request.news)
    why = "owner_not_kept"
    for owner_id in (prior.owner,) if duplicate else _owners_to_keep(prior.owner, request, plan, facts):
        refused = keep_refusal(owner_id, request.exclude, facts)
        if refused is None:
            walked = walk(request, plan, facts) if request.news else None
            kept = _kept_owner(owner_id, prior, existing, facts, walked, request.news)
            if walked is not None and (soon or OTHER_STEP in request.news):
                kept.asked = (walked.step, walked.strategy)
            return kept
        why = refused
    return routed_again(prior, existing, why, walk(request, plan, facts), request.news)


def existing_lead(prior: PriorAssignment, request: DecisionRequest, plan: Plan, facts: Facts) -> ExistingLead:
    """The earlier lead of a request, and whether the request only repeats it."""
    duplicate = _is_soon(prior, request, plan, facts) and not request.news
    return ExistingLead(
        prior.lead_id, prior.assignment_id, prior.matched_by, "duplicate" if duplicate else "reengaged"
    )


def _is_soon(prior: PriorAssignment, request: DecisionRequest, plan: Plan, facts: Facts) -> bool:
    """Whether it can be a duplicate. The same submission can, whenever a tool sends it again."""
    if request.same_submission:
        return True
    return bool(plan.duplicate_window) and abs(facts.now - prior.decided_at) <= plan.duplicate_window


def _reroutes(request: DecisionRequest, plan: Plan, facts: Facts, *, soon: bool) -> bool:
    """Whether the plan routes this lead again.

    Soon after its last decision only if it matches a condition since then: the pipeline has just decided it.
    """
    if soon:
        return REROUTED in request.news
    return any(each.holds(request.values, facts.now) for each in plan.reroute_when)


def _waiting(
    prior: PriorAssignment, existing: ExistingLead, request: DecisionRequest, walked: Decision
) -> Decision:
    """A lead in a queue leaves it when it says something new and somebody can take it now."""
    if request.news and walked.outcome == "assigned":
        return routed_again(prior, existing, "queue_left", walked, request.news)
    return _kept_place(prior, existing, walked, request.news)


def _owners_to_keep(previous: str, request: DecisionRequest, plan: Plan, facts: Facts) -> Iterator[str]:
    """The owners that the plan gives a returning lead to, in order."""
    for which in plan.keep_owner:
        if which == "previous_owner":
            yield previous
        elif request.account is not None:
            responsible = plan.accounts.responsible(request.account, request.values, facts)
            if responsible is not None:
                yield responsible


def _switch_product(
    prior: PriorAssignment, existing: ExistingLead, request: DecisionRequest, plan: Plan, facts: Facts
) -> Decision | None:
    """The decision of a product step for a lead that comes for another product; else None.

    A lead for another product is never a duplicate submission, however soon it comes.
    """
    if plan.products is None or not plan.products.leaves(prior, request.values):
        return None
    walked = walk(request, plan, facts)
    last = walked.trace["steps"][-1]
    if (last["strategy"], last["code"]) != ("product", "product_switch"):
        return None
    return replace(
        walked,
        existing_lead=replace(existing, kind="reengaged"),
        previous_products=tuple(last["previous_products"]),
        trace=_trace(existing, "product_switch", walked),
    )


def _kept_owner(
    owner_id: str,
    prior: PriorAssignment,
    existing: ExistingLead,
    facts: Facts,
    walked: Decision | None,
    news: Sequence[str],
) -> Decision:
    """The lead stays with its previous owner, or goes to the owner of its account.

    If it says something new, priority and SLA are those of the walk, which takes no turn.
    """
    owner = facts.directory.owners[owner_id]
    duplicate, same = existing.kind == "duplicate", owner_id == prior.owner
    text = (
        sentences.returning_lead(existing.kind, owner.name)
        if same
        else sentences.returning_lead_by_account(owner.name)
    )
    return Decision(
        outcome="assigned",
        code=existing.kind,
        text=text,
        step=STEP,
        strategy=STEP,
        owner=owner,
        team=prior.team if same else None,
        priority=prior.priority if walked is None else walked.priority,
        sla_name=walked.sla_name if walked is not None else None,
        existing_lead=existing,
        keeps_assignment=duplicate,
        counts_toward_load=not duplicate,
        over_cap=not duplicate and over_cap(owner, facts),
        trace=_trace(existing, "owner_kept" if same else "account_owner", walked, news),
    )


def _kept_place(
    prior: PriorAssignment, existing: ExistingLead, walked: Decision, news: Sequence[str]
) -> Decision:
    """The lead keeps its place, with the higher of its priority and the one it would get now.

    The trace also shows the walk that would settle the lead now.
    """
    return Decision(
        outcome="queued",
        code=existing.kind,
        text=sentences.returning_lead_in_queue(prior.queue or ""),
        step=STEP,
        strategy=STEP,
        queue=prior.queue,
        priority=max(prior.priority, walked.priority),
        held_until=prior.held_until,
        held_for_owner=prior.held_for_owner,
        held_for_team=prior.held_for_team,
        labels=walked.labels,
        existing_lead=existing,
        keeps_assignment=True,
        trace=_trace(existing, "queue_place_kept", walked, news),
    )


def routed_again(
    prior: PriorAssignment, existing: ExistingLead, why: str, walked: Decision, news: Sequence[str] = ()
) -> Decision:
    """The result of the pipeline. A duplicate that ends on the same path or block changes nothing."""
    trace = _trace(existing, why, walked, news)
    same = walked.outcome == prior.state and (walked.path, walked.block) == (prior.path, prior.block)
    if existing.kind == "duplicate" and same and prior.state in {"automated", "blocked"}:
        return replace(walked, existing_lead=existing, keeps_assignment=True, trace=trace)
    return replace(walked, existing_lead=replace(existing, kind="reengaged"), trace=trace)


def _trace(
    existing: ExistingLead, code: str, walked: Decision | None = None, news: Sequence[str] = ()
) -> dict[str, Any]:
    trace: Mapping[str, Any] = walked.trace if walked else {"steps": (), "not_evaluated": 0}
    return with_returning_step(existing, code, trace, news)


def with_returning_step(
    existing: ExistingLead, code: str, trace: Mapping[str, Any], news: Sequence[str] = ()
) -> dict[str, Any]:
    """The trace with the step of the returning lead before the others."""
    entry: dict[str, Any] = {"step": STEP, "strategy": STEP, "code": code, "matched_by": existing.matched_by}
    if news:
        entry["news"] = [name for name in news if name not in (REROUTED, OTHER_STEP)]
    return {**trace, "steps": [entry, *trace["steps"]]}
