"""How the members of a team stand: what they are owed, what they carry, and who could take a lead now."""

from dataclasses import dataclass
from datetime import datetime

from app.engine.model.directory import Team
from app.engine.model.state import Facts
from app.engine.selection.eligibility import Requirements
from app.engine.selection.shifts import is_on_shift, is_staffed, off_shift
from app.engine.selection.targets import member_refusal


@dataclass(frozen=True, slots=True)
class MemberStanding:
    """One member now. `balance` counts in units of `turns.LEAD`; `code` and `available_at` as in a trace."""

    owner: str
    balance: int
    turns: int
    open: int
    code: str | None
    available_at: datetime | None


def standings(team: Team, facts: Facts) -> list[MemberStanding]:
    """Every member in the order of the team, asked as if a lead came now that needs nothing special."""
    found = []
    team_works = is_staffed(team, facts)
    for member in team.members:
        owner = facts.directory.owners.get(member.owner)
        load = facts.state.load(member.owner)
        refused = member_refusal(team, member, owner, load, Requirements(), facts)
        if refused is None and owner is not None and team_works and not is_on_shift(owner, facts.now):
            refused = off_shift(owner, facts.now)
        standing = facts.state.standing(team.id, member.owner)
        code, available_at = (refused.code, refused.available_at) if refused else (None, None)
        found.append(
            MemberStanding(member.owner, standing.balance, standing.turns, load.open, code, available_at)
        )
    return found
