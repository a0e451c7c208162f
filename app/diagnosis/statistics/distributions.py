"""Tails of distributions that the standard library lacks."""

from collections.abc import Sequence
from functools import lru_cache
from math import erfc, exp, fsum, inf, lgamma, log, log1p, sqrt

_STEPS = 300
_TINY = 1e-300
_CLOSE = 1e-15
_SAME = 1 + 1e-7
"""Two probabilities within this factor count as equal, so that rounding does not leave one out."""


def normal_upper_tail(z: float) -> float:
    """The chance that a standard normal value is above `z`."""
    return 0.5 * erfc(z / sqrt(2))


def two_sided_normal(z: float) -> float:
    """The chance that a standard normal value is at least as far from 0 as `z`."""
    return erfc(abs(z) / sqrt(2))


def two_sided_student(t: float, degrees: float) -> float:
    """The chance that a value of Student's t is at least as far from 0 as `t`."""
    if t in (inf, -inf):
        return 0.0
    return regularized_beta(degrees / (degrees + t * t), degrees / 2, 0.5)


def regularized_beta(x: float, a: float, b: float) -> float:
    """The regularized incomplete beta function, by the continued fraction of Lentz (DLMF 8.17.22)."""
    if x <= 0 or x >= 1:
        return 0.0 if x <= 0 else 1.0
    if x > (a + 1) / (a + b + 2):
        return 1 - regularized_beta(1 - x, b, a)
    front = exp(lgamma(a + b) - lgamma(a) - lgamma(b) + a * log(x) + b * log1p(-x)) / a
    c, d = 1.0, 1 / _away_from_zero(1 - (a + b) * x / (a + 1))
    fraction = d
    for m in range(1, _STEPS):
        even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        for part in (even, odd):
            d = 1 / _away_from_zero(1 + part * d)
            c = _away_from_zero(1 + part / c)
            fraction *= c * d
        if abs(c * d - 1) < _CLOSE:
            break
    return front * fraction


def _away_from_zero(value: float) -> float:
    return value if abs(value) > _TINY else _TINY


def chi_square_upper_tail(x: float, degrees: int) -> float:
    """The chance that a chi-square value with these degrees of freedom is above `x`.

    By the recurrence of the incomplete gamma function in steps of two degrees (DLMF 8.8.2).
    """
    if x <= 0:
        return 1.0
    half = x / 2
    at = 0.5 if degrees % 2 else 1.0
    tail = erfc(sqrt(half)) if degrees % 2 else exp(-half)
    while at < degrees / 2:
        tail += exp(at * log(half) - half - lgamma(at + 1))
        at += 1
    return min(tail, 1.0)


@lru_cache(maxsize=4096)
def hypergeometric(drawn: int, marked: int, total: int) -> tuple[int, tuple[float, ...]]:
    """The chances to find marked ones among those drawn, from the smallest possible number on, and this.


    Each chance follows from its neighbor, from the likeliest one outward.
    """
    low, high = max(0, drawn + marked - total), min(drawn, marked)
    mode = min(high, max(low, (drawn + 1) * (marked + 1) // (total + 2)))
    chances = [1.0]
    for k in range(mode, high):
        ratio = (marked - k) * (drawn - k) / ((k + 1) * (total - marked - drawn + k + 1))
        chances.append(chances[-1] * ratio)
    downward = [1.0]
    for k in range(mode, low, -1):
        ratio = k * (total - marked - drawn + k) / ((marked - k + 1) * (drawn - k + 1))
        downward.append(downward[-1] * ratio)
    found = [*reversed(downward[1:]), *chances]
    whole = fsum(found)
    return low, tuple(chance / whole for chance in found)


def two_sided_of(chances: Sequence[float], at: int) -> float:
    """The sum of all chances that are at most as large as the one found. `at` is its place."""
    limit = chances[at] * _SAME
    return min(1.0, fsum(chance for chance in chances if chance <= limit))
