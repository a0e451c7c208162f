"""Conditions on how often a lead did something: `{name: pricing, within: 14d, count: {gte: 2}}`."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from app.plan.findings import Faults, Finding, fault, quote
from app.plan.language.durations import read_duration

BOUNDS = ("eq", "gt", "gte", "lt", "lte")
MAX_COUNT = 10**9


@dataclass(frozen=True, slots=True)
class Occurrences:
    """Which engagements count, and how many there must be.

    `name` ignores case. With `within`, only engagements in that time before now count.
    """

    name: str | None = None
    within: timedelta | None = None
    bounds: tuple[tuple[str, int], ...] = (("gte", 1),)


def is_occurrences(value: Mapping[Any, Any]) -> bool:
    """Whether the mapping is such a condition, not a mapping of operators."""
    return not _READERS.keys().isdisjoint(value)


def read_occurrences(value: Mapping[Any, Any]) -> Occurrences:
    """Read the value of `engagement`. Raises Faults with every fault."""
    findings: list[Finding] = []
    found: dict[str, Any] = {}
    for key, each in value.items():
        read = _READERS.get(key)
        try:
            if read is None:
                raise fault("unknown_field", f"Unknown field. Use {', '.join(_READERS)}.")
            found["bounds" if key == "count" else key] = read(each)
        except Faults as refused:
            findings.extend(finding.under(quote(key)) for finding in refused.findings)
    if findings:
        raise Faults(*findings)
    return Occurrences(**found)


def _name(value: object) -> str:
    if not isinstance(value, str) or not value.strip():
        raise fault("invalid_operand", "Must be the name of what the lead did.")
    return value.strip()


def _within(value: object) -> timedelta:
    try:
        return read_duration(value)
    except ValueError as refused:
        raise fault("invalid_duration", str(refused)) from None


def _count(value: object) -> tuple[tuple[str, int], ...]:
    written: Mapping[Any, Any] = value if isinstance(value, Mapping) else {"eq": value}
    if not written or not set(written) <= set(BOUNDS):
        raise fault("invalid_operand", f"Must be a number, or one of {', '.join(BOUNDS)} with a number.")
    for limit in written.values():
        if isinstance(limit, bool) or not isinstance(limit, int) or not 0 <= limit <= MAX_COUNT:
            raise fault("invalid_operand", "Must be an integer that is not negative.")
    return tuple((str(operator), limit) for operator, limit in written.items())


_READERS: Mapping[str, Callable[[object], Any]] = {"name": _name, "within": _within, "count": _count}
