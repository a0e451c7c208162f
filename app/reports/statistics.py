"""The statistics of reports, each with its method. Pure.

Percentiles are the smallest value with at least this share of the sample at or below it, as
`percentile_disc` of Postgres. With values that are still to come, Kaplan and Meier estimate the share
(Nonparametric estimation from incomplete observations, 1958): what has no value yet counts among those at
risk as long as it was watched.
"""

import math
from collections.abc import Generator, Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Literal

from app.store.reports.times import BIN

Z = 1.959963984540054
"""Of a normal distribution, 95 % lie within so many standard deviations."""
NOT_REACHED: Literal["not_reached"] = "not_reached"
"""So few of the sample have a value yet that the percentile is not known."""

Quantile = float | int | Literal["not_reached"] | None
Steps = Generator[None, None, list[Quantile]]
"""A computation of percentiles that may take long, and can be stopped after each step."""


@dataclass(frozen=True, slots=True)
class Rate:
    """A share with its interval. Without a sample, there is neither."""

    numerator: int
    denominator: int

    def to_json(self) -> dict[str, Any]:
        """The share, and the bounds of the 95 % interval by Wilson."""
        low, high = wilson(self.numerator, self.denominator) or (None, None)
        rate = self.numerator / self.denominator if self.denominator else None
        return {
            "rate": rate,
            "low": low,
            "high": high,
            "numerator": self.numerator,
            "denominator": self.denominator,
        }


def wilson(count: int, of: int) -> tuple[float, float] | None:
    """The 95 % interval of a share by Wilson (1927), within [0, 1]. None without a sample."""
    if of == 0:
        return None
    share, z2 = count / of, Z * Z
    middle = (share + z2 / (2 * of)) / (1 + z2 / of)
    half = Z * math.sqrt(share * (1 - share) / of + z2 / (4 * of * of)) / (1 + z2 / of)
    low = 0.0 if count == 0 else max(0.0, middle - half)
    high = 1.0 if count == of else min(1.0, middle + half)
    return low, high


def percentile_disc(values: Mapping[float, int], share: Fraction) -> float | None:
    """The smallest value with at least `share` of the sample at or below it; `values` are counts by value."""
    total = sum(values.values())
    seen = 0
    for value in sorted(values):
        seen += values[value]
        if seen >= share * total:
            return value
    return None


@dataclass(frozen=True, slots=True)
class Sample:
    """How often each value occurs, and how often one was watched for so long without a value."""

    values: Mapping[float, int]
    waiting: Mapping[float, int]

    @property
    def size(self) -> int:
        """Everything, with or without a value."""
        return sum(self.values.values()) + sum(self.waiting.values())

    def quantiles(self, shares: Sequence[Fraction]) -> Steps:
        """The percentiles: exact without waiting ones, else by Kaplan and Meier. None without a sample."""
        if not self.size:
            return [None for _ in shares]
        if not any(self.waiting.values()):
            return [percentile_disc(self.values, share) for share in shares]
        return (yield from kaplan_meier(self, shares))


def kaplan_meier(sample: Sample, shares: Sequence[Fraction]) -> Steps:
    """For each share the smallest value by which at least so many have one, or `not_reached`.

    What waits until exactly a value counts as at risk at that value. Between two values it can be stopped.
    """
    at_risk, left = sample.size, Fraction(1)
    found: dict[Fraction, Quantile] = dict.fromkeys(shares, NOT_REACHED)
    open_ = sorted(set(shares))
    for value in sorted(sample.values.keys() | sample.waiting.keys()):
        count = sample.values.get(value, 0)
        if count:
            left = _approximately(left * Fraction(at_risk - count, at_risk))
            while open_ and 1 - left >= open_[0]:
                found[open_.pop(0)] = value
            if not open_:
                break
            yield
        at_risk -= count + sample.waiting.get(value, 0)
    return [found[share] for share in shares]


def _approximately(share: Fraction) -> Fraction:
    """The share, with so many digits that rounding tells in no answer; exact while the sample is small."""
    return share if share.denominator < 10**15 else share.limit_denominator(10**15)


def value_of(number: float) -> float:
    """A value for all of a bin: at most one per cent away from any of them."""
    return 0.0 if number == 0 else BIN ** (number - 0.5)


def histogram(values: Mapping[float, int], bounds: Iterable[float]) -> list[dict[str, Any]]:
    """How many values are at or below each bound and above the one before; last those above all bounds."""
    rows, before, rest = [], -math.inf, sum(values.values())
    for bound in bounds:
        count = sum(number for value, number in values.items() if before < value <= bound)
        rows.append({"at_most_seconds": bound, "count": count})
        before, rest = bound, rest - count
    return [*rows, {"at_most_seconds": None, "count": rest}]


MEDIAN, P90, P99 = Fraction(1, 2), Fraction(9, 10), Fraction(99, 100)
