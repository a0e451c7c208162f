"""Derived fields, computed from the lead before the first step."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from app.engine.conditions.comparisons import Values, getter
from app.engine.conditions.condition import compile_condition
from app.engine.conditions.languages import FIELD as LANGUAGE
from app.engine.conditions.states import FIELD as STATE
from app.plan.document.own_fields import Case, Derived
from app.plan.language.conditions import Leaf

_Find = Callable[[Values, datetime], str | None]


class DerivedFields:
    """The compiled derived fields of one plan."""

    def __init__(self, declared: Sequence[Derived]) -> None:
        self._fields = [(each.name, _finding(each.cases)) for each in declared]

    def added(self, values: Values, now: datetime) -> dict[str, Any]:
        """The values with the derived fields. A derived field without a value is left out.

        It replaces a field of the lead that has its name.
        """
        more = dict(values)
        for name, find in self._fields:
            value = find(more, now)
            more.pop(name, None)
            if value is not None:
                more[name] = value
        return more


def _finding(cases: Sequence[Case]) -> _Find:
    return _by_look_up(cases) or _by_cases(cases)


def _by_cases(cases: Sequence[Case]) -> _Find:
    compiled = [(case.value, compile_condition(case.when).holds if case.when else None) for case in cases]

    def find(values: Values, now: datetime) -> str | None:
        for value, holds in compiled:
            if holds is None or holds(values, now):
                return value
        return None

    return find


def _by_look_up(cases: Sequence[Case]) -> _Find | None:
    """A single look-up, possible when every case tests the same field with `in` and strings."""
    words: dict[str, str] = {}
    fields: set[str] = set()
    for case in cases:
        leaf = case.when
        if not isinstance(leaf, Leaf) or leaf.operator != "in" or not isinstance(leaf.operand, tuple):
            return None
        if leaf.field in (STATE, LANGUAGE):
            return None
        fields.add(leaf.field)
        for option in leaf.operand:
            if not isinstance(option, str):
                return None
            words.setdefault(option.casefold(), case.value)
    return _looking_up(fields.pop(), words) if len(fields) == 1 else None


def _looking_up(field: str, words: Mapping[str, str]) -> _Find:
    get = getter(field)

    def find(values: Values, now: datetime) -> str | None:  # noqa: ARG001  one shape for both ways
        value = get(values)
        return words.get(value.casefold()) if isinstance(value, str) else None

    return find
