"""Fair share is exact: for any weights, no prefix is off by a lead."""

import itertools
import random
from collections.abc import Mapping
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.engine.selection.fair_share import LEAD_UNITS, next_in_turn, spread_balance

weights_of_teams = st.lists(st.integers(1, 1_000_000), min_size=1, max_size=12)


class Office:
    """A team in memory: its present members, their balances, and the owner of each lead."""

    def __init__(self, weights: Mapping[str, int]) -> None:
        self.weights = dict(weights)
        self.balances = dict.fromkeys(weights, 0)
        self.chosen: list[str] = []

    def lead(self, *away: str) -> str:
        """One lead comes while these are away."""
        here = [name for name in self.weights if name not in away]
        at, changes = next_in_turn(
            [self.weights[name] for name in here], [self.balances[name] for name in here]
        )
        for name, change in zip(here, changes, strict=True):
            self.balances[name] += change
        self.chosen.append(here[at])
        return here[at]

    def leave(self, name: str) -> None:
        """A member leaves, and the others take over their balance."""
        balance = self.balances.pop(name)
        del self.weights[name]
        changes = spread_balance(balance, self.weights)
        assert sum(changes.values()) == balance if changes else balance == 0
        for other, change in changes.items():
            self.balances[other] += change


def names(weights: list[int]) -> dict[str, int]:
    return {f"rep{at}": weight for at, weight in enumerate(weights)}


@settings(deadline=None, max_examples=150)
@given(weights_of_teams, st.integers(1, 250))
def test_every_prefix_is_within_tijdemans_bound(weights: list[int], leads: int) -> None:
    office, total, members = Office(names(weights)), sum(weights), len(weights)
    bound = 1 - Fraction(1, 2 * members - 2) if members > 1 else Fraction(0)
    counts = dict.fromkeys(office.weights, 0)
    for length in range(1, leads + 1):
        counts[office.lead()] += 1
        for name, weight in office.weights.items():
            # Shares are rounded down to whole units of 10^-12 lead.
            assert abs(counts[name] - Fraction(length * weight, total)) <= bound + Fraction(
                length, LEAD_UNITS
            )


@settings(deadline=None, max_examples=50)
@given(weights_of_teams)
def test_each_member_has_their_share_after_a_whole_round(weights: list[int]) -> None:
    small = [1 + weight % 9 for weight in weights]
    office = Office(names(small))
    for _ in range(3 * sum(small)):
        office.lead()
    assert {name: office.chosen.count(name) for name in office.weights} == {
        name: 3 * weight for name, weight in office.weights.items()
    }


@given(weights_of_teams, st.data())
def test_a_turn_gives_each_their_share_and_the_chosen_pays(weights: list[int], data: st.DataObject) -> None:
    balance = st.integers(-2 * LEAD_UNITS, 2 * LEAD_UNITS)
    balances = data.draw(st.lists(balance, min_size=len(weights), max_size=len(weights)))
    chosen, changes = next_in_turn(weights, balances)
    shares = [LEAD_UNITS * weight // sum(weights) for weight in weights]
    assert sum(changes) == 0
    assert changes[chosen] == shares[chosen] - sum(shares)
    assert all(
        change == share
        for at, (change, share) in enumerate(zip(changes, shares, strict=True))
        if at != chosen
    )


def test_a_turn_without_members_is_an_error() -> None:
    with pytest.raises(ValueError, match="at least one"):
        next_in_turn([], [])


@given(st.integers(-(10**15), 10**15), st.lists(st.integers(1, 1_000_000), min_size=1, max_size=12))
def test_rebalancing_spreads_exactly_the_balance_that_was_left(balance: int, weights: list[int]) -> None:
    changes = spread_balance(balance, names(weights))
    assert sum(changes.values()) == balance
    for name, weight in names(weights).items():
        assert abs(changes[name] - Fraction(balance * weight, sum(weights))) <= 1


def test_a_team_without_members_has_nothing_to_rebalance() -> None:
    assert spread_balance(0, {}) == {}


@settings(deadline=None, max_examples=100)
@given(st.data())
def test_joining_and_leaving_keep_the_sum_at_zero(data: st.DataObject) -> None:
    office = Office({"a": 3000, "b": 1000, "c": 1000})
    steps = data.draw(st.lists(st.sampled_from(["lead", "leave", "join", "weigh"]), max_size=80))
    for number, step in enumerate(steps):
        match step:
            case "lead":
                office.lead()
            case "leave" if len(office.weights) > 1:
                office.leave(data.draw(st.sampled_from(sorted(office.weights))))
            case "join":
                office.weights[f"new{number}"] = 1 + 700 * number
                office.balances[f"new{number}"] = 0
            case "weigh":
                office.weights[data.draw(st.sampled_from(sorted(office.weights)))] = 1 + 333 * number
        assert sum(office.balances.values()) == 0


@pytest.mark.parametrize("leads_away", [40, 2, 500, 0])
def test_a_member_back_from_leave_is_not_flooded(leads_away: int) -> None:
    office = Office({"a": 1, "b": 1, "c": 1})
    for _ in range(30):
        office.lead()
    for _ in range(leads_away):
        office.lead("c")
    back = [office.lead() for _ in range(30)]
    assert [back.count(name) for name in "abc"] == [10, 10, 10]
    assert all(pair != ("c", "c") for pair in itertools.pairwise(back))


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("weights", [[1] * 10, [5, 1, 1, 1, 1, 1, 1, 2, 2, 3]], ids=["equal", "weighted"])
def test_random_absences_favor_nobody(weights: list[int], seed: int) -> None:
    office, dice = Office(names(weights)), random.Random(seed)
    for _ in range(10_000):
        office.lead(f"rep{dice.randrange(10)}")
        assert max(map(abs, office.balances.values())) <= 1.5 * LEAD_UNITS


def test_equal_members_take_turns_in_the_order_of_the_team() -> None:
    office = Office({"a": 1, "b": 1, "c": 1})
    assert [office.lead() for _ in range(9)] == ["a", "b", "c"] * 3
