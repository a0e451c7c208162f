"""Shrinkage toward the middle, by hand."""

import pytest

from app.diagnosis.statistics.shrinkage import shrunk, spread_between


def test_spread_beyond_the_errors() -> None:
    """Errors of 0.1: weights 100 each, middle 0.2, Q = 100 (0.04 + 0 + 0.04) = 8; (8 - 2) / (300 - 100)."""
    assert spread_between([0.0, 0.2, 0.4], [0.1, 0.1, 0.1]) == pytest.approx(0.03)


def test_no_spread_where_the_errors_explain_all() -> None:
    assert spread_between([0.1, 0.2], [0.2, 0.2]) == 0
    assert spread_between([0.1], [0.2]) == 0
    assert spread_between([0.1, 0.3], [0.0, 0.2]) == 0


@pytest.mark.parametrize(
    ("estimate", "error", "spread", "expected"),
    [(0.2, 0.1, 0.03, 0.15), (0.2, 0.1, 0.0, 0.0), (0.2, 0.0, 0.03, 0.2), (0.2, 0.0, 0.0, 0.2)],
)
def test_less_certain_estimates_move_more(
    estimate: float, error: float, spread: float, expected: float
) -> None:
    assert shrunk(estimate, error, spread) == pytest.approx(expected)
