"""Compiled conditions, which can also explain why they hold or fail."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, NamedTuple, Protocol

from app.engine.conditions.comparisons import (
    Values,
    compile_comparison,
    getter,
    getter_as_sent,
    index_key,
)
from app.engine.conditions.languages import FIELD as LANGUAGE
from app.engine.conditions.languages import compile_language
from app.engine.conditions.states import FIELD as STATE
from app.engine.conditions.states import compile_state
from app.plan.language import conditions as tree
from app.plan.language.fields import Kind
from app.plan.language.occurrences import Occurrences
from app.values.states import tails_of

Holds = Callable[[Values, datetime], bool]
Satisfied = tuple[str, str, Any]
"""A field, the operator that held, and the lead's value, which is None for a personal field.

For `exists` the third item is whether the field is present; for a list it is the item that was found; for
`not` it is the value that the condition excludes.
"""


class Requirement(NamedTuple):
    """What a condition requires to hold: the field is one of the options, or begins with one.

    `operator` is `in` or `prefix`. Options are case-folded.
    """

    field: str
    operator: str
    options: frozenset[str | int | float]


class _Node(Protocol):
    """One node of a condition. `holds` is an attribute, so that testing it costs one call."""

    holds: Holds

    def failure(self, values: Values, now: datetime) -> tuple[str, str] | None: ...
    def satisfied(self, values: Values, now: datetime) -> tuple[Satisfied, ...]: ...
    def explain(self, values: Values, now: datetime) -> dict[str, Any]: ...


class Condition:
    """A compiled condition. `holds(values, now)` tests it; `requires` is for the index of conditions."""

    __slots__ = ("_root", "holds", "node", "requires")

    def __init__(self, node: tree.Node) -> None:
        self.node = node
        self._root = _compile(node)
        self.holds: Holds = self._root.holds
        self.requires = requirements_of(node)

    def failure(self, values: Values, now: datetime) -> tuple[str, str] | None:
        """Field and operator of the first comparison that failed. None when the condition holds.

        If a `not` failed, the operator begins with `not `.
        """
        return self._root.failure(values, now)

    def satisfied(self, values: Values, now: datetime) -> tuple[Satisfied, ...]:
        """The comparisons that made it hold, from left to right. An `any` adds only the first that held.

        What did not hold, under a `not`, is a reason only where there is no other.
        """
        found = self._root.satisfied(values, now)
        return tuple(each for each in found if each[1] != "not") or found

    def explain(self, values: Values, now: datetime) -> dict[str, Any]:
        """The result of every node, without any value of the lead."""
        return self._root.explain(values, now)


def compile_condition(node: tree.Node) -> Condition:
    """The condition of a tree."""
    return Condition(node)


def _compile(node: tree.Node) -> _Node:
    match node:
        case tree.All(parts):
            return _All([_compile(part) for part in parts])
        case tree.Any(parts):
            return _Any([_compile(part) for part in parts])
        case tree.Not(part):
            return _Not(_compile(part), next(tree.leaves(part)))
        case tree.Leaf():
            return _Leaf(node)


def _is_there(value: Any) -> bool:
    return value is not None


def _is_boolean(value: Any) -> bool:
    return isinstance(value, bool)


_TEXTS = ("prefix", "contains", "matches")
"""Operators that look into the text of a value."""


class _Leaf:
    __slots__ = ("_get", "_leaf", "holds")

    def __init__(self, leaf: tree.Leaf) -> None:
        self._leaf = leaf
        self._get = get = (getter_as_sent if leaf.operator in _TEXTS else getter)(leaf.field)
        if leaf.operator == "exists":
            wanted = leaf.operand
            # A consent that could not be read is as good as none.
            known = _is_boolean if leaf.kind is Kind.BOOLEAN else _is_there
            self.holds: Holds = lambda values, _: known(get(values)) is wanted
        elif leaf.field == STATE:
            self.holds = compile_state(leaf, compile_comparison(leaf))
        elif leaf.field == LANGUAGE:
            self.holds = compile_language(leaf, compile_comparison(leaf))
        else:
            test = compile_comparison(leaf)
            self.holds = lambda values, now: (value := get(values)) is not None and test(value, now)

    def failure(self, values: Values, now: datetime) -> tuple[str, str] | None:
        return None if self.holds(values, now) else (self._leaf.field, self._leaf.operator)

    def satisfied(self, values: Values, now: datetime) -> tuple[Satisfied, ...]:
        leaf = self._leaf
        if not self.holds(values, now):
            return ()
        if leaf.operator == "exists":
            return ((leaf.field, leaf.operator, leaf.operand),)
        if isinstance(leaf.operand, Occurrences):
            return ((leaf.field, leaf.operator, leaf.operand.name),)
        value = None if leaf.personal else self._get(values)
        # Of a list, only the item that was looked for matters.
        return ((leaf.field, leaf.operator, _found(leaf, value) if isinstance(value, list) else value),)

    def explain(self, values: Values, now: datetime) -> dict[str, Any]:
        leaf = self._leaf
        return {"field": leaf.field, "operator": leaf.operator, "held": self.holds(values, now)}


def _found(leaf: tree.Leaf, items: list[Any]) -> Any:
    """The item that was looked for: the first of the operands that is in the list."""
    if not isinstance(leaf.operand, tuple):
        return leaf.operand
    present = {index_key(each.get("name") if isinstance(each, Mapping) else each) for each in items}
    return next((each for each in leaf.operand if index_key(each) in present), leaf.operand[0])


class _All:
    __slots__ = ("_parts", "holds")

    def __init__(self, parts: list[_Node]) -> None:
        self._parts = parts
        tests = tuple(part.holds for part in parts)

        def holds(values: Values, now: datetime) -> bool:
            for test in tests:  # noqa: SIM110  a generator costs more than the tests themselves
                if not test(values, now):
                    return False
            return True

        self.holds: Holds = holds

    def failure(self, values: Values, now: datetime) -> tuple[str, str] | None:
        failures = (part.failure(values, now) for part in self._parts)
        return next((failure for failure in failures if failure is not None), None)

    def satisfied(self, values: Values, now: datetime) -> tuple[Satisfied, ...]:
        return tuple(each for part in self._parts for each in part.satisfied(values, now))

    def explain(self, values: Values, now: datetime) -> dict[str, Any]:
        return {"all": [part.explain(values, now) for part in self._parts], "held": self.holds(values, now)}


class _Any:
    __slots__ = ("_parts", "holds")

    def __init__(self, parts: list[_Node]) -> None:
        self._parts = parts
        tests = tuple(part.holds for part in parts)

        def holds(values: Values, now: datetime) -> bool:
            for test in tests:  # noqa: SIM110
                if test(values, now):
                    return True
            return False

        self.holds: Holds = holds

    def failure(self, values: Values, now: datetime) -> tuple[str, str] | None:
        return None if self.holds(values, now) else self._parts[0].failure(values, now)

    def satisfied(self, values: Values, now: datetime) -> tuple[Satisfied, ...]:
        held = next((part for part in self._parts if part.holds(values, now)), None)
        return held.satisfied(values, now) if held is not None else ()

    def explain(self, values: Values, now: datetime) -> dict[str, Any]:
        return {"any": [part.explain(values, now) for part in self._parts], "held": self.holds(values, now)}


class _Not:
    __slots__ = ("_first", "_part", "holds")

    def __init__(self, part: _Node, first: tree.Leaf) -> None:
        self._part = part
        self._first = first
        test = part.holds
        self.holds: Holds = lambda values, now: not test(values, now)

    def failure(self, values: Values, now: datetime) -> tuple[str, str] | None:
        return None if self.holds(values, now) else (self._first.field, f"not {self._first.operator}")

    def satisfied(self, values: Values, now: datetime) -> tuple[Satisfied, ...]:
        if not self.holds(values, now):
            return ()
        leaf = self._first
        if leaf.operator == "exists":
            return ((leaf.field, "exists", not leaf.operand),)
        return ((leaf.field, "not", leaf.operand if leaf.operator == "eq" else None),)

    def explain(self, values: Values, now: datetime) -> dict[str, Any]:
        return {"not": self._part.explain(values, now), "held": self.holds(values, now)}


def requirements_of(node: tree.Node) -> tuple[Requirement, ...]:
    """What a condition requires, for the index of conditions."""
    parts = node.parts if isinstance(node, tree.All) else (node,)
    found = (_requirement(part) for part in parts if isinstance(part, tree.Leaf))
    return tuple(each for each in found if each is not None)


def _requirement(leaf: tree.Leaf) -> Requirement | None:
    if leaf.operator not in ("eq", "in", "prefix"):
        return None
    operands = leaf.operand if isinstance(leaf.operand, tuple) else (leaf.operand,)
    options = frozenset(key for each in operands if (key := index_key(each)) is not None)
    if len(options) == 0:
        return None
    if leaf.field == STATE:
        return _state_requirement(leaf.operator, options)
    if leaf.operator == "prefix":
        if leaf.field == LANGUAGE:
            return None
        return Requirement(leaf.field, "prefix", _shortest(options))
    return Requirement(leaf.field, "in", options)


def _state_requirement(operator: str, options: frozenset[str | int | float]) -> Requirement | None:
    """The index knows states by their codes only."""
    if operator == "prefix":
        return None
    buckets = frozenset(bucket for option in options for bucket in tails_of(str(option)))
    return Requirement(STATE, "in", buckets)


def _shortest(prefixes: frozenset[str | int | float]) -> frozenset[str | int | float]:
    """The prefixes that do not begin with another one, so that the index finds each condition once."""
    texts = {each for each in prefixes if isinstance(each, str)}
    return frozenset(
        each for each in texts if not any(each[:length] in texts for length in range(1, len(each)))
    )
