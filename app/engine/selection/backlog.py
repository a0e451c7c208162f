"""The leads that waited for a team, shared out when its members come on shift one after another.

A member's share is ceil(B * w / W): B is the backlog when the first shift began, w the weight of the member,
and W that of the members who can take the lead and are on shift or soon will be. So the first member on shift
gets their share and no more, and the rest waits for the others.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from app.engine.model.directory import Owner, Team
from app.engine.model.state import EPOCH, Facts
from app.engine.selection.eligibility import Requirements, absence_refusal
from app.engine.selection.pickers import Candidate
from app.engine.selection.shifts import is_on_shift

RELEASE_LOOKAHEAD = timedelta(minutes=30)
"""Members whose shift starts within this time have a share."""
_MICROSECOND = timedelta(microseconds=1)
_NO_REQUIREMENTS = Requirements()


def is_soon(begins: datetime | None, now: datetime) -> bool:
    """Whether a shift that begins then counts already."""
    return begins is not None and begins - now <= RELEASE_LOOKAHEAD


def first_shift(team: Team, facts: Facts) -> int:
    """When the first of the shifts that are on now began, in microseconds since 1970; 0 if always on."""
    owners = (facts.directory.owners.get(member.owner) for member in team.members if member.weight)
    begun = [
        _begun(owner, facts.now) for owner in owners if owner is not None and _is_there(owner, facts.now)
    ]
    return (min(begun, default=EPOCH) - EPOCH) // _MICROSECOND


def with_a_share_left(
    expected: Sequence[Candidate], waiting: int, team: Team, shift: int, facts: Facts
) -> set[str]:
    """The members who have not had their share yet. `waiting` is what is left of the backlog."""
    got = facts.state.shares_taken(team.id, shift)
    backlog, weights = waiting + sum(got.values()), sum(one.weight for one in expected)
    return {
        one.owner.id for one in expected if -(-backlog * one.weight // weights) > got.get(one.owner.id, 0)
    }


def _is_there(owner: Owner, now: datetime) -> bool:
    return absence_refusal(owner, _NO_REQUIREMENTS, now) is None and is_on_shift(owner, now)


def _begun(owner: Owner, now: datetime) -> datetime:
    """When the present shift of an owner began."""
    return (owner.hours.open_since(now) if owner.hours is not None else None) or EPOCH
