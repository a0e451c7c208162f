"""The share due, received, and the causes of the difference, turn by turn."""

from collections import Counter
from collections.abc import Mapping
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.engine.selection.fair_share import LEAD_UNITS, next_in_turn, turn_of
from app.reports.shares import (
    CAUSE_OF_CODE,
    DUE,
    RECEIVED,
    REFUNDS,
    UNKNOWN,
    Part,
    parts_of_entry,
    parts_of_turn,
)


class Team:
    """A team whose turns are taken as the ledger does, and split."""

    def __init__(self, **weights: int) -> None:
        self.weights = weights
        self.balances = dict.fromkeys(weights, 0)
        self.sums: Counter[tuple[str, str]] = Counter()
        self.order: list[str] = []

    def turn(self, **refused: str) -> dict[str, int]:
        """One lead, for which these members are refused."""
        eligible = [owner for owner in self.weights if owner not in refused]
        chosen, amounts = next_in_turn(
            [self.weights[owner] for owner in eligible], [self.balances[owner] for owner in eligible]
        )
        changes = dict(zip(eligible, amounts, strict=True))
        self.enter(changes, parts_of_turn(changes, eligible[chosen], self.weights, refused))
        self.order.append(eligible[chosen])
        return changes

    def enter(self, changes: Mapping[str, int], parts: list[Part]) -> None:
        """Add a row of the ledger and its parts."""
        balances: Counter[str] = Counter()
        for owner, column, amount in parts:
            balances[owner] += -amount if column == RECEIVED else amount
        assert {owner: change for owner, change in balances.items() if change} == {
            owner: change for owner, change in changes.items() if change
        }
        for owner, change in changes.items():
            self.balances[owner] += change
        for owner, column, amount in parts:
            self.sums[owner, column] += amount

    def leads(self, column: str) -> list[float]:
        """A column in whole leads, printed to six places."""
        return [round(self.sums[owner, column] / LEAD_UNITS, 6) for owner in self.weights]


def test_a_member_who_is_absent_loses_their_share_to_the_others() -> None:
    team = Team(ana=1, ben=1, eve=1)
    for _ in range(3):
        team.turn(ana="absent")
    for _ in range(6):
        team.turn()
    assert "".join(owner[0] for owner in team.order) == "bebeabeab"
    assert team.leads(DUE) == [3, 3, 3]
    assert team.leads("absent") == [-1, 0.5, 0.5]
    assert team.leads(RECEIVED) == [2, 4, 3]


def test_two_causes_in_one_turn_share_what_the_others_gain() -> None:
    # Of 10 by weight, 2 are absent, 3 at their cap. The others gain half a lead, 2:3 by cause, 1:4 by weight.
    team = Team(ana=2, ben=3, cai=1, dan=4)
    team.turn(ana="absent", ben="cap_day")
    assert team.leads(DUE) == [0.2, 0.3, 0.1, 0.4]
    assert team.leads("absent") == [-0.2, 0, 0.04, 0.16]
    assert team.leads("cap") == [0, -0.3, 0.06, 0.24]


def test_a_refund_is_a_cause_and_no_lead() -> None:
    team = Team(ana=1, ben=1)
    turns = [team.turn() for _ in range(4)]
    refund = {owner: -change for owner, change in turns[1].items()}
    team.enter(refund, parts_of_entry("refund", refund))
    given_back = team.order[1]
    other = "ana" if given_back == "ben" else "ben"
    assert team.leads(DUE) == [2, 2]
    assert team.leads(RECEIVED) == [2, 2]
    assert team.sums[given_back, REFUNDS] == LEAD_UNITS // 2 == team.balances[given_back]
    assert team.sums[other, REFUNDS] == -LEAD_UNITS // 2 == team.balances[other]


def test_without_weights_the_ledger_alone_counts() -> None:
    parts = parts_of_turn(turn_of("ben", {"ben": 1, "eve": 1}), "ben", None, {})
    assert parts == [
        Part("ben", DUE, LEAD_UNITS // 2),
        Part("eve", DUE, LEAD_UNITS // 2),
        Part("ben", RECEIVED, LEAD_UNITS),
    ]


def test_a_member_without_a_code_is_unknown() -> None:
    parts = parts_of_turn({"ben": 0}, "ben", {"ana": 1, "ben": 1}, {})
    half = LEAD_UNITS // 2
    assert Part("ana", UNKNOWN, -half) in parts
    assert Part("ben", UNKNOWN, half) in parts


CODES = st.one_of(st.none(), st.sampled_from([*CAUSE_OF_CODE, "a code of another engine"]))
MEMBERS = st.lists(st.tuples(st.integers(1, 1_000_000), CODES), min_size=1, max_size=9)


@given(st.lists(MEMBERS, min_size=1, max_size=20))
def test_every_cause_sums_to_zero_and_every_member_to_the_ledger(
    turns: list[list[tuple[int, str | None]]],
) -> None:
    for members in turns:
        weights = {f"m{at}": weight for at, (weight, _) in enumerate(members)}
        refused = {f"m{at}": code for at, (_, code) in enumerate(members) if code is not None}
        if len(refused) == len(weights):
            refused.popitem()
        team = Team(**weights)
        team.turn(**refused)
        columns = {column for _, column in team.sums}
        for column in columns - {DUE, RECEIVED}:
            assert sum(team.sums[owner, column] for owner in weights) == 0
        assert sum(team.sums[owner, DUE] for owner in weights) == LEAD_UNITS
        _assert_near_the_fractions(team, weights, refused)


def _assert_near_the_fractions(team: Team, weights: Mapping[str, int], refused: Mapping[str, str]) -> None:
    """The integers are those of exact fractions, up to what does not divide."""
    total, slack = sum(weights.values()), 2 * len(weights) + 2
    able = total - sum(weights[owner] for owner in refused)
    lost: Counter[str] = Counter()
    for owner, code in refused.items():
        lost[CAUSE_OF_CODE.get(code, UNKNOWN)] += weights[owner]
    for owner, weight in weights.items():
        assert abs(team.sums[owner, DUE] - Fraction(LEAD_UNITS * weight, total)) <= slack
        for cause, part in lost.items():
            moved = Fraction(part * weight, able)
            if owner in refused:
                moved = Fraction(-weight if cause == CAUSE_OF_CODE.get(refused[owner], UNKNOWN) else 0)
            assert abs(team.sums[owner, cause] - LEAD_UNITS * moved / total) <= slack


@pytest.mark.parametrize("cause", ["refund", "taken_away", "refund_reversed"])
def test_what_gives_a_turn_back_or_takes_it_again_is_a_refund(cause: str) -> None:
    assert parts_of_entry(cause, {"ana": 5, "ben": -5, "eve": 0}) == [
        Part("ana", REFUNDS, 5),
        Part("ben", REFUNDS, -5),
    ]
