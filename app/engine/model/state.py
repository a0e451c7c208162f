"""What decisions change: balances, turns and loads.

A `State` changes only when a decision is applied (`apply_decision`) or the directory is edited. Each commit
group writes the entries it changed to the journal (`to_json`), and `apply_delta` reads them in order.
"""

from collections import defaultdict
from collections.abc import Generator, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta, tzinfo
from typing import Any, TypeVar

from app.engine.lookup.tables import NO_TABLES, Tables
from app.engine.model.accounts import AccountMatch
from app.engine.model.decision import BacklogRelease, Decision, LedgerEntry, PriorAssignment
from app.engine.model.directory import Caps, Directory, Owner
from app.engine.model.steps import at_once, counted, emptied_in_steps

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
Value = TypeVar("Value")


def _ticks(at: datetime) -> int:
    return (at - EPOCH) // _MICROSECOND


def _instant(ticks: int) -> datetime:
    return EPOCH + ticks * _MICROSECOND


TURNS_OF_CAUSE = {"turn": 1, "refund": -1, "taken_away": -1, "refund_reversed": 1}
"""How a row of the ledger changes the turns of its chosen member, by its cause."""


@dataclass(slots=True)
class Balance:
    """A member's fair-share balance in units of `fair_share.LEAD_UNITS`, and the turns they have taken.

    Refunded turns are taken off. `since` is the number of the ledger's last row when the member joined: they
    have been a member without a break since every later row.
    """

    balance: int = 0
    turns: int = 0
    since: int = 0

    def to_json(self) -> list[int]:
        """The stored row."""
        row = [self.balance, self.turns]
        return [*row, self.since] if self.since else row

    @classmethod
    def from_json(cls, row: Sequence[int]) -> "Balance":
        """A balance out of its stored row."""
        return cls(*row)


@dataclass(slots=True)
class Load:
    """The leads of an owner. Days and weeks are those of the owner's time zone.

    `last` orders owners by their newest lead. It is the lead's time, moved on when one commit group assigns
    several leads at the same time. `recent` lists the times inside the longest rolling window, oldest first.
    """

    open: int = 0
    day: int = 0
    today: int = 0
    week: int = 0
    this_week: int = 0
    last: int = 0
    recent: list[int] = field(default_factory=list)

    def on_day(self, day: date) -> int:
        """Leads counted on this local day."""
        return self.today if self.day == day.toordinal() else 0

    def in_week(self, monday: date) -> int:
        """Leads counted in the local ISO week that begins on this Monday."""
        return self.this_week if self.week == monday.toordinal() else 0

    def uncount(self, owner: Owner, at: datetime) -> None:
        """Take a lead that was counted at `at` out of its day, its week and the rolling windows."""
        day = at.astimezone(owner.zone).date()
        monday = day - timedelta(days=day.weekday())
        self.today = max(0, self.today - (self.day == day.toordinal()))
        self.this_week = max(0, self.this_week - (self.week == monday.toordinal()))
        if _ticks(at) in self.recent:
            self.recent.remove(_ticks(at))

    def since(self, start: datetime) -> list[datetime]:
        """The times of leads counted after `start`, oldest first. `start` itself is excluded."""
        ticks = _ticks(start)
        return [_instant(at) for at in self.recent if at > ticks]

    def take(self, owner: Owner, caps: Caps | None, now: datetime, last: int | None = None) -> None:
        """Count one more lead at `now`, which may be earlier than leads already counted.

        `last` is the lead's place in the order, if it is not its time.
        """
        self.count(owner, caps, now)
        self.open += 1
        self.last = max(self.last, _ticks(now)) if last is None else last

    def count(self, owner: Owner, caps: Caps | None, now: datetime) -> None:
        """Count a lead in its day, its week and the rolling windows."""
        today = now.astimezone(owner.zone).date()
        monday = (today - timedelta(days=today.weekday())).toordinal()
        if today.toordinal() >= self.day:
            self.day, self.today = today.toordinal(), self.on_day(today) + 1
        if monday >= self.week:
            self.week, self.this_week = monday, self.this_week + 1 if self.week == monday else 1
        ticks = _ticks(now)
        if caps is not None and caps.rolling:
            times = sorted([*self.recent, ticks])
            oldest = times[-1] - caps.longest_window() // _MICROSECOND
            self.recent = [at for at in times if at > oldest]

    def rewind(self, zone: tzinfo, at: datetime) -> None:
        """Uncount what was counted in days and weeks after `at`. Open leads stay."""
        today = at.astimezone(zone).date()
        if self.day > today.toordinal():
            self.day = self.today = 0
        if self.week > (today - timedelta(days=today.weekday())).toordinal():
            self.week = self.this_week = 0
        self.recent = [each for each in self.recent if each <= _ticks(at)]

    def to_json(self) -> list[Any]:
        """The stored row."""
        return [self.open, self.day, self.today, self.week, self.this_week, self.last, self.recent]

    @classmethod
    def from_json(cls, row: Sequence[Any]) -> "Load":
        """A load out of its stored row."""
        still_open, day, today, week, this_week, last, recent = row
        return cls(
            open=still_open, day=day, today=today, week=week, this_week=this_week, last=last, recent=recent
        )


@dataclass(slots=True)
class Backlog:
    """What the members of a team got of the leads that waited when its first shift began, at `shift`."""

    shift: int
    got: dict[str, int] = field(default_factory=dict)

    def to_json(self) -> list[Any]:
        """The stored row."""
        return [self.shift, self.got]

    @classmethod
    def from_json(cls, row: Sequence[Any]) -> "Backlog":
        """A backlog out of its stored row."""
        shift, got = row
        return cls(shift, dict(got))


@dataclass(slots=True)
class StateKeys:
    """Names entries of a state: members by team, owners, teams of the ledger, and owners with refunds."""

    balances: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    loads: set[str] = field(default_factory=set)
    member_loads: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    ledger: set[str] = field(default_factory=set)
    refunds: set[str] = field(default_factory=set)
    backlogs: set[str] = field(default_factory=set)

    def __bool__(self) -> bool:
        counted = self.balances or self.loads or self.member_loads or self.ledger
        return bool(counted or self.refunds or self.backlogs)

    def size(self) -> int:
        """How many balances and loads are named: nearly all that a state has."""
        members = (*self.balances.values(), *self.member_loads.values())
        return len(self.loads) + sum(len(each) for each in members)


@dataclass(slots=True)
class State:
    """The fairness state of one workspace.

    `refunds` has for each owner their last day with a refund, as an ordinal, and the refunds of that day.
    `touched` names the entries that changed since they were last written. `newest` is the greatest `last` of
    any load.
    """

    balances: dict[str, dict[str, Balance]] = field(default_factory=dict)
    loads: dict[str, Load] = field(default_factory=dict)
    member_loads: dict[str, dict[str, Load]] = field(default_factory=dict)
    ledger: dict[str, int] = field(default_factory=dict)
    refunds: dict[str, tuple[int, int]] = field(default_factory=dict)
    touched: StateKeys = field(default_factory=StateKeys)
    newest: int = 0
    backlogs: dict[str, Backlog] = field(default_factory=dict)

    def size(self) -> int:
        """How many balances and loads there are: nearly all of it."""
        balances = sum(len(members) for members in self.balances.values())
        return len(self.loads) + balances + sum(len(members) for members in self.member_loads.values())

    def balance(self, team: str, owner: str) -> Balance:
        """The balance of a member; zero for one who was never counted."""
        return self.balances.get(team, {}).get(owner) or Balance()

    def load(self, owner: str) -> Load:
        """The load of an owner."""
        return self.loads.get(owner) or Load()

    def member_load(self, team: str, owner: str) -> Load:
        """The load of a member through this team. It is kept only for members with their own caps."""
        return self.member_loads.get(team, {}).get(owner) or Load()

    def enter(self, turn: LedgerEntry) -> int:
        """Add a row to the ledger. Returns its number within the team."""
        team = self.balances.setdefault(turn.team, {})
        for owner, change in turn.changes.items():
            balance = team.setdefault(owner, Balance())
            balance.balance += change
        self.touched.balances[turn.team].update(turn.changes)
        if turn.chosen:
            team[turn.chosen].turns += TURNS_OF_CAUSE.get(turn.cause, 0)
        number = self.ledger.get(turn.team, 0) + 1
        self.ledger[turn.team] = number
        self.touched.ledger.add(turn.team)
        return number

    def take(
        self, directory: Directory, owner: Owner, team: str | None, now: datetime, *, past: bool = False
    ) -> None:
        """Count a lead for its new owner, and for the member if the team gives them their own caps.

        A lead owned since a `past` moment does not change who has waited longest.
        """
        self.newest = max(_ticks(now), self.newest + (not past))
        last = None if past else self.newest
        self.loads.setdefault(owner.id, Load()).take(owner, owner.caps, now, last)
        self.touched.loads.add(owner.id)
        caps = _member_caps(directory, team, owner.id)
        if team is not None and caps is not None:
            places = self.member_loads.setdefault(team, {})
            places.setdefault(owner.id, Load()).take(owner, caps, now)
            self.touched.member_loads[team].add(owner.id)

    def free(self, owner: str, team: str | None) -> None:
        """Free the open place of a lead that ended or went to another owner."""
        load = self.loads.get(owner)
        if load is not None:
            load.open = max(0, load.open - 1)
            self.touched.loads.add(owner)
        place = self.member_loads.get(team or "", {}).get(owner)
        if team is not None and place is not None:
            place.open = max(0, place.open - 1)
            self.touched.member_loads[team].add(owner)

    def join(self, team: str, owner: str) -> None:
        """The owner becomes a member who takes turns: nothing earlier in the ledger is about them."""
        number = self.ledger.get(team, 0)
        if number:
            self.balances.setdefault(team, {}).setdefault(owner, Balance()).since = number
            self.touched.balances[team].add(owner)

    def refunds_on(self, owner: str, day: date) -> int:
        """How many refunds the owner got on this local day."""
        last, count = self.refunds.get(owner, (0, 0))
        return count if last == day.toordinal() else 0

    def add_refund(self, owner: str, day: date) -> None:
        """Count one more refund of the owner on this local day."""
        self.refunds[owner] = (day.toordinal(), self.refunds_on(owner, day) + 1)
        self.touched.refunds.add(owner)

    def recount(
        self, directory: Directory, owner: Owner, team: str | None, at: datetime, *, counts: bool
    ) -> None:
        """Say whether a lead that the owner got at `at` counts in days, weeks and rolling windows.

        Its open place is another matter (`free`).
        """
        places = [(self.loads.get(owner.id), owner.caps)]
        self.touched.loads.update({owner.id} & self.loads.keys())
        place = self.member_loads.get(team or "", {}).get(owner.id)
        if team is not None and place is not None:
            places.append((place, _member_caps(directory, team, owner.id)))
            self.touched.member_loads[team].add(owner.id)
        for load, caps in places:
            if load is not None and counts:
                load.count(owner, caps, at)
            elif load is not None:
                load.uncount(owner, at)

    def shares_taken(self, team: str, shift: int) -> Mapping[str, int]:
        """What each member got of the backlog of this shift."""
        backlog = self.backlogs.get(team)
        return backlog.got if backlog is not None and backlog.shift == shift else {}

    def take_share(self, release: BacklogRelease, owner: str) -> None:
        """Count a released lead. Nothing is counted any more once nothing waits."""
        got = {**self.shares_taken(release.team, release.shift)}
        got[owner] = got.get(owner, 0) + 1
        _put(self.backlogs, release.team, Backlog(release.shift, got) if release.left > 0 else None)
        self.touched.backlogs.add(release.team)

    def rewind(self, directory: Directory, at: datetime) -> None:
        """Uncount what owners got in days and weeks after `at`. Balances and open leads stay."""
        places = [(self.loads, self.touched.loads)]
        places += [(loads, self.touched.member_loads[team]) for team, loads in self.member_loads.items()]
        for loads, touched in places:
            for owner, load in loads.items():
                known = directory.owners.get(owner)
                load.rewind(known.zone if known else UTC, at)
                touched.add(owner)

    def set_load(self, owner: str, team: str | None, load: Load | None) -> None:
        """Replace a load with a recounted one. None removes it."""
        if team is None:
            _put(self.loads, owner, load)
            self.touched.loads.add(owner)
        else:
            _put(self.member_loads.setdefault(team, {}), owner, load)
            self.touched.member_loads[team].add(owner)

    def to_json(self, keys: StateKeys | None = None) -> dict[str, Any]:
        """These entries, or all of them, for `apply_delta` to read. An entry that is gone is null."""
        return at_once(self.to_json_in_steps(keys))

    def to_json_in_steps(self, keys: StateKeys | None = None) -> Generator[None, None, dict[str, Any]]:
        """The same in steps: a large team changes a thousand balances, and all of it can be megabytes."""
        wanted = self._all() if keys is None else keys
        rows: dict[str, Any] = {}
        if wanted.balances:
            rows["standing"] = yield from _rows_of_teams(self.balances, wanted.balances)
        if wanted.loads:
            rows["load"] = yield from _rows(self.loads, wanted.loads)
        if wanted.member_loads:
            rows["member_load"] = yield from _rows_of_teams(self.member_loads, wanted.member_loads)
        if wanted.ledger:
            rows["ledger"] = {team: self.ledger[team] for team in wanted.ledger}
        if wanted.refunds:
            rows["refunds"] = {owner: self.refunds[owner] for owner in wanted.refunds}
        if wanted.backlogs:
            found = {team: self.backlogs.get(team) for team in sorted(wanted.backlogs)}
            rows["backlog"] = {team: each.to_json() if each else None for team, each in found.items()}
        return rows

    def apply_delta(self, rows: Mapping[str, Any]) -> None:
        """Apply the entries that a commit group changed. A null removes the entry."""
        at_once(self.apply_in_steps(rows))

    def apply_in_steps(self, rows: Mapping[str, Any]) -> Generator[None, None, None]:
        """The same in steps."""
        for team, members in rows.get("standing", {}).items():
            kept = self.balances.setdefault(team, {})
            for (owner, row), ends_step in counted(members.items()):
                _put(kept, owner, row and Balance.from_json(row))
                if ends_step:
                    yield
            yield
        for (owner, row), ends_step in counted(rows.get("load", {}).items()):
            load = row and Load.from_json(row)
            _put(self.loads, owner, load)
            self.newest = max(self.newest, load.last if load else 0)
            if ends_step:
                yield
        for team, members in rows.get("member_load", {}).items():
            places = self.member_loads.setdefault(team, {})
            for (owner, row), ends_step in counted(members.items()):
                _put(places, owner, row and Load.from_json(row))
                if ends_step:
                    yield
            yield
        self.ledger.update(rows.get("ledger", {}))
        self.refunds |= {owner: (day, count) for owner, (day, count) in rows.get("refunds", {}).items()}
        for team, row in rows.get("backlog", {}).items():
            _put(self.backlogs, team, row and Backlog.from_json(row))

    def emptied_in_steps(self) -> Generator[None, None, None]:
        """Empty a state that nobody needs any more."""
        for entries in (self.balances, self.loads, self.member_loads):
            yield from emptied_in_steps(entries)

    def _all(self) -> StateKeys:
        return StateKeys(
            {team: set(members) for team, members in self.balances.items()},
            set(self.loads),
            {team: set(members) for team, members in self.member_loads.items()},
            set(self.ledger),
            set(self.refunds),
            set(self.backlogs),
        )


@dataclass(frozen=True, slots=True)
class Facts:
    """What a decision is made from, besides the request and the plan.

    `decide` copies `account` from the request for the steps to see, and `prior` for product steps.
    """

    now: datetime
    directory: Directory
    state: State
    account: AccountMatch | None = None
    prior: PriorAssignment | None = None
    tables: Tables = NO_TABLES


def apply_decision(
    state: State, directory: Directory, decision: Decision, now: datetime, *, past: bool = False
) -> int | None:
    """Apply a decision: its turn and its load. Returns the number of the turn within the team."""
    number = state.enter(decision.turn) if decision.turn else None
    if decision.counts_toward_load and decision.owner is not None:
        state.take(directory, decision.owner, decision.team, now, past=past)
        if decision.backlog is not None:
            state.take_share(decision.backlog, decision.owner.id)
    return number


def _rows_of_teams(
    entries: Mapping[str, Mapping[str, Balance | Load]], wanted: Mapping[str, Iterable[str]]
) -> Generator[None, None, dict[str, Any]]:
    rows: dict[str, Any] = {}
    for team, owners in wanted.items():
        rows[team] = yield from _rows(entries.get(team, {}), owners)
        yield
    return rows


def _rows(
    entries: Mapping[str, Balance | Load], wanted: Iterable[str]
) -> Generator[None, None, dict[str, Any]]:
    rows: dict[str, Any] = {}
    for owner, ends_step in counted(wanted):
        rows[owner] = entry.to_json() if (entry := entries.get(owner)) else None
        if ends_step:
            yield
    return rows


def _put(entries: dict[str, Value], key: str, value: Value | None) -> None:
    if value is None:
        entries.pop(key, None)
    else:
        entries[key] = value


def _member_caps(directory: Directory, team: str | None, owner: str) -> Caps | None:
    if team is None or team not in directory.teams:
        return None
    member = directory.teams[team].member(owner)
    return member.caps if member is not None else None
