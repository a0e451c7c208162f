"""Pull estimates toward their middle, the less certain ones more (DerSimonian and Laird 1986)."""

from collections.abc import Sequence


def spread_between(estimates: Sequence[float], errors: Sequence[float]) -> float:
    """The variance of the true values, beyond what the standard errors explain. Never negative."""
    weights = [1 / error**2 for error in errors if error > 0]
    values = [value for value, error in zip(estimates, errors, strict=True) if error > 0]
    if len(values) < 2:
        return 0.0
    total = sum(weights)
    middle = sum(w * v for w, v in zip(weights, values, strict=True)) / total
    q = sum(w * (v - middle) ** 2 for w, v in zip(weights, values, strict=True))
    room = total - sum(w * w for w in weights) / total
    return max(0.0, (q - (len(values) - 1)) / room) if room > 0 else 0.0


def shrunk(estimate: float, error: float, spread: float) -> float:
    """The estimate of a difference from the middle, shrunk toward 0."""
    return estimate * spread / (spread + error**2) if spread + error**2 > 0 else estimate
