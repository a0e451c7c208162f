"""Compare a group with the rest in strata that are alike: Cochran, Mantel and Haenszel.

Within a stratum (such as the leads of one source in one week) the group and the rest had the same kind of
leads, so a difference that remains is not one of the mix. Strata where one side is empty say nothing and are
left out.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import starmap
from math import exp, log, sqrt
from typing import NamedTuple

from app.diagnosis.statistics.distributions import hypergeometric, two_sided_normal, two_sided_of
from app.reports.statistics import Z

EXACT_UP_TO = 400
"""Numbers of hits that the group could have, up to which their exact distribution is computed. Where there
are more, the normal distribution is as good."""


class Stratum(NamedTuple):
    """One stratum: leads and hits of the group, leads and hits of the rest."""

    leads: int
    hits: int
    other_leads: int
    other_hits: int


@dataclass(frozen=True, slots=True)
class Comparison:
    """A group against the rest, adjusted for the strata.

    - `leads`, `hits`: of the group, in strata that can be compared. `other_leads`, `other_hits`: of the rest.
    - `expected`: hits that the group would have if each stratum's hits fell on all its leads alike.
    - `difference`: rate of the group minus rate of the rest (Mantel–Haenszel), with its 95 % interval
      (Sato's variance) and standard error.
    - `odds_ratio`: common odds ratio of Mantel and Haenszel; None when it has no finite value.
    - `p_value`: two-sided. `method` is `exact` (the conditional distribution) or `normal` (with continuity
      correction).
    """

    leads: int
    hits: int
    other_leads: int
    other_hits: int
    expected: float
    difference: float
    error: float
    odds_ratio: float | None
    p_value: float
    method: str

    @property
    def interval(self) -> tuple[float, float]:
        """The 95 % interval of the difference, within [-1, 1]."""
        return max(-1.0, self.difference - Z * self.error), min(1.0, self.difference + Z * self.error)


def compare(strata: Iterable[Stratum]) -> Comparison | None:
    """Compare a group with the rest. None when no stratum has both."""
    used = [each for each in strata if each.leads and each.other_leads]
    if not used:
        return None
    difference, error = _risk_difference(used)
    p_value, method = _p_value(used)
    return Comparison(
        leads=sum(each.leads for each in used),
        hits=sum(each.hits for each in used),
        other_leads=sum(each.other_leads for each in used),
        other_hits=sum(each.other_hits for each in used),
        expected=sum(starmap(_expected, used)),
        difference=difference,
        error=error,
        odds_ratio=_odds_ratio(used),
        p_value=p_value,
        method=method,
    )


def _expected(n: int, x: int, m: int, y: int) -> float:
    return n * (x + y) / (n + m)


def _risk_difference(used: Sequence[Stratum]) -> tuple[float, float]:
    """The difference of Mantel and Haenszel, and its standard error (Sato 1989)."""
    weight = sum(n * m / (n + m) for n, _, m, _ in used)
    difference = sum((x * m - y * n) / (n + m) for n, x, m, y in used) / weight
    by_group = sum((n * n * y - m * m * x + n * m * (m - n) / 2) / (n + m) ** 2 for n, x, m, y in used)
    apart = sum((x * (m - y) + y * (n - x)) / (2 * (n + m)) for n, x, m, y in used)
    return difference, sqrt(max(0.0, difference * by_group + apart)) / weight


def _odds_ratio(used: Sequence[Stratum]) -> float | None:
    above = sum(x * (m - y) / (n + m) for n, x, m, y in used)
    below = sum(y * (n - x) / (n + m) for n, x, m, y in used)
    return above / below if below and above else None


def odds_ratio_interval(strata: Iterable[Stratum]) -> tuple[float, float] | None:
    """The 95 % interval of the common odds ratio (Robins, Breslow and Greenland 1986)."""
    used = [each for each in strata if each.leads and each.other_leads]
    ratio = _odds_ratio(used)
    if ratio is None:
        return None
    r = s = pr = ps_qr = qs = 0.0
    for n, x, m, y in used:
        total = n + m
        p, q = (x + m - y) / total, (y + n - x) / total
        one, two = x * (m - y) / total, y * (n - x) / total
        r, s = r + one, s + two
        pr, ps_qr, qs = pr + p * one, ps_qr + p * two + q * one, qs + q * two
    error = sqrt(pr / (2 * r * r) + ps_qr / (2 * r * s) + qs / (2 * s * s))
    return exp(log(ratio) - Z * error), exp(log(ratio) + Z * error)


def _p_value(used: Sequence[Stratum]) -> tuple[float, str]:
    possible = sum(min(n, x + y) - max(0, x + y - m) for n, x, m, y in used)
    return (_exact(used), "exact") if possible <= EXACT_UP_TO else (_normal(used), "normal")


def _exact(used: Sequence[Stratum]) -> float:
    """By the distribution of the group's hits when the hits of each stratum fall on all its leads alike.

    It is the convolution of one hypergeometric distribution for each stratum. With one stratum this is the
    exact test of Fisher.
    """
    found, offset, chances = 0, 0, [1.0]
    for n, x, m, y in used:
        low, each = hypergeometric(n, x + y, n + m)
        found, offset = found + x, offset + low
        if len(each) > 1:
            chances = _convolved(chances, each)
    return two_sided_of(chances, found - offset)


def _convolved(one: Sequence[float], two: Sequence[float]) -> list[float]:
    found = [0.0] * (len(one) + len(two) - 1)
    for shift, factor in enumerate(two):
        for at, chance in enumerate(one):
            found[at + shift] += chance * factor
    return found


def _normal(used: Sequence[Stratum]) -> float:
    excess = sum(each.hits - _expected(*each) for each in used)
    variance = sum(
        n * m * (x + y) * (n + m - x - y) / ((n + m) ** 2 * (n + m - 1)) for n, x, m, y in used if n + m > 1
    )
    if not variance:
        return 1.0
    return two_sided_normal(max(0.0, abs(excess) - 0.5) / sqrt(variance))
