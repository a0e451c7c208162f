"""Tails of distributions, against scipy 1.17.1."""

import pytest

from app.diagnosis.statistics.distributions import (
    chi_square_upper_tail,
    hypergeometric,
    normal_upper_tail,
    two_sided_normal,
    two_sided_student,
)


@pytest.mark.parametrize(
    ("t", "degrees", "expected"),
    [(2.0, 10, 0.07338803477074046), (2.228138851964939, 10, 0.05), (0.0, 4, 1.0), (-12.706204736, 1, 0.05)],
)
def test_tail_of_students_t(t: float, degrees: float, expected: float) -> None:
    assert two_sided_student(t, degrees) == pytest.approx(expected, rel=1e-8)


@pytest.mark.parametrize(
    ("x", "degrees", "expected"),
    [
        (3.841458820694124, 1, 0.05),
        (5.991464547107979, 2, 0.05),
        (7.814727903251179, 3, 0.05),
        (11.070497693516351, 5, 0.05),
        (0.0, 5, 1.0),
        (40.0, 6, 4.5551576e-07),
    ],
)
def test_tail_of_chi_square(x: float, degrees: int, expected: float) -> None:
    assert chi_square_upper_tail(x, degrees) == pytest.approx(expected, rel=1e-6)


def test_tails_of_the_normal_distribution() -> None:
    assert normal_upper_tail(1.6448536269514722) == pytest.approx(0.05)
    assert two_sided_normal(-1.959963984540054) == pytest.approx(0.05)


def test_hypergeometric_chances_by_hand() -> None:
    """Of five balls two are red. Three are drawn: C(2,k) C(3,3-k) / C(5,3)."""
    for drawn, marked, lowest, expected in ((3, 2, 0, (0.1, 0.6, 0.3)), (4, 3, 2, (0.6, 0.4))):
        low, chances = hypergeometric(drawn, marked, 5)
        assert low == lowest
        assert chances == pytest.approx(expected)


def test_hypergeometric_chances_of_large_numbers_sum_to_one() -> None:
    low, chances = hypergeometric(2000, 900, 5000)
    assert (low, len(chances)) == (0, 901)
    assert sum(chances) == pytest.approx(1)
