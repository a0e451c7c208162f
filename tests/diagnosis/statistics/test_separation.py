"""How well a score separates, by hand."""

from collections.abc import Iterable

import pytest

from app.diagnosis.statistics.separation import (
    Outcomes,
    area,
    best_threshold,
    brier,
    deciles,
    threshold,
)


def counted(won: Iterable[float], lost: Iterable[float]) -> dict[float, Outcomes]:
    """Counts by score."""
    won, lost = list(won), list(lost)
    return {score: Outcomes(won.count(score), lost.count(score)) for score in {*won, *lost}}


@pytest.mark.parametrize(
    ("won", "lost", "expected"),
    [
        ((0.9, 0.7, 0.2), (0.8, 0.4, 0.3), 5 / 9),
        ((0.8, 0.6), (0.8, 0.4, 0.4), 4.5 / 6),
        ((2, 3), (0, 1), 1.0),
        ((0, 1), (2, 3), 0.0),
        ((5, 5, 5), (5, 5), 0.5),
        # 30 beats 10 and 20 and half of 30; 20 beats 10 and half of 20: 4 of 6.
        ((30, 20), (10, 20, 30), 4 / 6),
    ],
    ids=["no tie", "a tie", "perfect", "inverted", "all equal", "two ties"],
)
def test_area_counts_pairs_and_half_a_tie(
    won: tuple[float, ...], lost: tuple[float, ...], expected: float
) -> None:
    found = area(counted(won, lost))
    assert found is not None
    assert found.value == pytest.approx(expected, abs=1e-15)


@pytest.mark.parametrize(("won", "lost"), [((0.9, 0.2), ()), ((), (0.1,)), ((), ())])
def test_no_area_of_one_class(won: tuple[float, ...], lost: tuple[float, ...]) -> None:
    assert area(counted(won, lost)) is None


def test_error_of_the_area_is_that_of_delong() -> None:
    """Parts of the others that each beats or is beaten by: 1, 2/3, 0 and 1/3, 2/3, 2/3. Means: 5/9."""
    found = area(counted((0.9, 0.7, 0.2), (0.8, 0.4, 0.3)))
    assert found is not None
    assert found.error**2 == pytest.approx((7 / 27 + 1 / 27) / 3)
    assert found.interval == pytest.approx((0.0, 1.0), abs=0.07)


def test_brier_by_hand() -> None:
    assert brier(counted((0.9, 0.7, 0.2), (0.8, 0.4, 0.3))) == pytest.approx(1.63 / 6)
    assert brier(counted((1.0,), (0.0,))) == 0


@pytest.mark.parametrize("score", [-0.1, 1.1, 40])
def test_no_brier_of_points(score: float) -> None:
    assert brier(counted((score,), (0.5,))) is None


def test_deciles_are_of_equal_size_and_their_lift_averages_to_one() -> None:
    found = deciles({float(score): Outcomes(int(score >= 80), int(score < 80)) for score in range(100)})
    assert [each.leads for each in found] == [10] * 10
    assert [each.lift for each in found] == pytest.approx([0] * 8 + [5] * 2)
    assert (found[0].lowest, found[0].highest, found[-1].highest) == (0, 9, 99)


def test_equal_scores_stay_in_one_slice() -> None:
    found = deciles({0.0: Outcomes(2, 38), 1.0: Outcomes(18, 42)})
    assert [(each.leads, each.won) for each in found] == [(40, 2), (60, 18)]
    assert found[1].lift == pytest.approx(0.3 / 0.2)


def test_threshold_is_where_the_shares_are_farthest_apart() -> None:
    by_score = counted((9, 8, 7, 3), (8, 4, 3, 2, 1))
    assert best_threshold(by_score) == 7, "3 of 4 won and 1 of 5 lost are at least 7"
    found = threshold(by_score, counted((9, 6), (7, 5)))
    assert found is not None
    assert (found.score, found.above, found.below) == (7, Outcomes(1, 1), Outcomes(1, 1))


def test_no_threshold_where_high_scores_are_no_better() -> None:
    assert best_threshold(counted((1, 2), (3, 4))) is None
    assert best_threshold(counted((1, 1), (1,))) is None
