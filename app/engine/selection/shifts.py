"""Which owners are on shift. An owner without a calendar is always on shift."""

from datetime import datetime

from app.engine.model.directory import Directory, Owner, Team
from app.engine.model.state import Facts
from app.engine.selection.eligibility import Refusal, Requirements, absence_refusal

HELD = "held"
"""The built-in queue of leads that wait for an owner or a team."""
_NO_REQUIREMENTS = Requirements()


def is_on_shift(owner: Owner, now: datetime) -> bool:
    """Whether `now` is within the owner's hours."""
    return owner.hours is None or owner.hours.is_open(now)


def off_shift(owner: Owner, now: datetime) -> Refusal:
    """The refusal of an owner who is off shift. It ends with their next shift."""
    return Refusal("off_shift", next_available(owner, now) if owner.hours is not None else None)


def next_available(owner: Owner, now: datetime) -> datetime | None:
    """The first moment at which the owner is on shift and not absent. None if there is none within a year."""
    begins = _next_open(owner, now)
    for absence in sorted(owner.absences, key=lambda each: each.start):
        if begins is not None and absence.start <= begins < absence.end:
            begins = _next_open(owner, absence.end)
    return begins


def owner_takes_from(owner_id: str, directory: Directory, now: datetime) -> datetime | None:
    """When the owner will next be on shift, neither absent nor paused. None for one who is gone, or never."""
    owner = directory.owners.get(owner_id)
    if owner is None or not owner.active:
        return None
    return next_available(owner, max(now, owner.paused_until or now))


def team_takes_from(team_id: str, directory: Directory, now: datetime) -> datetime | None:
    """When the first member who takes turns will be on shift. None when there is none."""
    team = directory.teams.get(team_id)
    members = team.members if team is not None else ()
    times = [owner_takes_from(each.owner, directory, now) for each in members if each.weight]
    return min((at for at in times if at is not None), default=None)


def _next_open(owner: Owner, at: datetime) -> datetime | None:
    return at if owner.hours is None else owner.hours.next_open(at)


def is_staffed(team: Team, facts: Facts) -> bool:
    """Whether any member who takes turns is on shift. They need not be free for this lead."""
    for member in team.members:
        owner = facts.directory.owners.get(member.owner)
        if owner is None or not member.weight or absence_refusal(owner, _NO_REQUIREMENTS, facts.now):
            continue
        paused = owner.paused_until is not None and facts.now < owner.paused_until
        if not paused and is_on_shift(owner, facts.now):
            return True
    return False
