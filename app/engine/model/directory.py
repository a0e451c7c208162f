"""Owners, teams and calendars as decisions see them.

Everything here is a value. The directory never changes in place: an edit makes a new one.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import cached_property
from zoneinfo import ZoneInfo

from app.plan.language.hours import Hours


@dataclass(frozen=True, slots=True)
class Caps:
    """Upper limits on leads: at once, per local day, per local ISO week, and in rolling windows."""

    open: int | None = None
    per_day: int | None = None
    per_week: int | None = None
    rolling: tuple[tuple[int, timedelta], ...] = ()

    def longest_window(self) -> timedelta:
        """The longest rolling window, zero when there is none."""
        return max((window for _, window in self.rolling), default=timedelta())


@dataclass(frozen=True, slots=True)
class Absence:
    """One stretch of time away: from `start` until just before `end`."""

    start: datetime
    end: datetime


@dataclass(frozen=True)
class Owner:
    """Who can own a lead. Skills and languages are held in folded case, of a language's tag the first part.

    `hours` are those of his `calendar`; without any he is always on shift. `delegate` stands in for him.
    """

    id: str
    name: str
    email: str | None = None
    crm: Mapping[str, str] = field(default_factory=dict)
    active: bool = True
    paused_until: datetime | None = None
    zone: ZoneInfo = ZoneInfo("UTC")
    skills: frozenset[str] = frozenset()
    languages: frozenset[str] = frozenset()
    caps: Caps | None = None
    absences: tuple[Absence, ...] = ()
    calendar: str | None = None
    hours: Hours | None = None
    delegate: str | None = None

    @cached_property
    def unbound(self) -> bool:
        """Whether nothing of his own can ever stand in his way: a shortcut past the questions."""
        return self.active and not (self.paused_until or self.caps or self.absences)


@dataclass(frozen=True, slots=True)
class Ramp:
    """Until this day weight and caps are multiplied with `factor`, which counts thousandths."""

    factor: int
    until: date


@dataclass(frozen=True, slots=True)
class Member:
    """An owner's place in a team. `weight` counts thousandths; 0 takes no turns."""

    owner: str
    weight: int = 1000
    caps: Caps | None = None
    ramp: Ramp | None = None


@dataclass(frozen=True, slots=True)
class Team:
    """Owners who share leads in turn, in the order that breaks ties."""

    id: str
    name: str
    members: tuple[Member, ...]
    pick: str = "round_robin"


@dataclass(frozen=True, slots=True)
class Directory:
    """Owners, teams and calendars as they stand after change number `version` of the workspace's log.

    Of a table only the revision is here: it may be long, and only few plans look something up.
    """

    version: int
    owners: Mapping[str, Owner]
    teams: Mapping[str, Team]
    calendars: Mapping[str, Hours] = field(default_factory=dict)
    tables: Mapping[str, int] = field(default_factory=dict)

    def teams_of(self, owner: str) -> list[str]:
        """The teams he is a member of."""
        return [team.id for team in self.teams.values() if any(each.owner == owner for each in team.members)]
