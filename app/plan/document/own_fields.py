"""Fields of a plan's own: types of custom attributes, and fields derived from others.

A derived field has one of a closed set of words, or is missing. It is written as words with the values of
another field that lead to them, or as cases of which the first that holds gives the word.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from graphlib import CycleError, TopologicalSorter
from typing import Any

from app.plan.findings import Faults, Finding, fault, quote
from app.plan.language.conditions import Leaf, Node, leaves, parse_condition
from app.plan.language.fields import FOLLOW_UP, LABELS, PIPELINE, Catalogue, Field, Kind
from app.plan.language.operands import read_operand

ATTRIBUTES = "attributes."
TYPES = tuple(kind.value for kind in Kind if kind not in (Kind.OBJECTS, Kind.ANY))
_WORD = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,62}")
_ATTRIBUTE = re.compile(r"attributes(\.[\w-]{1,63}){1,8}")
_VALUE = re.compile(r"[^\x00-\x1f\x7f]{1,255}")
_TAKEN = frozenset(
    {name.partition(".")[0] for name in (*FOLLOW_UP.fields, *FOLLOW_UP.free)}
    | {"all", "any", "not", "exists", "lead", "owner", *LABELS}
)


@dataclass(frozen=True, slots=True)
class Case:
    """One word a derived field may have, and when; always when `when` is None."""

    value: str
    when: Node | None


@dataclass(frozen=True, slots=True)
class Derived:
    """A field derived from others: the first case that holds gives its value."""

    name: str
    cases: tuple[Case, ...]


@dataclass(frozen=True, slots=True)
class OwnFields:
    """What a plan declares under `fields`. A derived field comes after those it is made from."""

    fields: tuple[Field, ...] = ()
    derived: tuple[Derived, ...] = ()


def declare_fields(written: object) -> tuple[Field, ...]:
    """The fields these declarations make, as far as they can be told; what is wrong with them is not told."""
    if not isinstance(written, Mapping):
        return ()
    return tuple(_field(name, each) for name, each in written.items() if not _name_fault(name))


def read_own_fields(written: object) -> OwnFields:
    """The fields a plan declares. Raises Faults with every fault of every declaration."""
    if not isinstance(written, Mapping):
        raise fault("wrong_type", "Write fields as a mapping of name to declaration.")
    fields = declare_fields(written)
    catalogue = PIPELINE.extended(fields)
    findings: list[Finding] = []
    found: dict[str, Derived] = {}
    for name, each in written.items():
        try:
            derived = _read(str(name), each, catalogue)
            if derived is not None:
                found[derived.name] = derived
        except Faults as refused:
            findings.extend(finding.under(quote(name)) for finding in refused.findings)
    if findings:
        raise Faults(*findings)
    ordered = tuple(_in_order_of_need(found))
    hidden = _made_from_personal(ordered, catalogue)
    return OwnFields(tuple(replace(each, personal=each.name in hidden) for each in fields), ordered)


def _name_fault(name: object) -> Finding | None:
    if not isinstance(name, str) or not (_WORD.fullmatch(name) or _ATTRIBUTE.fullmatch(name)):
        text = "Call a field by a word of letters, digits and _, or a custom attribute attributes.name."
        return Finding("", "invalid_name", text)
    if not name.startswith(ATTRIBUTES) and name in _TAKEN:
        return Finding("", "reserved_name", f"Call this field something else: {quote(name)} is taken.")
    return None


def _field(name: str, written: object) -> Field:
    if name.startswith(ATTRIBUTES):
        kind = written.get("type") if isinstance(written, Mapping) else None
        known = Kind(kind) if isinstance(kind, str) and kind in TYPES else Kind.ANY
        return Field(name, known, "A custom attribute.", personal=True)
    return Field(name, Kind.STRING, "A field of the plan's own.", choices=_choices(written))


def _choices(written: object) -> tuple[str, ...]:
    """The words a derived field may have, in the order they are written."""
    if isinstance(written, Mapping):
        words: Iterator[object] = (key for key in written if key != "from")
    elif isinstance(written, list):
        words = (each.get("value") for each in written if isinstance(each, Mapping))
    else:
        words = iter(())
    return tuple(dict.fromkeys(word for word in words if isinstance(word, str)))


def _read(name: str, written: object, catalogue: Catalogue) -> Derived | None:
    """The derived field; None for an attribute, of which only the type is declared."""
    refused = _name_fault(name)
    if refused is not None:
        raise Faults(refused)
    if name.startswith(ATTRIBUTES):
        _check_attribute(written)
        return None
    if isinstance(written, Mapping):
        return Derived(name, _from_values(written, catalogue))
    if isinstance(written, list) and written:
        return Derived(name, _from_cases(written, catalogue))
    raise fault("wrong_type", "Write {from: field, word: [values]}, or a list of {when: …, value: word}.")


def _check_attribute(written: object) -> None:
    if not isinstance(written, Mapping) or set(written) != {"type"}:
        raise fault("wrong_type", "Write an attribute as {type: …}.")
    if not isinstance(written["type"], str) or written["type"] not in TYPES:
        raise fault("not_allowed", f"Write one of {', '.join(TYPES)}.", "type")


def _from_values(written: Mapping[Any, Any], catalogue: Catalogue) -> tuple[Case, ...]:
    source = written.get("from")
    field = catalogue.find(source) if isinstance(source, str) else None
    if field is None:
        raise fault("unknown_field", "Say from which field of the lead it is derived.", "from")
    findings: list[Finding] = []
    cases: list[Case] = []
    seen: set[object] = set()
    for word, values in written.items():
        if word == "from":
            continue
        try:
            operand = read_operand(field, "in", values if isinstance(values, list) else [values])
            leaf = Leaf(field.name, "in", operand, field.kind, field.personal)
            cases.append(Case(_word(word), leaf))
            findings.extend(_doubled(operand, seen, quote(word)))
        except Faults as refused:
            findings.extend(finding.under(quote(word)) for finding in refused.findings)
    if not cases and not findings:
        raise fault("required", "Write at least one word with the values that lead to it.")
    if findings:
        raise Faults(*findings)
    return tuple(cases)


def _doubled(operand: object, seen: set[object], path: str) -> Iterator[Finding]:
    """A value that leads to two words: which of them counts would hang on the order of a mapping."""
    for value in operand if isinstance(operand, tuple) else ():
        key = (isinstance(value, bool), value.casefold() if isinstance(value, str) else value)
        if key in seen:
            yield Finding(path, "duplicate_value", f"Write {quote(value)} under one word only.")
        seen.add(key)


def _word(value: object) -> str:
    if not isinstance(value, str) or not _VALUE.fullmatch(value) or value != value.strip():
        raise fault("invalid_name", "Write a word here, as text of at most 255 characters.")
    return value


def _from_cases(written: list[object], catalogue: Catalogue) -> tuple[Case, ...]:
    findings: list[Finding] = []
    cases: list[Case] = []
    for position, each in enumerate(written):
        try:
            if cases and cases[-1].when is None:
                raise fault("unreachable", "Remove this case: the one before it takes every lead.")
            cases.append(_case(each, catalogue))
        except Faults as refused:
            findings.extend(finding.under(f"[{position}]") for finding in refused.findings)
    if findings:
        raise Faults(*findings)
    return tuple(cases)


def _case(written: object, catalogue: Catalogue) -> Case:
    if not isinstance(written, Mapping) or "value" not in written or not set(written) <= {"when", "value"}:
        raise fault("wrong_type", "Write a case as {when: …, value: word}, the last one as {value: word}.")
    try:
        value = _word(written["value"])
    except Faults as refused:
        raise Faults(*(finding.under("value") for finding in refused.findings)) from None
    if "when" not in written:
        return Case(value, None)
    try:
        return Case(value, parse_condition(written["when"], catalogue))
    except Faults as refused:
        raise Faults(*(finding.under("when") for finding in refused.findings)) from None


def _asked(derived: Derived) -> Iterator[str]:
    """The fields it is made from."""
    return (leaf.field for case in derived.cases if case.when is not None for leaf in leaves(case.when))


def _in_order_of_need(found: Mapping[str, Derived]) -> Iterator[Derived]:
    needs = {name: {each for each in _asked(derived) if each in found} for name, derived in found.items()}
    try:
        return iter([found[name] for name in TopologicalSorter(needs).static_order()])
    except CycleError as cycle:
        name = str(cycle.args[1][0])
        text = "Derive this field from others: as it is written, it is made from itself."
        raise fault("cyclic_field", text, quote(name)) from None


def _made_from_personal(ordered: tuple[Derived, ...], catalogue: Catalogue) -> set[str]:
    """Names of attributes, and of fields made from what must not be shown: their values tell of it."""
    hidden = {name for name in catalogue.fields if name.startswith(ATTRIBUTES)}
    for derived in ordered:
        if any(name in hidden or catalogue.personal(name) for name in _asked(derived)):
            hidden.add(derived.name)
    return hidden
