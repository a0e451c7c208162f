"""Who is on shift: within the hours of his calendar, and there at all. Who has no calendar always is."""

from datetime import datetime

from app.engine.model.directory import Owner, Team
from app.engine.model.state import Facts
from app.engine.selection.eligibility import Refusal, Requirements, absence_refusal

HELD = "held"
"""The built-in queue of what waits for a shift to begin."""
_NOTHING = Requirements()


def is_on_shift(owner: Owner, now: datetime) -> bool:
    """Whether `now` is within his hours."""
    return owner.hours is None or owner.hours.is_open(now)


def off_shift(owner: Owner, now: datetime) -> Refusal:
    """How somebody is passed over who does not work now: his next shift says when that ends."""
    return Refusal("off_shift", next_available(owner, now) if owner.hours is not None else None)


def next_available(owner: Owner, now: datetime) -> datetime | None:
    """The first moment of his hours at which he is not absent; None when there is none within a year."""
    begins = _next_open(owner, now)
    for absence in sorted(owner.absences, key=lambda each: each.start):
        if begins is not None and absence.start <= begins < absence.end:
            begins = _next_open(owner, absence.end)
    return begins


def _next_open(owner: Owner, at: datetime) -> datetime | None:
    return at if owner.hours is None else owner.hours.next_open(at)


def is_staffed(team: Team, facts: Facts) -> bool:
    """Whether anybody who takes turns is on shift, be he free for this lead or not."""
    for member in team.members:
        owner = facts.directory.owners.get(member.owner)
        if owner is None or not member.weight or absence_refusal(owner, _NOTHING, facts.now):
            continue
        paused = owner.paused_until is not None and facts.now < owner.paused_until
        if not paused and is_on_shift(owner, facts.now):
            return True
    return False
