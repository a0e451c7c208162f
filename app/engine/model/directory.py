"""Owners, teams and calendars as decisions see them.

Everything here is a value. A directory never changes: an edit makes a new one.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import cached_property
from typing import Literal
from zoneinfo import ZoneInfo

from app.plan.language.hours import Hours
from app.values.crm_ids import crm_id_key


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
class Cover:
    """Who stands in for an owner on leave: another owner, or the members of a team."""

    kind: Literal["owner", "team"]
    name: str


@dataclass(frozen=True, slots=True)
class Absence:
    """One absence, from `start` until just before `end`.

    `moves_leads` says that the leads that are open when it begins move, and `entered_at` when it was entered.
    """

    start: datetime
    end: datetime
    id: str = ""
    cover: Cover | None = None
    moves_leads: bool = False
    entered_at: datetime | None = None

    @property
    def begins_at(self) -> datetime:
        """When its leads move: at its start, or when it was entered if that was later."""
        return self.start if self.entered_at is None else max(self.start, self.entered_at)


@dataclass(frozen=True)
class Owner:
    """A person who can own leads. Skills are case-folded, languages are primary subtags such as `de`.

    `hours` are those of the owner's `calendar`; without one they are always on shift.
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
    def unrestricted(self) -> bool:
        """Whether no setting of the owner can ever refuse a lead, so that most checks can be skipped."""
        return self.active and not (self.paused_until or self.caps or self.absences)


@dataclass(frozen=True, slots=True)
class Ramp:
    """Until this day, weight and caps are multiplied by `factor` thousandths."""

    factor: int
    until: date


@dataclass(frozen=True, slots=True)
class Member:
    """An owner's place in a team. `weight` is in thousandths; a member with 0 takes no turns."""

    owner: str
    weight: int = 1000
    caps: Caps | None = None
    ramp: Ramp | None = None


@dataclass(frozen=True)
class Team:
    """Owners who share leads. The order of the members breaks ties."""

    id: str
    name: str
    members: tuple[Member, ...]
    pick: str = "round_robin"

    @cached_property
    def _by_owner(self) -> Mapping[str, Member]:
        """Their memberships. There can be a thousand, each asked for once."""
        return {each.owner: each for each in reversed(self.members)}

    def member(self, owner: str) -> Member | None:
        """The owner's membership, if there is one."""
        return self._by_owner.get(owner)


@dataclass(frozen=True)
class Directory:
    """Owners, teams and calendars after change number `version` of the workspace's log.

    `tables` holds only revisions: tables can be long, and few plans use them. `outbox_reader` says whether
    anybody reads the outbox, so that the actions of answers are offered there too. `deliver` says by which
    way actions leave, by type, `*` for all others.
    """

    version: int
    owners: Mapping[str, Owner]
    teams: Mapping[str, Team]
    calendars: Mapping[str, Hours] = field(default_factory=dict)
    tables: Mapping[str, int] = field(default_factory=dict)
    outbox_reader: bool = False
    deliver: Mapping[str, str] = field(default_factory=dict)

    def pushes(self, action_type: str) -> bool:
        """Whether actions of this type are sent to targets, instead of waiting for a reader."""
        return self.deliver.get(action_type, self.deliver.get("*")) == "push"

    @cached_property
    def owners_by_crm_id(self) -> Mapping[str, Sequence[Owner]]:
        """The owners with each CRM id, as such ids are compared."""
        found: dict[str, list[Owner]] = {}
        for owner in self.owners.values():
            for key in {crm_id_key(id_) for id_ in owner.crm.values()}:
                found.setdefault(key, []).append(owner)
        return found

    def owner_by_crm_id(self, id_: str, kind: str | None = None) -> Owner | None:
        """The only owner with an id of a CRM, in whatever form it is written; None for none or several.

        With the `kind` of the CRM, owners who have the id there come first, and those with another id there
        do not count.
        """
        key = crm_id_key(id_)
        found = self.owners_by_crm_id.get(key, ())
        if kind is not None:
            exact = [each for each in found if crm_id_key(each.crm.get(kind, "")) == key]
            found = exact or [each for each in found if kind not in each.crm]
        return found[0] if len(found) == 1 else None

    def teams_of(self, owner: str) -> list[str]:
        """The teams that the owner is a member of."""
        return [team.id for team in self.teams.values() if team.member(owner) is not None]
