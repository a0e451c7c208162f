"""Corrections for many tests: Holm (1979) and Benjamini and Hochberg (1995).

Both return adjusted p-values in the order given. A test passes at a level when its adjusted value is at most
this level.
"""

from collections.abc import Sequence


def _rounded(p_value: float) -> float:
    """To twelve digits, so that 0.035 times ten, divided by seven, is 0.05 and not a little more."""
    return float(f"{p_value:.12g}")


def holm(p_values: Sequence[float]) -> list[float]:
    """Adjusted so that the chance of any false pass among all tests is at most the level."""
    order = sorted(range(len(p_values)), key=p_values.__getitem__)
    adjusted, largest = [0.0] * len(p_values), 0.0
    for rank, at in enumerate(order):
        largest = max(largest, p_values[at] * (len(p_values) - rank))
        adjusted[at] = min(1.0, _rounded(largest))
    return adjusted


def benjamini_hochberg(p_values: Sequence[float]) -> list[float]:
    """Adjusted so that among those that pass at most this part is false, on average."""
    order = sorted(range(len(p_values)), key=p_values.__getitem__, reverse=True)
    adjusted, smallest = [0.0] * len(p_values), 1.0
    for behind, at in enumerate(order):
        smallest = min(smallest, p_values[at] * len(p_values) / (len(p_values) - behind))
        adjusted[at] = _rounded(smallest)
    return adjusted
