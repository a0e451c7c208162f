"""Groups against the others: minimum samples, owners' conversions, clusters in time."""

from datetime import date

import pytest

from app.diagnosis.clusters import cluster_tests
from app.diagnosis.findings import Kind
from app.diagnosis.groups import Count, Groups, compare_groups
from app.diagnosis.measures import ACCEPTANCE, REASSIGNMENT
from app.diagnosis.owners import owner_rows, owner_tests
from app.diagnosis.rates import Pool, rate_tests

DAY = date(2026, 11, 2)


def pool(name: str = "", **counts: tuple[int, int]) -> Pool:
    """Groups with leads and hits on one day."""
    kind = Kind.OWNER if name else Kind.TEAM
    return Pool(
        name, {group: {DAY: Count(*count)} for group, count in counts.items()}, dict.fromkeys(counts, kind)
    )


def test_each_group_is_compared_with_all_others() -> None:
    groups = pool(a=(40, 10), b=(50, 30), c=(10, 5)).groups
    found = {each.group: each.comparison for each in compare_groups(groups)}
    assert (found["a"].other_leads, found["a"].other_hits) == (60, 35)
    assert found["a"].expected == pytest.approx(40 * 45 / 100)
    assert found["a"].difference == pytest.approx(10 / 40 - 35 / 60)


def test_group_that_is_alone_is_not_compared() -> None:
    assert list(compare_groups(pool(a=(40, 10)).groups)) == []


@pytest.mark.parametrize(
    ("one", "other", "tested"),
    [
        ((30, 10), (30, 10), 2),
        ((29, 10), (30, 10), 0),
        ((30, 2), (30, 3), 0),
        ((30, 28), (30, 27), 0),
        ((30, 5), (300, 60), 2),
    ],
    ids=["enough", "a lead too few", "hardly a hit", "hardly a miss", "enough of few"],
)
def test_small_samples_are_not_tested(one: tuple[int, int], other: tuple[int, int], tested: int) -> None:
    assert len(list(rate_tests(ACCEPTANCE, [pool(a=one, b=other)], "purchase"))) == tested


def test_only_the_bad_side_is_worth_a_finding() -> None:
    found = {
        each.subject.id: each for each in rate_tests(ACCEPTANCE, [pool("sales", a=(40, 10), b=(40, 35))], "")
    }
    assert (found["a"].worth, found["b"].worth) == (True, False)
    assert found["a"].p_value == found["b"].p_value
    assert found["a"].subject.to_json() == {"kind": "owner", "id": "a", "team": "sales"}
    assert (
        "25 % of the settled offers of the owner `a` (team sales) were accepted (88 % elsewhere)"
        in found["a"].text
    )
    moved = {each.subject.id: each for each in rate_tests(REASSIGNMENT, [pool(a=(40, 10), b=(40, 35))], "")}
    assert (moved["a"].worth, moved["b"].worth) == (False, True)


def test_difference_of_less_than_ten_points_is_not_worth_a_finding() -> None:
    (one, _) = rate_tests(ACCEPTANCE, [pool(a=(10_000, 8_100), b=(10_000, 9_000))], "")
    assert one.p_value < 1e-9
    assert not one.worth


def test_owners_are_compared_within_strata_and_shrunk() -> None:
    """Ana has the good leads. In each stratum she sells as much as the others."""
    groups: Groups = {
        "ana": {"hot": Count(90, 45), "cold": Count(30, 3)},
        "ben": {"hot": Count(30, 15), "cold": Count(90, 9)},
        "cem": {"hot": Count(60, 30), "cold": Count(60, 6)},
    }
    rows = {row.found.group: row for row in owner_rows({"sales": groups})}
    assert all(row.tested for row in rows.values())
    assert rows["ana"].found.comparison.expected == pytest.approx(48)
    assert [row.shrunk for row in rows.values()] == pytest.approx([0, 0, 0])
    assert not any(each.worth for each in owner_tests(iter(rows.values()), "purchase"))


def test_difference_of_an_owner_is_shrunk_toward_the_others() -> None:
    names = (("a", 30), ("b", 10), ("c", 12), ("d", 9), ("e", 11))
    groups: Groups = {name: {"all": Count(100, hits)} for name, hits in names}
    rows = {row.found.group: row for row in owner_rows({"sales": groups})}
    assert 0 < rows["a"].shrunk < rows["a"].found.comparison.difference
    found = {each.subject.id: each for each in owner_tests(iter(rows.values()), "purchase")}
    assert found["a"].worth
    assert found["a"].effect.value == pytest.approx(30 / 100 - 42 / 400)
    assert found["a"].effect.low == pytest.approx(0.1003, abs=1e-3)


def test_chi_square_of_weekdays_by_hand() -> None:
    """20 of 100 and 60 of 100 missed, of 40 and 40 expected: 2 x 20² / 40 + 2 x 20² / 60 = 33.33."""
    cells = {
        ("north", "weekday"): {"Monday": Count(100, 20), "Friday": Count(100, 60), "Sunday": Count(3, 3)}
    }
    (found,) = cluster_tests(cells)
    assert found.evidence["chi_square"] == pytest.approx(100 / 3, rel=0.02)
    assert found.evidence["worst"] == "Friday"
    assert found.evidence["degrees_of_freedom"] == 1
    assert found.worth
    assert "began on a Friday" in found.text


@pytest.mark.parametrize(
    "cells",
    [{"Monday": Count(20, 10), "Friday": Count(20, 2)}, {"Monday": Count(200, 50)}, {"Monday": Count(0, 0)}],
    ids=["few", "one day", "none"],
)
def test_few_promises_are_not_tested(cells: dict[str, Count]) -> None:
    assert list(cluster_tests({("north", "weekday"): cells})) == []
