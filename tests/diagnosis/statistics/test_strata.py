"""A group against the rest, compared with scipy 1.17.1 (`fisher_exact`) and statsmodels 0.15.0."""

import pytest

from app.diagnosis.statistics.strata import Stratum, _exact, _normal, compare, odds_ratio_interval

THREE = (Stratum(100, 12, 120, 30), Stratum(80, 20, 60, 22), Stratum(50, 5, 70, 9))


def test_one_stratum_is_the_exact_test_of_fisher() -> None:
    found = compare([Stratum(10, 3, 10, 8)])
    assert found is not None
    assert found.method == "exact"
    assert found.p_value == pytest.approx(0.06977851869492737, rel=1e-9)
    assert found.difference == pytest.approx(-0.5)
    assert found.expected == pytest.approx(5.5)
    assert found.odds_ratio == pytest.approx((3 / 7) / (8 / 2))


def test_strata_are_pooled_as_statsmodels_pools_them() -> None:
    found = compare(THREE)
    assert found is not None
    assert (found.leads, found.hits, found.other_leads, found.other_hits) == (230, 37, 250, 61)
    assert found.odds_ratio == pytest.approx(0.5192530052141282)
    assert odds_ratio_interval(THREE) == pytest.approx((0.3246433624393537, 0.8305227046626328))
    assert _normal(THREE) == pytest.approx(0.00832594969749001, rel=1e-9)
    assert _exact(THREE) == pytest.approx(0.00763352552, rel=1e-8)


def test_seller_with_the_harder_leads_is_not_worse() -> None:
    """Simpson: 20 % against 35 % in all, and the same rate as the others in each stratum."""
    found = compare([Stratum(90, 9, 30, 3), Stratum(20, 13, 80, 52)])
    assert found is not None
    assert found.hits / found.leads == pytest.approx(0.2)
    assert found.other_hits / found.other_leads == pytest.approx(0.5)
    assert found.difference == pytest.approx(0)
    assert found.expected == pytest.approx(found.hits)
    assert found.p_value == pytest.approx(1)


def test_stratum_without_one_of_the_sides_says_nothing() -> None:
    assert compare([Stratum(10, 9, 0, 0), Stratum(0, 0, 12, 1)]) is None
    with_it = compare([*THREE, Stratum(500, 499, 0, 0)])
    assert with_it == compare(THREE)


def test_large_tables_use_the_normal_distribution() -> None:
    found = compare([Stratum(3000, 300, 9000, 1100)] * 3)
    assert found is not None
    assert found.method == "normal"
    assert found.p_value == pytest.approx(1.4441166528e-08), "9.0e-09 by the exact distribution"


@pytest.mark.parametrize("stratum", [Stratum(5, 5, 9, 9), Stratum(5, 0, 9, 0)], ids=["all", "none"])
def test_no_difference_where_all_or_none_hit(stratum: Stratum) -> None:
    found = compare([stratum])
    assert found is not None
    assert (found.difference, found.error, found.p_value) == (0, 0, 1)
    assert found.odds_ratio is None


def test_interval_stays_within_possible_differences() -> None:
    found = compare([Stratum(2, 0, 2, 2)])
    assert found is not None
    assert found.interval[0] >= -1
