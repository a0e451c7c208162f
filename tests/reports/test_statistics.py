"""Intervals, percentiles and bins, against numbers that were computed by hand or by other tools."""

import asyncio
import math
from collections.abc import Sequence
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.pace import finished
from app.reports.statistics import (
    MEDIAN,
    NOT_REACHED,
    P90,
    Quantile,
    Rate,
    Sample,
    histogram,
    kaplan_meier,
    percentile_disc,
    wilson,
)


@pytest.mark.parametrize(
    ("count", "of", "low", "high"),
    [
        (3, 8, 0.137, 0.694),
        (5, 8, 0.306, 0.863),
        (6, 9, 0.354, 0.879),
        (3, 7, 0.158, 0.750),
        (0, 5, 0.0, 0.434),
        (1, 1, 0.207, 1.0),
        (5, 5, 0.566, 1.0),
        (38, 38, 0.908, 1.0),
    ],
)
def test_interval_of_wilson(count: int, of: int, low: float, high: float) -> None:
    found = wilson(count, of)
    assert found is not None
    assert (round(found[0], 3), round(found[1], 3)) == (low, high)
    assert 0.0 <= found[0] <= found[1] <= 1.0
    assert math.copysign(1, found[0]) == 1


def test_without_a_sample_there_is_no_rate() -> None:
    assert Rate(0, 0).to_json() == {"rate": None, "low": None, "high": None, "numerator": 0, "denominator": 0}


def _finished(sample: Sample, shares: Sequence[Fraction]) -> list[Quantile]:
    return asyncio.run(finished(kaplan_meier(sample, shares)))


def test_percentile_is_a_value_of_the_sample() -> None:
    times = dict.fromkeys((5.0, 3860.0, 2704.0, 15.0, 1050.0), 1)
    assert (percentile_disc(times, MEDIAN), percentile_disc(times, P90)) == (1050, 3860)
    assert percentile_disc({1.0: 1, 3.0: 1}, MEDIAN) == 1
    assert percentile_disc({}, MEDIAN) is None


def test_what_waits_is_at_risk_as_long_as_it_was_watched() -> None:
    sample = Sample(dict.fromkeys((3, 5, 8, 20, 45, 120), 1), dict.fromkeys((10, 30, 200), 1))
    assert _finished(sample, (MEDIAN, P90)) == [45, NOT_REACHED]
    assert _finished(sample, (Fraction(1, 9), Fraction(2, 9), Fraction(1, 3))) == [3, 5, 8]
    # What waits until exactly a value is at risk at it: one of two is half, one of one would be all.
    assert _finished(Sample({5: 1}, {5: 1}), (MEDIAN, P90)) == [5, NOT_REACHED]


@given(st.dictionaries(st.integers(0, 50), st.integers(1, 5), min_size=1), st.sampled_from((MEDIAN, P90)))
def test_with_nothing_waiting_both_ways_agree(values: dict[float, int], share: Fraction) -> None:
    assert _finished(Sample(values, {}), (share,)) == [percentile_disc(values, share)]


def test_histogram_counts_each_value_once() -> None:
    found = histogram({0: 1, 60: 2, 61: 3, 9000: 4}, (60, 300))
    assert [each["count"] for each in found] == [3, 3, 4]
