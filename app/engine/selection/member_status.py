"""The status of a team's members: their balances, their loads, and who can take a lead now."""

from dataclasses import dataclass
from datetime import datetime

from app.engine.model.decision import DecisionRequest, Target
from app.engine.model.directory import Team
from app.engine.model.state import Facts
from app.engine.selection.eligibility import Requirements
from app.engine.selection.shifts import is_on_shift, is_staffed, off_shift
from app.engine.selection.targets import member_refusal, try_team


@dataclass(frozen=True, slots=True)
class MemberStatus:
    """One member now. `balance` is in `LEAD_UNITS`; `code` and `available_at` are as in a trace."""

    owner: str
    balance: int
    turns: int
    open_leads: int
    code: str | None
    available_at: datetime | None


def member_statuses(team: Team, facts: Facts) -> list[MemberStatus]:
    """Every member in the order of the team, for a lead without special requirements."""
    statuses = []
    team_on_shift = is_staffed(team, facts)
    for member in team.members:
        owner = facts.directory.owners.get(member.owner)
        load = facts.state.load(member.owner)
        refused = member_refusal(team, member, owner, load, Requirements(), facts)
        if refused is None and owner is not None and team_on_shift and not is_on_shift(owner, facts.now):
            refused = off_shift(owner, facts.now)
        balance = facts.state.balance(team.id, member.owner)
        code, available_at = (refused.code, refused.available_at) if refused else (None, None)
        statuses.append(
            MemberStatus(member.owner, balance.balance, balance.turns, load.open, code, available_at)
        )
    return statuses


def next_member(team: Team, facts: Facts) -> str | None:
    """Who gets the next lead of a team if it comes now and has no special requirements; None for nobody.

    Another lead may go to somebody else: who must not get it and what it requires decide too.
    """
    lead = DecisionRequest(kind="assign", assignment_id="", lead_id="", values={})
    attempt = try_team(Target("team", team.id), lead, facts)
    return attempt.owner.id if attempt.owner is not None else None
