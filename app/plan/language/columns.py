"""The columns a rule matches on: fields of the lead, each compared in one of four ways."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Literal, get_args

from pydantic import PlainValidator, ValidationInfo

from app.plan.findings import Faults, Finding, fault, quote
from app.plan.language.fields import Field, Kind
from app.plan.language.shapes import context_of, hand_written
from app.plan.language.spelling import did_you_mean

Matcher = Literal["eq", "longest_prefix", "postal", "range"]
MATCHERS: tuple[Matcher, ...] = get_args(Matcher)

_TEXT: tuple[Matcher, ...] = MATCHERS
_NUMBER: tuple[Matcher, ...] = ("eq", "range")
FITTING: Mapping[Kind, tuple[Matcher, ...]] = {
    Kind.STRING: _TEXT,
    Kind.INTEGER: _NUMBER,
    Kind.NUMBER: _NUMBER,
    Kind.BOOLEAN: ("eq",),
    Kind.TIMESTAMP: (),
    Kind.STRINGS: (),
    Kind.OBJECTS: (),
    Kind.ANY: MATCHERS,
}
"""The matchers of each type of field."""

MAX_COLUMNS = 20


@dataclass(frozen=True, slots=True)
class Column:
    """One column: the field it is compared with, and how."""

    field: Field
    how: Matcher


MatchOn = tuple[Column, ...]
"""The columns of a look-up. Of several matching rows, the first column decides which one wins."""


def _read_match_on(value: object, info: ValidationInfo) -> MatchOn:
    """Read `match_on`. Raises Faults with every fault of every column."""
    if not isinstance(value, Mapping) or not 1 <= len(value) <= MAX_COLUMNS:
        text = f"Must be 1 to {MAX_COLUMNS} columns, such as {{country: eq, postal_code: postal}}."
        raise fault("wrong_type", text)
    found: list[Column] = []
    findings: list[Finding] = []
    for name, how in value.items():
        try:
            found.append(_column(name, how, info))
        except Faults as refused:
            findings.extend(finding.under(quote(name)) for finding in refused.findings)
    if findings:
        raise Faults(*findings)
    return tuple(found)


def _column(name: object, how: object, info: ValidationInfo) -> Column:
    field = context_of(info).pipeline.find(name) if isinstance(name, str) else None
    if field is None:
        meant = did_you_mean(name, context_of(info).pipeline.fields)
        raise fault("unknown_field", f"Unknown field.{meant} A column is named after a field of the lead.")
    matcher = next((each for each in MATCHERS if each == how), None)
    if matcher is None:
        raise fault("not_allowed", f"Must be one of {', '.join(MATCHERS)}.")
    if matcher not in FITTING[field.kind]:
        fitting = " or ".join(FITTING[field.kind]) or "another field"
        text = f"{matcher} does not fit {quote(name)}, which is of type {field.kind}. Use {fitting}."
        raise fault("wrong_matcher", text)
    return Column(field, matcher)


ReadMatchOn = Annotated[MatchOn, PlainValidator(_read_match_on), hand_written("match_on")]
"""The `match_on` of a rule."""
