"""Comparisons of a number field, whose value is a number or a range such as `51-200`.

`gt` and `gte` look at the lower bound of a range, `lt` and `lte` at the upper one. A range equals only the
same range. It differs from everything that it does not overlap.
"""

from collections.abc import Callable, Sequence
from datetime import datetime
from operator import ge, gt, le, lt
from typing import Any

from app.values.numbers import Range, bounds_of

Test = Callable[[Any, datetime], bool]
_COMPARED = frozenset((int, float, str))
_BOUNDS: dict[str, tuple[Callable[[Any, Any], bool], int]] = {
    "gt": (gt, 0), "gte": (ge, 0), "lt": (lt, 1), "lte": (le, 1),
}  # fmt: skip
"""How each operator compares, and the bound it looks at."""


def compile_number(operator: str, operand: Any) -> Test:
    """The test of a comparison of a number field, for any operator but `exists`."""
    if operator in _BOUNDS:
        return _ordered(operator, operand)
    operands = operand if isinstance(operand, tuple) else (operand,)
    return _equal(operands) if operator in ("eq", "in") else _other(operands)


def _ordered(operator: str, operand: Any) -> Test:
    compare, side = _BOUNDS[operator]

    def test(value: Any, _: datetime) -> bool:
        kind = type(value)
        if kind is int or kind is float:
            return compare(value, operand)
        bounds = bounds_of(value)
        return bounds is not None and compare(bounds[side], operand)

    return test


def _equal(operands: Sequence[Any]) -> Test:
    options = frozenset(operands)
    return lambda value, _: type(value) in _COMPARED and value in options


def _other(operands: Sequence[Any]) -> Test:
    refused = [bounds for each in operands if (bounds := bounds_of(each)) is not None]

    def test(value: Any, _: datetime) -> bool:
        bounds = bounds_of(value)
        if bounds is None:
            return False
        span = Range(*bounds)
        return not any(span.overlaps(low, high) for low, high in refused)

    return test
