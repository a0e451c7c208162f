"""Whether anybody in a team can take a lead now."""

from app.engine.model.state import Facts
from app.engine.selection.eligibility import Requirements
from app.engine.selection.shifts import is_on_shift
from app.engine.selection.targets import member_refusal

_NO_REQUIREMENTS = Requirements()


def has_free_member(team_id: str, facts: Facts) -> bool:
    """Whether a member is on shift and under every cap. They may still not fit a particular lead."""
    team = facts.directory.teams.get(team_id)
    for member in team.members if team is not None else ():
        owner = facts.directory.owners.get(member.owner)
        if owner is None or not member.weight or not is_on_shift(owner, facts.now):
            continue
        load = facts.state.load(owner.id)
        if team is not None and member_refusal(team, member, owner, load, _NO_REQUIREMENTS, facts) is None:
            return True
    return False
