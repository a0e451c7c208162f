"""Refunds: exact negatives of their turns, and a ledger that sums to zero also when members come and go."""

from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime

from hypothesis import given, settings
from hypothesis import strategies as st

from app.engine.model.decision import LedgerEntry
from app.engine.model.directory import Directory, Member, Owner, Team
from app.engine.model.state import State
from app.engine.selection.fair_share import next_in_turn
from app.engine.selection.rebalance import changed_teams, live_members, members_who_joined, rebalance_entry
from app.engine.selection.refunds import REVERSED, refund_entries

NOW = datetime(2026, 12, 1, 12, tzinfo=UTC)
NAMES = ("ana", "ben", "cem", "dia")
OWNERS = {name: Owner(name, name) for name in NAMES}
TEAM = "team"
steps = st.lists(
    st.one_of(
        st.tuples(st.just("lead"), st.integers(0, 15)),
        st.tuples(st.sampled_from(("refund", "reverse")), st.integers(0, 30)),
        st.tuples(st.just("members"), st.integers(0, 15)),
        st.tuples(st.just("weight"), st.integers(0, 11)),
    ),
    max_size=60,
)


@dataclass
class Office:
    """A team in memory, as edits and decisions change it."""

    weights: dict[str, int] = field(default_factory=lambda: dict.fromkeys(NAMES, 1000))
    state: State = field(default_factory=State)
    turns: list[tuple[LedgerEntry, int]] = field(default_factory=list)
    given_back: set[int] = field(default_factory=set)
    sums: Counter[str] = field(default_factory=Counter)
    joined: dict[str, int] = field(default_factory=dict)

    def directory(self) -> Directory:
        """The owners and the team as they are."""
        members = tuple(Member(name, weight) for name, weight in self.weights.items())
        return Directory(1, OWNERS, {TEAM: Team(TEAM, TEAM, members)})

    def enter(self, entry: LedgerEntry) -> int:
        assert sum(entry.changes.values()) == 0
        self.sums.update(entry.changes)
        return self.state.enter(entry)

    def edit(self, weights: dict[str, int]) -> None:
        """Members come and go, as an edit of the directory lets them."""
        old, self.weights = self.directory(), weights
        new = self.directory()
        for team in changed_teams(old, new):
            if (entry := rebalance_entry(team, old, new, self.state, NOW)) is not None:
                self.enter(entry)
            for owner in members_who_joined(team, old, new, NOW):
                self.state.join(team, owner)
                self.joined[owner] = self.state.ledger.get(team, 0)

    def lead(self, away: int) -> None:
        """A turn among those who are not away."""
        here = {
            name: weight
            for at, (name, weight) in enumerate(self.weights.items())
            if weight and not away >> at & 1
        }
        if not here:
            return
        balances = [self.state.balance(TEAM, name).balance for name in here]
        chosen, changes = next_in_turn(list(here.values()), balances)
        entry = LedgerEntry(TEAM, "turn", list(here)[chosen], dict(zip(here, changes, strict=True)))
        self.turns.append((entry, self.enter(entry)))

    def give_back(self, number: int, cause: str) -> None:
        """A refund of a turn, or its reversal; each only after the other."""
        if not self.turns:
            return
        at = number % len(self.turns)
        if (at in self.given_back) != (cause == REVERSED):
            return
        turn, row = self.turns[at]
        before = {name: self.state.balance(TEAM, name).balance for name in NAMES}
        first, *rest = list(refund_entries(turn, row, cause, self.state, self.directory(), NOW))
        sign = 1 if cause == REVERSED else -1
        assert dict(first.changes) == {name: sign * change for name, change in turn.changes.items()}
        assert [entry.cause for entry in rest] in ([], ["rebalanced"])
        for entry in (first, *rest):
            self.enter(entry)
        (self.given_back.discard if cause == REVERSED else self.given_back.add)(at)
        self.check_members(turn, row, first, before, bool(rest))

    def check_members(
        self, turn: LedgerEntry, row: int, first: LedgerEntry, before: dict[str, int], spread: bool
    ) -> None:
        """Without a break the refund is exact; a member who left has no balance still."""
        live = live_members(self.directory().teams[TEAM], OWNERS, NOW)
        broken = {name for name in turn.changes if name not in live or self.joined.get(name, 0) >= row}
        assert spread == any(first.changes[name] for name in broken)
        for name in NAMES:
            after = self.state.balance(TEAM, name).balance
            if name not in live:
                assert after == before[name] == 0
            elif not spread:
                assert after - before[name] == first.changes.get(name, 0)


@settings(max_examples=300)
@given(steps)
def test_refunds_keep_every_sum_at_zero_and_are_exact_without_a_break(steps: list[tuple[str, int]]) -> None:
    office = Office()
    for kind, number in steps:
        match kind:
            case "lead":
                office.lead(number)
            case "refund":
                office.give_back(number, "refund")
            case "reverse":
                office.give_back(number, REVERSED)
            case "members":
                weights = {name: 1000 for at, name in enumerate(NAMES) if number >> at & 1}
                office.edit(weights)
            case "weight":
                name = NAMES[number % 4]
                if name in office.weights:
                    office.edit({**office.weights, name: (0, 500, 2000)[number // 4]})
        live = live_members(office.directory().teams[TEAM], OWNERS, NOW)
        kept = office.state.balances.get(TEAM, {})
        assert sum(kept[name].balance for name in kept if name in live) == 0
        assert {name: balance.balance for name, balance in kept.items()} == {
            name: office.sums[name] for name in kept
        }
        taken = Counter(
            turn.chosen for at, (turn, _) in enumerate(office.turns) if at not in office.given_back
        )
        assert {name: balance.turns for name, balance in kept.items() if balance.turns} == dict(taken)
