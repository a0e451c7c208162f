"""How many more leads a team can take, and when it will be full."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from app.engine.life.working_time import WorkingTime, working_time_of, working_time_of_all
from app.engine.model.directory import Member, Owner, Team
from app.engine.model.state import Facts
from app.engine.selection.ramps import factor_at, scaled

_HOUR = timedelta(hours=1)
NEVER: Literal["never"] = "never"


@dataclass(frozen=True, slots=True)
class MemberRoom:
    """A member who takes turns. `room` is None without a cap on open leads.

    `works` says whether they work at any time in the horizon.
    """

    owner: Owner
    works: bool
    open_leads: int
    room: int | None


@dataclass(frozen=True, slots=True)
class TeamRoom:
    """What a team can take. `headroom` is None if a member who works has no cap on open leads."""

    members: Sequence[MemberRoom]
    headroom: int | None

    @property
    def working(self) -> list[MemberRoom]:
        """The members who work in the horizon."""
        return [each for each in self.members if each.works]

    def working_time(self) -> WorkingTime | None:
        """When at least one of the members works who take turns. None if there is none."""
        owners = [each.owner for each in self.members]
        return working_time_of_all(owners) if owners else None


@dataclass(frozen=True, slots=True)
class Filling:
    """How fast a team fills. The rate is in leads for each of the working hours; None if there were none."""

    working_hours: float
    net_rate: float | None
    hours_until_full: float | Literal["never"] | None
    full_at: datetime | None


def room_of(team: Team, facts: Facts, until: datetime) -> TeamRoom:
    """What the members of a team can take who work between now and `until`.

    A member's room is what the tighter of their own cap and the cap of their place in the team leaves. Those
    who are not active or take no turns are left out.
    """
    members = [
        _member_room(team.id, member, owner, facts, until)
        for member in team.members
        if member.weight and (owner := facts.directory.owners.get(member.owner)) is not None and owner.active
    ]
    rooms = [each.room for each in members if each.works]
    return TeamRoom(members, None if None in rooms else sum(room or 0 for room in rooms))


def _member_room(team: str, member: Member, owner: Owner, facts: Facts, until: datetime) -> MemberRoom:
    load = facts.state.load(owner.id)
    factor = factor_at(member, owner.zone, facts.now)
    own, of_place = scaled(owner.caps, factor), scaled(member.caps, factor)
    limits = []
    if own is not None and own.open is not None:
        limits.append(own.open - load.open)
    if of_place is not None and of_place.open is not None:
        limits.append(of_place.open - facts.state.member_load(team, owner.id).open)
    back = max(facts.now, owner.paused_until or facts.now)
    works = working_time_of(owner).between(back, until) > timedelta()
    return MemberRoom(owner, works, load.open, max(0, min(limits)) if limits else None)


def fill(
    room: TeamRoom, arrivals: int, closings: int, start: datetime, end: datetime, now: datetime
) -> Filling:
    """When a team will be full, if leads go on to arrive and to be closed as from `start` until `end`.

    The rate is that of the team's working time in this period, and so are the hours until it is full.
    """
    working = room.working_time()
    hours = working.between(start, end) / _HOUR if working is not None else 0.0
    net = arrivals - closings
    rate = net / hours if hours else None
    if room.headroom == 0 and room.working:
        return Filling(hours, rate, 0.0, now.replace(microsecond=0))
    if net <= 0 or room.headroom is None:
        return Filling(hours, rate, NEVER, None)
    if rate is None or working is None:
        return Filling(hours, rate, None, None)
    left = room.headroom / rate
    full_at = working.add(now, left * _HOUR)
    return Filling(hours, rate, left, full_at.replace(microsecond=0) if full_at is not None else None)
