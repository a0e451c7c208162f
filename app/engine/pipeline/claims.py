"""Who may take a lead out of a queue."""

from app.engine.compile.plan import Plan
from app.engine.model.decision import PriorAssignment
from app.engine.model.state import Facts
from app.engine.selection.eligibility import Refusal, Requirements, refusal

_WAITED_FOR = frozenset(("absent", "paused"))
"""What a lead waits for to end: who is back earlier than he thought may take it himself."""


def claim_refusal(owner_id: str, queue: str, plan: Plan, facts: Facts) -> Refusal | None:
    """Why this owner may not claim from this queue now, or None when he may.

    A queue that the active plan no longer declares is open to every eligible owner: what waits there
    must not be stranded.
    """
    owner = facts.directory.owners.get(owner_id)
    if owner is None:
        return Refusal("not_found")
    team = facts.directory.teams.get(plan.claimable_by.get(queue, ""))
    if team is not None and all(member.owner != owner_id for member in team.members):
        return Refusal("not_in_team")
    return refusal(owner, facts.state.load(owner_id), Requirements(), facts.now)


def held_refusal(
    owner_id: str, held: PriorAssignment, refused: Refusal | None, facts: Facts
) -> Refusal | None:
    """Why he may not take this very lead, given why he may take none of its queue if so.

    What waits for an owner is his alone, what waits for a team its members'; the rest is everybody's.
    """
    if held.held_for_owner == owner_id:
        return None if refused is None or refused.code in _WAITED_FOR else refused
    if refused is not None or (held.held_for_owner is None and held.held_for_team is None):
        return refused
    team = facts.directory.teams.get(held.held_for_team or "")
    if team is not None and any(member.owner == owner_id for member in team.members):
        return None
    return Refusal("held_for_another")
