"""A person we know: he keeps his owner or his place in the queue, or is decided anew."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from app.engine.compile.plan import Plan
from app.engine.explain import sentences
from app.engine.model.decision import Decision, DecisionRequest, ExistingLead, PriorAssignment
from app.engine.model.directory import Owner
from app.engine.model.state import Facts
from app.engine.pipeline.walk import walk
from app.engine.selection.eligibility import Requirements, absence_refusal, cap_refusal


def decide_returning(prior: PriorAssignment, question: DecisionRequest, plan: Plan, facts: Facts) -> Decision:
    """A person we know: he keeps his owner or his place in the queue, or is decided anew."""
    again = bool(plan.duplicate_window) and facts.now - prior.decided_at <= plan.duplicate_window
    known = ExistingLead(
        prior.lead_id, prior.assignment_id, prior.matched_by, "duplicate" if again else "reengaged"
    )
    switched = _switched(prior, known, question, plan, facts)
    if switched is not None:
        return switched
    if not again and any(each.holds(question.values, facts.now) for each in plan.reroute_when):
        return _anew(prior, known, "reroute_when", walk(question, plan, facts))
    if prior.state == "queued":
        return _kept_place(prior, known, walk(question, plan, facts))
    if prior.state != "assigned" or prior.owner is None:
        return _anew(prior, known, prior.state, walk(question, plan, facts))
    why = "owner_not_kept"
    for owner_id in (prior.owner,) if again else _to_keep(prior.owner, question, plan, facts):
        refused = _cannot_keep(owner_id, question, facts)
        if refused is None:
            return _kept_owner(owner_id, prior, known, facts)
        why = refused
    return _anew(prior, known, why, walk(question, plan, facts))


def _to_keep(previous: str, question: DecisionRequest, plan: Plan, facts: Facts) -> Iterator[str]:
    """Whom the plan has a known person go to, in order."""
    for which in plan.keep_owner:
        if which == "previous_owner":
            yield previous
        elif question.account is not None:
            responsible = plan.accounts.responsible(question.account, question.values, facts)
            if responsible is not None:
                yield responsible


def _switched(
    prior: PriorAssignment, known: ExistingLead, question: DecisionRequest, plan: Plan, facts: Facts
) -> Decision | None:
    """He comes for another product than the one he is with, and a product step settles that.

    Another product is not the same submission, however soon it comes.
    """
    if plan.products is None or not plan.products.leaves(prior, question.values):
        return None
    anew = walk(question, plan, facts)
    last = anew.trace["steps"][-1]
    if (last["strategy"], last["code"]) != ("product", "product_switch"):
        return None
    trace = _known_trace(known, "product_switch", anew)
    return replace(
        anew,
        existing_lead=replace(known, kind="reengaged"),
        previous_products=tuple(last["previous_products"]),
        trace=trace,
    )


def _cannot_keep(owner_id: str, question: DecisionRequest, facts: Facts) -> str | None:
    owner = facts.directory.owners.get(owner_id)
    if owner is None:
        return "not_found"
    refused = absence_refusal(owner, Requirements(exclude=question.exclude), facts.now)
    return refused.code if refused else None


def _kept_owner(owner_id: str, prior: PriorAssignment, known: ExistingLead, facts: Facts) -> Decision:
    """He goes to his former owner, or to the one who looks after his account and has not had him so far."""
    owner = facts.directory.owners[owner_id]
    duplicate, same = known.kind == "duplicate", owner_id == prior.owner
    return Decision(
        outcome="assigned",
        code=known.kind,
        text=sentences.returning_lead(known.kind, owner.name)
        if same
        else sentences.returning_lead_by_account(owner.name),
        step="returning_lead",
        strategy="returning_lead",
        owner=owner,
        team=prior.team if same else None,
        priority=prior.priority,
        existing_lead=known,
        keeps_assignment=duplicate,
        counts_toward_load=not duplicate,
        over_cap=not duplicate and over_cap(owner, facts),
        trace=_known_trace(known, "owner_kept" if same else "account_owner"),
    )


def _kept_place(prior: PriorAssignment, known: ExistingLead, anew: Decision) -> Decision:
    """He waits where he waited. The priority is the higher one of then and of what he would get now.

    The trace shows both: that he keeps his place, and the walk that would settle him now.
    """
    return Decision(
        outcome="queued",
        code=known.kind,
        text=sentences.returning_lead_in_queue(prior.queue or ""),
        step="returning_lead",
        strategy="returning_lead",
        queue=prior.queue,
        priority=max(prior.priority, anew.priority),
        held_until=prior.held_until,
        held_for_owner=prior.held_for_owner,
        held_for_team=prior.held_for_team,
        labels=anew.labels,
        existing_lead=known,
        keeps_assignment=True,
        trace=_known_trace(known, "queue_place_kept", anew),
    )


def _anew(prior: PriorAssignment, known: ExistingLead, why: str, anew: Decision) -> Decision:
    """Decided anew under the same lead. The same path or block again at once is a double submission."""
    trace = _known_trace(known, why, anew)
    same = anew.outcome == prior.state and (anew.path, anew.block) == (prior.path, prior.block)
    if known.kind == "duplicate" and same and prior.state in {"automated", "blocked"}:
        return replace(anew, existing_lead=known, keeps_assignment=True, trace=trace)
    return replace(anew, existing_lead=replace(known, kind="reengaged"), trace=trace)


def _known_trace(known: ExistingLead, code: str, walked: Decision | None = None) -> dict[str, Any]:
    """The trace of a known person, and of the walk after it if there was one."""
    entry = {
        "step": "returning_lead",
        "strategy": "returning_lead",
        "code": code,
        "matched_by": known.matched_by,
    }
    trace: Mapping[str, Any] = walked.trace if walked else {"steps": (), "not_evaluated": 0}
    return {**trace, "steps": [entry, *trace["steps"]]}


def over_cap(owner: Owner, facts: Facts) -> bool:
    """Whether a cap of his own is reached: one who is kept or wanted gets the lead all the same."""
    load = facts.state.load(owner.id)
    return owner.caps is not None and cap_refusal(owner.caps, load, owner.zone, facts.now) is not None
