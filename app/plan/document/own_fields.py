"""The `fields` of a plan: types of custom attributes, and derived fields.

A derived field has one word of a closed set, or is missing. It is written as words with the values of another
field that give them, or as cases. The first case that is true gives the word.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from graphlib import CycleError, TopologicalSorter
from typing import Any

from app.plan.findings import Faults, Finding, fault, quote
from app.plan.language.conditions import Leaf, Node, leaves, parse_condition
from app.plan.language.fields import FOLLOW_UP, LABELS, PIPELINE, Catalog, Field, Kind
from app.plan.language.operands import read_operand

ATTRIBUTES = "attributes."
TYPES = tuple(kind.value for kind in Kind if kind not in (Kind.OBJECTS, Kind.ANY))
_WORD = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,62}")
# Beyond ASCII also marks, without which words of many scripts cannot be written.
_LETTER = r"(?![\u2000-\u206f\u3000-\u3003\ufeff])[\w\-\u0300-\U0010ffff]"
_ATTRIBUTE = re.compile(rf"attributes(\.(?:{_LETTER}){{1,63}}){{1,8}}")
_VALUE = re.compile(r"[^\x00-\x1f\x7f]{1,255}")
_LATER = frozenset(
    ("contact", "geo_conflict", "geo_conflict_parts", "attribution", "form", "landing_page", "click_ids",
     "seniority", "function", "preferences", "timezone", "review", "junk_score",
     "junk_parts", "junk_cleared")
)  # fmt: skip
"""Fields of the lead that plans could declare before there were any. The plan's own one replaces them."""
_TAKEN = (
    frozenset(
        {name.partition(".")[0] for name in (*FOLLOW_UP.fields, *FOLLOW_UP.free)}
        | {"all", "any", "not", "exists", "lead", "owner", *LABELS}
    )
    - _LATER
)


@dataclass(frozen=True, slots=True)
class Case:
    """One word of a derived field and its condition. None means always."""

    value: str
    when: Node | None


@dataclass(frozen=True, slots=True)
class Derived:
    """A derived field. The first case that is true gives its value."""

    name: str
    cases: tuple[Case, ...]


@dataclass(frozen=True, slots=True)
class OwnFields:
    """The `fields` of a plan. A derived field comes after the fields it depends on."""

    fields: tuple[Field, ...] = ()
    derived: tuple[Derived, ...] = ()


def declare_fields(written: object) -> tuple[Field, ...]:
    """The declared fields. Faulty declarations are skipped silently."""
    if not isinstance(written, Mapping):
        return ()
    return tuple(_field(name, each) for name, each in written.items() if not _name_fault(name))


def read_own_fields(written: object) -> OwnFields:
    """The fields a plan declares. Raises Faults with every fault of every declaration."""
    if not isinstance(written, Mapping):
        raise fault("wrong_type", "fields must be a mapping of names to declarations.")
    fields = declare_fields(written)
    catalog = PIPELINE.extended(fields)
    findings: list[Finding] = []
    found: dict[str, Derived] = {}
    for name, each in written.items():
        try:
            derived = _read(str(name), each, catalog)
            if derived is not None:
                found[derived.name] = derived
        except Faults as refused:
            findings.extend(finding.under(quote(name)) for finding in refused.findings)
    if findings:
        raise Faults(*findings)
    ordered = tuple(_in_order_of_need(found))
    hidden = _made_from_personal(ordered, catalog)
    return OwnFields(tuple(replace(each, personal=each.name in hidden) for each in fields), ordered)


def _name_fault(name: object) -> Finding | None:
    if not isinstance(name, str) or not (_WORD.fullmatch(name) or _ATTRIBUTE.fullmatch(name)):
        text = "A name must be letters, digits and _, or attributes.name for a custom attribute."
        return Finding("", "invalid_name", text)
    if not name.startswith(ATTRIBUTES) and name in _TAKEN:
        return Finding("", "reserved_name", f"Call this field something else: {quote(name)} is taken.")
    return None


def _field(name: str, written: object) -> Field:
    if name.startswith(ATTRIBUTES):
        kind = written.get("type") if isinstance(written, Mapping) else None
        known = Kind(kind) if isinstance(kind, str) and kind in TYPES else Kind.ANY
        shown = isinstance(written, Mapping) and written.get("personal") is False
        return Field(name, known, "A custom attribute.", personal=not shown)
    return Field(name, Kind.STRING, "A field of the plan's own.", choices=_choices(written))


def _choices(written: object) -> tuple[str, ...]:
    """The words of a derived field, in the order they are written."""
    if isinstance(written, Mapping):
        words: Iterator[object] = (key for key in written if key != "from")
    elif isinstance(written, list):
        words = (each.get("value") for each in written if isinstance(each, Mapping))
    else:
        words = iter(())
    return tuple(dict.fromkeys(word for word in words if isinstance(word, str)))


def _read(name: str, written: object, catalog: Catalog) -> Derived | None:
    """The derived field, or None for the type of an attribute."""
    refused = _name_fault(name)
    if refused is not None:
        raise Faults(refused)
    if name.startswith(ATTRIBUTES):
        _check_attribute(written)
        return None
    if isinstance(written, Mapping):
        return Derived(name, _from_values(written, catalog))
    if isinstance(written, list) and written:
        return Derived(name, _from_cases(written, catalog))
    raise fault("wrong_type", "Must be {from: field, word: [values]}, or a list of {when: …, value: word}.")


def _check_attribute(written: object) -> None:
    if not isinstance(written, Mapping) or not {"type"} <= set(written) <= {"type", "personal"}:
        raise fault("wrong_type", "Must be {type: …}, with personal: false if its value may be shown.")
    if not isinstance(written.get("personal", True), bool):
        raise fault("wrong_type", "Must be true or false.", "personal")
    if not isinstance(written["type"], str) or written["type"] not in TYPES:
        raise fault("not_allowed", f"Must be one of {', '.join(TYPES)}.", "type")


def _from_values(written: Mapping[Any, Any], catalog: Catalog) -> tuple[Case, ...]:
    source = written.get("from")
    field = catalog.find(source) if isinstance(source, str) else None
    if field is None:
        raise fault("unknown_field", "Must be a field of the lead.", "from")
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
            # Industries that became one name are listed under two words in plans older than the list.
            told = (
                operand
                if field.name != "industry"
                else tuple(values if isinstance(values, list) else [values])
            )
            findings.extend(_doubled(told, seen, quote(word)))
        except Faults as refused:
            findings.extend(finding.under(quote(word)) for finding in refused.findings)
    if not cases and not findings:
        raise fault("required", "At least one word with its values is required.")
    if findings:
        raise Faults(*findings)
    return tuple(cases)


def _doubled(operand: object, seen: set[object], path: str) -> Iterator[Finding]:
    """Values listed under two words. The word would depend on the order of a mapping."""
    for value in operand if isinstance(operand, tuple) else ():
        key = (isinstance(value, bool), value.casefold() if isinstance(value, str) else value)
        if key in seen:
            yield Finding(path, "duplicate_value", f"{quote(value)} is listed under two words. Remove one.")
        seen.add(key)


def _word(value: object) -> str:
    if not isinstance(value, str) or not _VALUE.fullmatch(value) or value != value.strip():
        raise fault("invalid_name", "Must be a string of 1 to 255 characters.")
    return value


def _from_cases(written: list[object], catalog: Catalog) -> tuple[Case, ...]:
    findings: list[Finding] = []
    cases: list[Case] = []
    for position, each in enumerate(written):
        try:
            if cases and cases[-1].when is None:
                raise fault("unreachable", "Remove this case. The one before it takes every lead.")
            cases.append(_case(each, catalog))
        except Faults as refused:
            findings.extend(finding.under(f"[{position}]") for finding in refused.findings)
    if findings:
        raise Faults(*findings)
    return tuple(cases)


def _case(written: object, catalog: Catalog) -> Case:
    if not isinstance(written, Mapping) or "value" not in written or not set(written) <= {"when", "value"}:
        raise fault("wrong_type", "Must be {when: …, value: word}. The last case may be {value: word}.")
    try:
        value = _word(written["value"])
    except Faults as refused:
        raise Faults(*(finding.under("value") for finding in refused.findings)) from None
    if "when" not in written:
        return Case(value, None)
    try:
        return Case(value, parse_condition(written["when"], catalog))
    except Faults as refused:
        raise Faults(*(finding.under("when") for finding in refused.findings)) from None


def _asked(derived: Derived) -> Iterator[str]:
    """The fields it depends on."""
    return (leaf.field for case in derived.cases if case.when is not None for leaf in leaves(case.when))


def _in_order_of_need(found: Mapping[str, Derived]) -> Iterator[Derived]:
    needs = {name: {each for each in _asked(derived) if each in found} for name, derived in found.items()}
    try:
        return iter([found[name] for name in TopologicalSorter(needs).static_order()])
    except CycleError as cycle:
        name = str(cycle.args[1][0])
        text = "This field depends on itself. Derive it from other fields."
        raise fault("cyclic_field", text, quote(name)) from None


def _made_from_personal(ordered: tuple[Derived, ...], catalog: Catalog) -> set[str]:
    """Names of personal attributes, and of fields derived from personal fields."""
    hidden = {name for name in catalog.fields if name.startswith(ATTRIBUTES) and catalog.personal(name)}
    for derived in ordered:
        if any(name in hidden or catalog.personal(name) for name in _asked(derived)):
            hidden.add(derived.name)
    return hidden
