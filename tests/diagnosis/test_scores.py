"""The figures of a score, and when nothing is said."""

from random import Random
from typing import Any

import pytest

from app.diagnosis.scores import ScoredLeads, score_figures, score_test
from app.diagnosis.statistics.separation import Outcomes


def leads(won: list[float], lost: list[float], **more: Any) -> ScoredLeads:
    """Scored leads, of which every second one is in the other half."""
    halves = [
        {score: Outcomes(part_won.count(score), part_lost.count(score)) for score in {*part_won, *part_lost}}
        for part_won, part_lost in ((won[::2], lost[::2]), (won[1::2], lost[1::2]))
    ]
    return ScoredLeads((halves[0], halves[1]), more.pop("touched", {}), **more)


@pytest.mark.parametrize(
    ("won", "lost", "reason"),
    [
        ([0.9, 0.7, 0.2], [0.8, 0.4, 0.3], "too_few"),
        ([0.9] * 30, [], "one_class"),
        ([], [0.2] * 30, "one_class"),
        ([], [], "no_outcomes"),
        ([0.9] * 19, [0.2] * 300, "too_few"),
        ([0.9] * 300, [0.2] * 19, "too_few"),
    ],
    ids=["three and three", "all won", "none won", "none", "19 won", "19 lost"],
)
def test_silent_with_a_reason(won: list[float], lost: list[float], reason: str) -> None:
    given = leads(won, lost)
    figures = score_figures(given)
    assert (figures["auc"], figures["brier"], figures["reason"]) == (None, None, reason)
    assert (figures["positives"], figures["negatives"]) == (len(won), len(lost))
    assert score_test(given, "purchase") is None


def test_figures_by_hand_with_twenty_of_each() -> None:
    """Of 20 won 15 scored 0.8 and 5 scored 0.4; of 20 lost 5 scored 0.8 and 15 scored 0.4.

    Pairs: 15 x 15 above and 15 x 5 + 5 x 15 equal, of 400: (225 + 75) / 400 = 0.75.
    Brier: (15 x 0.04 + 5 x 0.36 + 5 x 0.64 + 15 x 0.16) / 40 = 0.2.
    """
    figures = score_figures(leads([0.8] * 15 + [0.4] * 5, [0.8] * 5 + [0.4] * 15))
    assert (figures["auc"], figures["brier"], figures["reason"]) == (0.75, 0.2, None)
    assert [
        (each["lowest"], each["leads"], each["won"], each["rate"], each["lift"], each["predicted"])
        for each in figures["calibration"]
    ] == [(0.4, 20, 5, 0.25, 0.5, 0.4), (0.8, 20, 15, 0.75, 1.5, 0.8)]
    assert figures["threshold"]["score"] == 0.8


def test_points_have_no_brier() -> None:
    figures = score_figures(leads([80.0] * 20, [40.0] * 20))
    assert (figures["auc"], figures["brier"], figures["brier_reason"]) == (1.0, None, "not_probabilities")
    assert figures["calibration"][0]["predicted"] is None


def test_score_without_any_sense_is_found_and_a_good_one_is_not() -> None:
    rng = Random(11)
    random = score_test(
        leads([rng.randrange(100) for _ in range(300)], [rng.randrange(100) for _ in range(900)]),
        "purchase",
    )
    good = score_test(
        leads([rng.gauss(60, 15) for _ in range(300)], [rng.gauss(45, 15) for _ in range(900)]),
        "purchase",
    )
    assert random is not None
    assert good is not None
    assert random.worth
    assert random.p_value < 0.001
    assert not good.worth
    assert good.p_value > 0.5


@pytest.mark.parametrize(
    ("touched", "routes", "expected"),
    [
        ({10.0: Outcomes(40, 10), 90.0: Outcomes(41, 9)}, False, False),
        ({10.0: Outcomes(10, 40), 90.0: Outcomes(45, 5)}, False, True),
        ({10.0: Outcomes(1, 4), 90.0: Outcomes(5, 0)}, False, False),
        ({}, True, True),
    ],
    ids=["worked alike", "high ones worked more", "too few to say", "the plan routes by it"],
)
def test_it_says_whether_the_score_decides_what_is_worked(
    touched: dict[float, Outcomes], routes: bool, expected: bool
) -> None:
    given = leads([80.0] * 20, [40.0] * 20, touched=touched, routes_by_score=routes)
    assert score_figures(given)["score_decides_work"] is expected
