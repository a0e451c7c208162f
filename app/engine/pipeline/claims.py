"""Which owners may take a lead out of a queue."""

from dataclasses import replace

from app.engine.compile.plan import Plan
from app.engine.model.decision import PriorAssignment
from app.engine.model.state import Facts
from app.engine.selection.eligibility import Refusal, Requirements, refusal
from app.engine.selection.targets import member_refusal

_MAY_CLAIM_OWN = frozenset(("absent", "paused"))
"""An owner who is back early may claim the leads held for them."""


def claim_refusal(owner_id: str, queue: str, plan: Plan, facts: Facts) -> Refusal | None:
    """Why this owner may not claim from this queue now. None means that they may.

    A queue that the active plan does not declare is open to every eligible owner, so that no lead is stuck.
    """
    owner = facts.directory.owners.get(owner_id)
    if owner is None:
        return Refusal("not_found")
    load = facts.state.load(owner_id)
    team = facts.directory.teams.get(plan.terms_of(queue).claimable_by or "")
    if team is None:
        return refusal(owner, load, Requirements(), facts.now)
    member = team.member(owner_id)
    if member is None:
        return Refusal("not_in_team")
    # A member without weight has no turns, but may claim.
    weighted = replace(member, weight=max(member.weight, 1))
    return member_refusal(team, weighted, owner, load, Requirements(), facts)


def claiming_team(owner_id: str, queue: str, plan: Plan, facts: Facts) -> str | None:
    """The team for which this owner claims from this queue: the claim counts toward their caps in it."""
    team = facts.directory.teams.get(plan.terms_of(queue).claimable_by or "")
    return team.id if team is not None and team.member(owner_id) is not None else None


def held_refusal(
    owner_id: str, held: PriorAssignment, refused: Refusal | None, facts: Facts
) -> Refusal | None:
    """Why this owner may not claim this lead. `refused` is why they may claim none of its queue.

    Only the owner a lead is held for can claim it, even while marked absent or paused. Any member can claim a
    lead held for a team.
    """
    if held.held_for_owner == owner_id:
        return None if refused is None or refused.code in _MAY_CLAIM_OWN else refused
    if refused is not None or (held.held_for_owner is None and held.held_for_team is None):
        return refused
    team = facts.directory.teams.get(held.held_for_team or "")
    if team is not None and team.member(owner_id) is not None:
        return None
    return Refusal("held_for_another")
