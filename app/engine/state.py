"""What decisions change: balances, turns and loads, and how that is written down and read again.

A `State` is changed only by `apply`, after a decision has been made from it. Between two passes it is
carried by the journal: each pass writes the entries it touched, and `absorb` reads them in order.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any, TypeVar

from app.engine.model import Caps, Decision, Directory, Owner, Turn

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
Value = TypeVar("Value")


def _ticks(at: datetime) -> int:
    return (at - EPOCH) // _MICROSECOND


def _instant(ticks: int) -> datetime:
    return EPOCH + ticks * _MICROSECOND


@dataclass(slots=True)
class Standing:
    """A member's place in his team: balance in units of `turns.LEAD`, and turns taken."""

    balance: int = 0
    turns: int = 0


@dataclass(slots=True)
class Load:
    """What an owner carries. Days and weeks are the owner's own, held with the day they count for.

    `recent` lists, oldest first, the times inside the longest rolling window; empty without one.
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

    def since(self, start: datetime) -> list[datetime]:
        """Times of the leads counted after `start`, oldest first; `start` itself is outside."""
        ticks = _ticks(start)
        return [_instant(at) for at in self.recent if at > ticks]

    def take(self, owner: Owner, caps: Caps | None, now: datetime) -> None:
        """Count one more lead at `now`."""
        today = now.astimezone(owner.zone).date()
        monday = (today - timedelta(days=today.weekday())).toordinal()
        self.today = self.on_day(today) + 1
        self.this_week = self.this_week + 1 if self.week == monday else 1
        self.day, self.week = today.toordinal(), monday
        self.open += 1
        self.last = _ticks(now)
        if caps is not None and caps.rolling:
            oldest = _ticks(now - caps.longest_window())
            self.recent = [at for at in self.recent if at > oldest] + [self.last]

    def written(self) -> list[Any]:
        """The row that `Load(*row)` reads again."""
        return [self.open, self.day, self.today, self.week, self.this_week, self.last, self.recent]


@dataclass(slots=True)
class State:
    """The fairness state of one workspace. `at` is the time of its newest pass."""

    standings: dict[str, dict[str, Standing]] = field(default_factory=dict)
    loads: dict[str, Load] = field(default_factory=dict)
    member_loads: dict[str, dict[str, Load]] = field(default_factory=dict)
    ledger: dict[str, int] = field(default_factory=dict)
    touched: set[tuple[str, str, str]] = field(default_factory=set)

    def standing(self, team: str, owner: str) -> Standing:
        """How a member stands; one who has never been counted stands at zero."""
        return self.standings.get(team, {}).get(owner) or Standing()

    def load(self, owner: str) -> Load:
        """What an owner carries."""
        return self.loads.get(owner) or Load()

    def member_load(self, team: str, owner: str) -> Load:
        """What came to a member through this team; kept only for members with caps of their own."""
        return self.member_loads.get(team, {}).get(owner) or Load()

    def enter(self, turn: Turn) -> int:
        """Book one row of the ledger; the answer is its number within the team."""
        team = self.standings.setdefault(turn.team, {})
        for owner, change in turn.changes.items():
            standing = team.setdefault(owner, Standing())
            standing.balance += change
            self.touched.add(("standing", turn.team, owner))
        if turn.cause == "turn" and turn.chosen:
            team[turn.chosen].turns += 1
        number = self.ledger.get(turn.team, 0) + 1
        self.ledger[turn.team] = number
        self.touched.add(("ledger", turn.team, ""))
        return number

    def take(self, directory: Directory, owner: Owner, team: str | None, now: datetime) -> None:
        """Count a lead for its new owner, and for his place in the team that has caps of its own."""
        self.loads.setdefault(owner.id, Load()).take(owner, owner.caps, now)
        self.touched.add(("load", owner.id, ""))
        caps = _member_caps(directory, team, owner.id)
        if team is not None and caps is not None:
            places = self.member_loads.setdefault(team, {})
            places.setdefault(owner.id, Load()).take(owner, caps, now)
            self.touched.add(("member_load", team, owner.id))

    def free(self, owner: str, team: str | None) -> None:
        """Give back the open place of a lead that ended or moved on."""
        load = self.loads.get(owner)
        if load is not None:
            load.open = max(0, load.open - 1)
            self.touched.add(("load", owner, ""))
        place = self.member_loads.get(team or "", {}).get(owner)
        if team is not None and place is not None:
            place.open = max(0, place.open - 1)
            self.touched.add(("member_load", team, owner))

    def set_load(self, owner: str, team: str | None, load: Load | None) -> None:
        """Put a load counted anew in place of what was known; None forgets it."""
        if team is None:
            _put(self.loads, owner, load)
            self.touched.add(("load", owner, ""))
        else:
            _put(self.member_loads.setdefault(team, {}), owner, load)
            self.touched.add(("member_load", team, owner))

    def written(self, entries: Iterable[tuple[str, str, str]] | None = None) -> dict[str, Any]:
        """The named entries, or all, as plain JSON values that `absorb` reads again."""
        chosen = self._all() if entries is None else entries
        rows: dict[str, Any] = {}
        for kind, first, second in sorted(chosen):
            value = self._value(kind, first, second)
            target = rows.setdefault(kind, {})
            if second:
                target.setdefault(first, {})[second] = value
            else:
                target[first] = value
        return rows

    def absorb(self, rows: Mapping[str, Any]) -> None:
        """Read what a pass wrote. A null removes the entry, so that what was deleted stays deleted."""
        for team, members in rows.get("standing", {}).items():
            kept = self.standings.setdefault(team, {})
            for owner, row in members.items():
                _put(kept, owner, row and Standing(*row))
        for owner, row in rows.get("load", {}).items():
            _put(self.loads, owner, row and Load(*row))
        for team, members in rows.get("member_load", {}).items():
            places = self.member_loads.setdefault(team, {})
            for owner, row in members.items():
                _put(places, owner, row and Load(*row))
        self.ledger.update(rows.get("ledger", {}))

    def holds(self, kind: str, first: str, second: str) -> bool:
        """Whether there is such an entry."""
        return self._value(kind, first, second) is not None

    def _all(self) -> Iterable[tuple[str, str, str]]:
        yield from (("standing", team, owner) for team, all_ in self.standings.items() for owner in all_)
        yield from (("load", owner, "") for owner in self.loads)
        yield from (
            ("member_load", team, owner) for team, all_ in self.member_loads.items() for owner in all_
        )
        yield from (("ledger", team, "") for team in self.ledger)

    def _value(self, kind: str, first: str, second: str) -> Any:
        if kind == "ledger":
            return self.ledger[first]
        if kind == "standing":
            standing = self.standings.get(first, {}).get(second)
            return standing and [standing.balance, standing.turns]
        load = self.loads.get(first) if kind == "load" else self.member_loads.get(first, {}).get(second)
        return load and load.written()


@dataclass(frozen=True, slots=True)
class Facts:
    """What a decision is made from besides the question and the plan."""

    now: datetime
    directory: Directory
    state: State


def apply(state: State, directory: Directory, decision: Decision, now: datetime) -> int | None:
    """Book a decision: its turn, its load. The answer is the turn's number within the team."""
    number = state.enter(decision.turn) if decision.turn else None
    if decision.counts and decision.owner is not None:
        state.take(directory, decision.owner, decision.team, now)
    return number


def _put(entries: dict[str, Value], key: str, value: Value | None) -> None:
    if value is None:
        entries.pop(key, None)
    else:
        entries[key] = value


def _member_caps(directory: Directory, team: str | None, owner: str) -> Caps | None:
    if team is None or team not in directory.teams:
        return None
    return next((member.caps for member in directory.teams[team].members if member.owner == owner), None)
