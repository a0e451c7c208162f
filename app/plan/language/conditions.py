"""Reads a condition (`when`) into a tree.

A mapping is true when all its keys are: `{field: value}`, `{field: {operator: value}}`, `all`, `any`, `not`.
`{exists: field}` is short for `{field: {exists: true}}`. A list as value means `in`. `prefix` and `contains`
take one value or a list, of which any will do. Null means that the field is missing, like `{exists: false}`.
Strings ignore case, except that `matches` needs `(?i)` for that. A missing field makes every comparison
false, `ne` and `not_in` included. An empty list counts as missing.
`engagement` can also be counted: `{engagement: {name: pricing, within: 14d, count: {gte: 2}}}`.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from dataclasses import field as dataclass_field

from app.plan.findings import MAX_FINDINGS, Faults, Finding, join, quote
from app.plan.language.fields import Catalog, Field, Kind
from app.plan.language.occurrences import is_occurrences, read_occurrences
from app.plan.language.operands import NAMES, Operand, read_operand
from app.plan.language.spelling import did_you_mean


@dataclass(frozen=True, slots=True)
class All:
    """True when every part is."""

    parts: tuple["Node", ...]


@dataclass(frozen=True, slots=True)
class Any:
    """True when one part is. `path` is that of the list, relative to the condition."""

    parts: tuple["Node", ...]
    path: str = dataclass_field(default="", compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Not:
    """True when its part is not."""

    part: "Node"


@dataclass(frozen=True, slots=True)
class Leaf:
    """One comparison of a field. The value of a `personal` field of a lead is never shown.

    `path` is that of the operand, relative to the condition.
    """

    field: str
    operator: str
    operand: Operand
    kind: Kind
    personal: bool
    path: str = dataclass_field(default="", compare=False, repr=False)


Node = All | Any | Not | Leaf


def parse_condition(value: object, catalog: Catalog) -> Node:
    """The tree of a condition. Raises Faults with every fault, at paths relative to the condition."""
    reader = _ConditionReader(catalog)
    node = reader.node(value, "")
    if reader.findings or node is None:
        raise Faults(*reader.findings)
    return node


def leaves(node: Node) -> Iterator[Leaf]:
    """Every comparison of a condition, from left to right."""
    match node:
        case Leaf():
            yield node
        case Not(part):
            yield from leaves(part)
        case All(parts) | Any(parts):
            for part in parts:
                yield from leaves(part)


def anys(node: Node) -> Iterator[Any]:
    """Every `any` of a condition, the outer ones first."""
    match node:
        case Not(part):
            yield from anys(part)
        case All(parts) | Any(parts):
            if isinstance(node, Any):
                yield node
            for part in parts:
                yield from anys(part)


class _ConditionReader:
    """Walks one condition and collects every fault, so that the author can fix them all at once."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self.findings: list[Finding] = []

    def node(self, value: object, path: str) -> Node | None:
        if not isinstance(value, dict):
            self._say(path, "wrong_type", "A condition must be a mapping, such as {country: DE}.")
            return None
        if not value:
            self._say(path, "empty_condition", "The condition is empty. Remove it to match every lead.")
            return None
        return _every([self._entry(key, each, join(path, quote(key))) for key, each in value.items()])

    def _entry(self, key: object, value: object, path: str) -> Node | None:
        match key:
            case "all":
                return _every(self._list(value, path))
            case "any":
                parts = [part for part in self._list(value, path) if part is not None]
                return parts[0] if len(parts) == 1 else Any(tuple(parts), path)
            case "not":
                part = self.node(value, path)
                return None if part is None else Not(part)
            case "exists":
                return self._present(value, path)
        field = self._catalog.find(key) if isinstance(key, str) else None
        if field is None:
            self._say(path, "unknown_field", self._hint(key))
            return None
        return self._field(field, value, path)

    def _present(self, name: object, path: str) -> Leaf | None:
        if not isinstance(name, str):
            self._say(path, "wrong_type", "Must be the name of one field, such as {exists: phone}.")
            return None
        field = self._catalog.find(name)
        if field is None:
            self._say(path, "unknown_field", self._hint(name))
            return None
        return self._leaf(field, "exists", True, path)

    def _list(self, value: object, path: str) -> list[Node | None]:
        if not isinstance(value, list):
            self._say(path, "wrong_type", "Must be a list of conditions.")
            return []
        if not value:
            self._say(path, "empty_condition", "The list must have at least one condition.")
        return [self.node(each, f"{path}[{position}]") for position, each in enumerate(value)]

    def _field(self, field: Field, value: object, path: str) -> Node | None:
        if isinstance(value, dict):
            if field.kind is Kind.OBJECTS and is_occurrences(value):
                return self._occurrences(field, value, path)
            if not value:
                self._say(
                    path,
                    "empty_condition",
                    "The comparison is empty. Add an operator and a value, such as {gte: 5}.",
                )
            return _every(
                [self._operator(field, key, each, join(path, quote(key))) for key, each in value.items()]
            )
        return self._leaf(field, "in" if isinstance(value, list) else "eq", value, path)

    def _operator(self, field: Field, key: object, value: object, path: str) -> Leaf | None:
        if key not in NAMES:
            meant = did_you_mean(key, NAMES)
            text = f"Unknown operator.{meant} Use one of {', '.join(sorted(NAMES))}."
            self._say(path, "unknown_operator", text)
            return None
        return self._leaf(field, str(key), value, path)

    def _leaf(self, field: Field, operator: str, value: object, path: str) -> Leaf | None:
        if value is None and operator in ("eq", "ne"):
            operator, value = "exists", operator == "ne"
        try:
            operand = read_operand(field, operator, value)
        except Faults as refused:
            self.findings.extend(finding.under(path) for finding in refused.findings)
            return None
        return Leaf(field.name, operator, operand, field.kind, field.personal, path)

    def _occurrences(self, field: Field, value: dict[object, object], path: str) -> Leaf | None:
        try:
            return Leaf(field.name, "count", read_occurrences(value), field.kind, field.personal, path)
        except Faults as refused:
            self.findings.extend(finding.under(path) for finding in refused.findings)
            return None

    def _hint(self, key: object) -> str:
        below = self._catalog.below(key) if isinstance(key, str) else []
        if below:
            return f"Unknown field. Use the full name, such as {below[0]}."
        if len(self.findings) >= MAX_FINDINGS:
            return "Unknown field."
        meant = did_you_mean(key, self._known()) or " Check the spelling."
        return f"Unknown field {quote(key)}.{meant} Custom fields are named attributes.name."

    def _known(self) -> Iterator[str]:
        """What a key of a condition may be."""
        yield from self._catalog.fields
        yield from ("all", "any", "not", "exists")

    def _say(self, path: str, code: str, text: str) -> None:
        self.findings.append(Finding(path, code, text))


def _every(parts: list[Node | None]) -> Node:
    """All parts as one node. Faulty parts are left out; they have a finding already."""
    flat: list[Node] = []
    for part in parts:
        if isinstance(part, All):
            flat.extend(part.parts)
        elif part is not None:
            flat.append(part)
    return flat[0] if len(flat) == 1 else All(tuple(flat))
