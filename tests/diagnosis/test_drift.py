"""Rules that fire more or less since a change, on generated days."""

from collections.abc import Callable
from datetime import date, timedelta
from random import Random

import pytest

from app.diagnosis.drift import Change, drift_tests, strongest
from app.diagnosis.groups import Count

MONDAY = date(2026, 11, 2)
CHANGE = Change(MONDAY + timedelta(days=28), "plan", "7")


def days_of(
    share: Callable[[date], float], leads: Callable[[date], int], days: int = 57
) -> dict[date, Count]:
    """Days from a Monday on, with these shares rounded to whole leads."""
    found = {}
    for number in range(days):
        day = MONDAY + timedelta(days=number)
        found[day] = Count(leads(day), round(leads(day) * share(day)))
    return found


def is_after(day: date) -> bool:
    return day > CHANGE.day


def test_share_that_falls_with_the_change_is_found_with_its_numbers() -> None:
    days = days_of(lambda day: 0.1 if is_after(day) else 0.4, lambda _: 20)
    (found,) = drift_tests({"dach": days}, [CHANGE], ())
    assert found.p_value < 1e-6
    assert found.worth
    assert found.evidence["before"] == {
        "from": "2026-11-02", "to": "2026-11-30", "days": 28, "leads": 560, "fired": 224, "share": 0.4,
    }  # fmt: skip
    assert found.evidence["after"]["fired"] == 56
    assert found.effect.value == pytest.approx(-0.3)
    assert "plan 7" in found.text


def test_weekend_is_not_compared_with_workdays() -> None:
    """The rule takes half of the leads of a weekend. Only the weekend has passed since the change."""
    friday = Change(MONDAY + timedelta(days=25), "plan", "7")
    days = days_of(lambda day: 0.5 if day.weekday() >= 5 else 0.1, lambda _: 40, days=31)
    days |= {day: Count(0, 0) for day in days if day > friday.day and day.weekday() < 5}
    days |= {
        friday.day + timedelta(days=number): Count(40, 20)
        for number in range(1, 11)
        if (friday.day + timedelta(days=number)).weekday() >= 5
    }
    (found,) = drift_tests({"consumer": days}, [friday], ())
    assert found.effect.value == pytest.approx(0)
    assert not found.worth
    assert found.p_value > 0.5


def test_days_that_differ_among_themselves_are_no_drift() -> None:
    """Every third day a mailing sends half of the leads to the rule, before and after the change alike."""
    rng = Random(3)
    bursts = {MONDAY + timedelta(days=number): rng.random() < 0.33 for number in range(57)}
    days = days_of(lambda day: 0.6 if bursts[day] else 0.05, lambda _: 40)
    (found,) = drift_tests({"mailing": days}, [CHANGE], ())
    assert found.evidence["overdispersion"] > 5
    assert found.p_value > 0.05


@pytest.mark.parametrize(
    ("leads", "days"),
    [(lambda _: 1, 57), (lambda _: 40, 31), (lambda day: 0 if is_after(day) else 40, 57)],
    ids=["few leads", "two days since", "no lead since"],
)
def test_small_sample_is_not_tested(leads: Callable[[date], int], days: int) -> None:
    shares = days_of(lambda day: 0.1 if is_after(day) else 0.4, leads, days)
    assert list(drift_tests({"dach": shares}, [CHANGE], ())) == []


def test_of_neighboring_changes_the_one_that_explains_most_is_told() -> None:
    days = days_of(lambda day: 0.1 if is_after(day) else 0.4, lambda _: 20)
    early = Change(CHANGE.day - timedelta(days=10), "table", "regions")
    found = list(drift_tests({"dach": days}, [early, CHANGE], ()))
    assert len(found) == 2
    (best,) = strongest(found)
    assert best.evidence["changes"] == [{"kind": "plan", "what": "7"}]


def test_changes_of_one_day_are_one_test() -> None:
    days = days_of(lambda day: 0.1 if is_after(day) else 0.4, lambda _: 20)
    (found,) = drift_tests({"dach": days}, [CHANGE, Change(CHANGE.day, "campaign", "fair")], ())
    assert "campaign fair and plan 7" in found.text


@pytest.mark.parametrize("seed", range(3))
def test_no_more_than_one_false_drift_in_twenty(seed: int) -> None:
    rng = Random(seed)
    runs = 120
    wrong = 0
    for _ in range(runs):
        days = {}
        for number in range(57):
            leads = rng.randint(10, 40)
            share = min(0.9, max(0.05, rng.gauss(0.3, 0.08)))
            days[MONDAY + timedelta(days=number)] = Count(
                leads, sum(rng.random() < share for _ in range(leads))
            )
        (found,) = drift_tests({"rule": days}, [CHANGE], ())
        wrong += found.p_value <= 0.05
    assert wrong / runs < 0.05 + 3 * (0.05 * 0.95 / runs) ** 0.5
