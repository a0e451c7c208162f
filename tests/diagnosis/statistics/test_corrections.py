"""Holm and Benjamini–Hochberg, against steps by hand and statsmodels 0.15.0 (`multipletests`)."""

import pytest

from app.diagnosis.statistics.corrections import benjamini_hochberg, holm

FLAT = (0.003, 0.011, 0.02, 0.04, 0.045, 0.2, 0.3, 0.5, 0.7, 0.9)
STEEP = (0.001, 0.008, 0.012, 0.019, 0.03, 0.2, 0.3, 0.5, 0.7, 0.9)
ON_THE_LINE = (0.005, 0.01, 0.015, 0.02, 0.025, 0.03, 0.035, 0.04, 0.045, 0.05)
"""Each is exactly at its threshold of Benjamini and Hochberg at 5 %, and only the first at that of Holm."""


@pytest.mark.parametrize(
    ("p_values", "by_holm", "by_bh"),
    [(FLAT, 1, 1), (STEEP, 1, 4), (ON_THE_LINE, 1, 10), ((0.05,), 1, 1), ((0.0501,), 0, 0), ((), 0, 0)],
    ids=["flat", "steep", "on the line", "one", "one above", "none"],
)
def test_number_that_passes_at_five_percent(p_values: tuple[float, ...], by_holm: int, by_bh: int) -> None:
    assert sum(p <= 0.05 for p in holm(p_values)) == by_holm
    assert sum(p <= 0.05 for p in benjamini_hochberg(p_values)) == by_bh


def test_adjusted_values_are_in_the_order_given() -> None:
    assert holm((0.04, 0.01, 0.03)) == pytest.approx([0.06, 0.03, 0.06])
    assert benjamini_hochberg((0.04, 0.01, 0.03)) == pytest.approx([0.04, 0.03, 0.04])


def test_adjusted_values_are_those_of_statsmodels() -> None:
    assert holm(FLAT) == pytest.approx([0.03, 0.099, 0.16, 0.28, 0.28, 1, 1, 1, 1, 1])
    assert benjamini_hochberg(FLAT) == pytest.approx(
        [0.03, 0.055, 0.0666666667, 0.09, 0.09, 0.3333333333, 0.4285714286, 0.625, 0.7777777778, 0.9]
    )


def test_tiny_values_stay_above_zero() -> None:
    assert holm((1e-20, 0.5)) == [2e-20, 0.5]
    assert benjamini_hochberg((1e-20, 0.5)) == [2e-20, 0.5]
