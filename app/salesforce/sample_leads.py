"""Finds a lead for each step of a plan that no earlier step takes, for the plan's own tests.

The search is bounded. It tries the values that the conditions name and their neighbors, so it finds a lead
for nearly every step that can be reached.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import chain
from typing import Any

from app.engine.conditions.comparisons import compile_comparison
from app.engine.conditions.condition import compile_condition
from app.intake.arrival import normalize, with_declared
from app.plan.language.conditions import All, Leaf, Node, Not, leaves
from app.plan.language.conditions import Any as AnyOf
from app.plan.language.durations import parse_iso
from app.plan.language.fields import Field, Kind

MAX_STEPS = 4_000
MAX_ROUNDS = 60
MAX_JOINED = 12
MAX_OPERANDS = 3
NOW = datetime(2026, 1, 1, tzinfo=UTC)
_OTHERS: Mapping[str, Sequence[Any]] = {
    "country": ("US", "DE", "JP"), "email": ("ada@analytical.example",), "phone": ("+4930901820",),
    "website": ("https://analytical.example",), "postal_code": ("10115",),
}  # fmt: skip
"""A value of each field that is read in a form of its own."""
_BY_KIND: Mapping[Kind, Sequence[Any]] = {
    Kind.INTEGER: (1,), Kind.NUMBER: (1,), Kind.BOOLEAN: (True, False), Kind.STRINGS: (["other"],),
    Kind.TIMESTAMP: ("2026-01-01",),
}  # fmt: skip

_COMPARED_APART = frozenset(("state", "language"))
"""Fields that are compared with more than their value."""

Goal = tuple[Node, bool]
Goals = tuple[Goal, "Goals"] | None
"""What must hold, or must not, as a linked list."""
Literals = Mapping[str, tuple[tuple[Leaf, bool], ...]]


@dataclass(slots=True)
class _Budget:
    left: int = MAX_STEPS


class SampleLeads:
    """Leads for the steps with these conditions, in the order of the pipeline. None holds for every lead.

    `declared` are the attributes whose type the plan declares.
    """

    def __init__(self, conditions: Sequence[Node | None], declared: Sequence[Field]) -> None:
        self._declared = declared
        self._nodes = conditions
        self._compiled = [compile_condition(node) if node is not None else None for node in conditions]
        self._common = _candidates([node for node in conditions if node is not None], MAX_OPERANDS)
        self._own: dict[str, list[Any]] = {}
        self._tests: dict[Leaf, Callable[[Any], bool]] = {}
        self._choices: dict[tuple[str, tuple[tuple[Leaf, bool], ...]], tuple[Any, ...]] = {}

    def find(self, position: int) -> dict[str, Any] | None:
        """A lead that the step at this position takes, or None."""
        node = self._nodes[position]
        self._own = _candidates([node], None) if node is not None else {}
        self._choices = {}
        goals: list[Goal] = [(node, True)] if node is not None else []
        for _ in range(MAX_ROUNDS):
            lead = self._solve(goals, position)
            taker = self._taker(lead) if lead is not None else None
            if lead is None or taker == position:
                return lead
            earlier = self._nodes[taker] if taker is not None and taker < position else None
            if earlier is None:
                return None
            goals.append((earlier, False))
        return None

    def _taker(self, lead: Mapping[str, Any]) -> int | None:
        """The position of the first step that takes the lead."""
        values = self._received(lead)
        for position, condition in enumerate(self._compiled):
            if condition is None or condition.holds(values, NOW):
                return position
        return None

    def _received(self, lead: Mapping[str, Any]) -> dict[str, Any]:
        """The fields of the lead as the conditions see them."""
        return {**with_declared(normalize(lead), self._declared).values, "trigger": "form"}

    def _solve(self, goals: Sequence[Goal], position: int) -> dict[str, Any] | None:
        """A lead for which all goals are met as written, and after intake too."""
        budget = _Budget()
        for literals in self._search(goals, budget):
            lead = self._lead(literals)
            values = self._received(lead)
            condition = self._compiled[position]
            if condition is None or condition.holds(values, NOW):
                return lead
        return None

    def _search(self, goals: Sequence[Goal], budget: _Budget) -> Iterator[Literals]:
        first: Goals = None
        for goal in reversed(goals):
            first = (goal, first)
        waiting: list[tuple[Goals, Literals]] = [(first, {})]
        while waiting and budget.left:
            budget.left -= 1
            open_, literals = waiting.pop()
            if open_ is None:
                yield literals
                continue
            (node, wanted), rest = open_
            if isinstance(node, Leaf):
                found = self._with(literals, node, wanted)
                if found is not None:
                    waiting.append((rest, found))
                continue
            waiting.extend((more, literals) for more in reversed(_ways(node, wanted, rest)))

    def _with(self, literals: Literals, leaf: Leaf, wanted: bool) -> Literals | None:
        """The literals with one more, if a value of the field still fits all of them."""
        more = (*literals.get(leaf.field, ()), (leaf, wanted))
        return {**literals, leaf.field: more} if self._fitting(leaf.field, more) else None

    def _fitting(self, name: str, literals: tuple[tuple[Leaf, bool], ...]) -> tuple[Any, ...]:
        """The first value that fits, as a tuple of one. None stands for a missing field."""
        key = (name, literals)
        if key not in self._choices:
            values = chain((None,), self._own.get(name, ()), self._common[name])
            fitting = (each for each in values if self._fits(each, literals))
            self._choices[key] = next(((each,) for each in fitting), ())
        return self._choices[key]

    def _fits(self, value: Any, literals: Sequence[tuple[Leaf, bool]]) -> bool:
        for leaf, wanted in literals:
            if leaf not in self._tests:
                self._tests[leaf] = _test(leaf)
            if self._tests[leaf](value) is not wanted:
                return False
        return True

    def _lead(self, literals: Literals) -> dict[str, Any]:
        return _nested({name: self._fitting(name, each)[0] for name, each in literals.items()})


def _ways(node: Node, wanted: bool, rest: Goals) -> list[Goals]:
    """The goals that replace a goal that is not a single comparison: one of these must be met."""
    match node:
        case Not(part):
            return [((part, not wanted), rest)]
        case All(parts) if wanted:
            return [_all(parts, True, rest)]
        case AnyOf(parts) if not wanted:
            return [_all(parts, False, rest)]
        case All(parts) | AnyOf(parts):
            return [((part, wanted), rest) for part in parts]
    return []


def _all(parts: Sequence[Node], wanted: bool, rest: Goals) -> Goals:
    for part in reversed(parts):
        rest = ((part, wanted), rest)
    return rest


def _nested(values: Mapping[str, Any]) -> dict[str, Any]:
    """A lead with these fields, without those that are None."""
    lead: dict[str, Any] = {}
    for name, value in values.items():
        if value is None:
            continue
        *path, last = name.split(".")
        place = lead
        for part in path:
            place = place.setdefault(part, {})
        place[last] = value
    return lead


def _test(leaf: Leaf) -> Callable[[Any], bool]:
    """The comparison, for a value or None."""
    if leaf.operator == "exists":
        return lambda value: (value is not None) is leaf.operand
    if leaf.field in _COMPARED_APART:
        condition = compile_condition(leaf)
        return lambda value: condition.holds({leaf.field: value}, NOW)
    compared = compile_comparison(leaf)
    return lambda value: value is not None and compared(value, NOW)


def _candidates(nodes: Sequence[Node], most: int | None) -> dict[str, list[Any]]:
    """The values to try for each field: at most so many that each comparison names, then some others."""
    by_field: dict[str, dict[Leaf, None]] = {}
    for node in nodes:
        for leaf in leaves(node):
            by_field.setdefault(leaf.field, {})[leaf] = None
    return {name: _values(name, found, most) for name, found in by_field.items()}


def _values(name: str, found: Mapping[Leaf, None], most: int | None) -> list[Any]:
    values = [each for leaf in found for each in _of_leaf(leaf, most)]
    kind = next(iter(found)).kind
    values.extend(_OTHERS.get(name) or _BY_KIND.get(kind, ("other", "Analytical Engines")))
    values.extend(_joined(found, kind))
    return list({repr(value): value for value in values}.values())


def _of_leaf(leaf: Leaf, most: int | None) -> Iterator[Any]:
    """The values that a comparison names, and their neighbors."""
    for operand in (leaf.operand if isinstance(leaf.operand, tuple) else (leaf.operand,))[:most]:
        if leaf.operator == "exists" or isinstance(operand, timedelta):
            continue
        if isinstance(operand, datetime):
            yield from (_day(operand), _day(operand - timedelta(days=1)), _day(operand + timedelta(days=1)))
        elif isinstance(operand, bool):
            yield operand
        elif isinstance(operand, (int, float)):
            yield from (operand, operand + 1, operand - 1)
        elif leaf.kind is Kind.STRINGS:
            yield [operand]
        elif leaf.operator == "matches":
            yield from _of_pattern(str(operand))
        elif leaf.operator in ("prefix", "contains"):
            yield from (operand, f"{operand}0", f"{operand} 1")
        else:
            yield operand


def _of_pattern(pattern: str) -> Iterator[str]:
    """The bound of a comparison of texts in their order, and its neighbors."""
    for bound in re.findall(r"[0-9]{2,}", pattern.rpartition("|")[2]):
        yield from (bound, f"{bound}0")
        yield from (f"{int(bound) + more:0{len(bound)}}" for more in (1, -1))


def _day(at: datetime) -> str:
    return at.date().isoformat() if at == parse_iso(at.date().isoformat()) else at.isoformat()


def _joined(found: Mapping[Leaf, None], kind: Kind) -> Iterator[Any]:
    """Values that meet several comparisons: a beginning with a part of a text, a list with all items."""
    parts = {
        operator: [
            each
            for leaf in found
            if leaf.operator == operator
            for each in (leaf.operand if isinstance(leaf.operand, tuple) else (leaf.operand,))
            if isinstance(each, str)
        ][:MAX_JOINED]
        for operator in ("prefix", "contains")
    }
    if kind is Kind.STRINGS:
        texts = parts["contains"]
        yield from ([one, other] for one in texts for other in texts if one != other)
        yield texts
    else:
        yield from (f"{one} {other}" for one in parts["prefix"] for other in parts["contains"])
        yield from (
            f"{one} {other}" for one in parts["contains"] for other in parts["contains"] if one != other
        )
