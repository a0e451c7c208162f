"""Who may take a lead out of a queue."""

from app.engine.eligibility import Need, Refusal, refusal
from app.engine.plan import Plan
from app.engine.state import Facts


def claim_refusal(owner_id: str, queue: str, plan: Plan, facts: Facts) -> Refusal | None:
    """Why this owner may not claim from this queue now, or None when he may.

    A queue that the active plan no longer declares is open to every eligible owner: what waits there
    must not be stranded.
    """
    owner = facts.directory.owners.get(owner_id)
    if owner is None:
        return Refusal("missing")
    team = facts.directory.teams.get(plan.claimable_by.get(queue, ""))
    if team is not None and all(member.owner != owner_id for member in team.members):
        return Refusal("not_in_team")
    return refusal(owner, facts.state.load(owner_id), Need(), facts.now)
