"""Conditions on `language` of a lead that speaks several."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from app.plan.language.conditions import Leaf

FIELD = "language"


def compile_language(leaf: Leaf, compare: Callable[[Any, datetime], bool]) -> Callable[..., bool]:
    """The test of a leaf on `language`. One of several languages will do, but `ne` and `not_in` need all."""
    combine = all if leaf.operator in ("ne", "not_in") else any

    def holds(values: Mapping[str, Any], now: datetime) -> bool:
        value = values.get(FIELD)
        if type(value) is list:
            return bool(value) and combine(compare(each, now) for each in value)
        return value is not None and compare(value, now)

    return holds
