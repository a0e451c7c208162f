"""The operators of each type of field, and the values they take."""

import re
from datetime import datetime, timedelta

from app.plan.findings import Faults, fault, quote
from app.plan.language.durations import parse_instant
from app.plan.language.fields import Field, Kind
from app.plan.language.occurrences import Occurrences
from app.plan.language.patterns import compile_pattern
from app.values.booleans import read_boolean
from app.values.countries import country_code
from app.values.industries import read_industry
from app.values.languages import language_or_tag
from app.values.numbers import MAX_NUMBER, read_number
from app.values.postal_codes import postal_beginning, postal_code
from app.values.states import read_option

Scalar = str | int | float | bool | datetime | timedelta
Operand = Scalar | tuple[Scalar, ...] | Occurrences
"""The value a field is compared with. A timestamp is absolute, or relative to now."""

EXTENSION = re.compile(r"x-[a-z0-9_-]{1,40}")

_ORDER = ("gt", "gte", "lt", "lte")
_TEXT = ("eq", "ne", "in", "not_in", "prefix", "contains", "matches", "exists")
_NUMBER = ("eq", "ne", "in", "not_in", *_ORDER, "exists")

OPERATORS: dict[Kind, tuple[str, ...]] = {
    Kind.STRING: _TEXT,
    Kind.INTEGER: _NUMBER,
    Kind.NUMBER: _NUMBER,
    Kind.BOOLEAN: ("eq", "ne", "exists"),
    Kind.TIMESTAMP: ("eq", "ne", *_ORDER, "exists"),
    Kind.STRINGS: ("contains", "exists"),
    Kind.OBJECTS: ("contains", "exists"),
    Kind.ANY: ("eq", "ne", "in", "not_in", *_ORDER, "prefix", "contains", "matches", "exists"),
}
"""The operators of each type of field."""

NAMES = frozenset(OPERATORS[Kind.ANY])
"""Every operator."""

ANY_OF = ("prefix", "contains")
"""Operators that take one value or a list. Of a list, any value will do."""

_CLOSED = ("eq", "ne", "in", "not_in")
_LISTS = ("in", "not_in")


def read_operand(field: Field, operator: str, value: object) -> Operand:
    """The value of an operator, ready to compare.

    Raises Faults when the operator does not fit the field, or the value does not fit the operator.
    """
    if operator not in OPERATORS[field.kind]:
        raise fault("wrong_operator", _misfit(field, operator))
    if operator == "exists":
        if not isinstance(value, bool):
            raise fault("invalid_operand", "exists must be true or false.")
        return value
    if operator in _LISTS or (operator in ANY_OF and isinstance(value, (list, tuple))):
        return _list(field, operator, value)
    return _one(field, operator, value)


def _misfit(field: Field, operator: str) -> str:
    if field.kind in (Kind.STRINGS, Kind.OBJECTS):
        return f"{quote(field.name)} is of type {field.kind}. Use {{contains: …}} instead of {operator}."
    fitting = ", ".join(OPERATORS[field.kind])
    return (
        f"{operator} does not fit {quote(field.name)}, which is of type {field.kind}. Use one of {fitting}."
    )


def _list(field: Field, operator: str, value: object) -> tuple[Scalar, ...]:
    if not isinstance(value, (list, tuple)) or not value:
        raise fault("invalid_operand", f"{operator} must have a list of at least one value.")
    found: list[Scalar] = []
    faults: list[Faults] = []
    for position, each in enumerate(value):
        try:
            found.append(_one(field, operator, each))
        except Faults as refused:
            faults.append(Faults(*(finding.under(f"[{position}]") for finding in refused.findings)))
    if faults:
        raise Faults(*(finding for each in faults for finding in each.findings))
    return tuple(found)


def _one(field: Field, operator: str, value: object) -> Scalar:
    match field.kind:
        case Kind.INTEGER | Kind.NUMBER:
            return _number_or_range(field, operator, value)
        case Kind.BOOLEAN:
            read = read_boolean(value)
            if read is None:
                raise fault(
                    "invalid_operand", f"{quote(field.name)} is a boolean. Compare it with true or false."
                )
            return read
        case Kind.TIMESTAMP:
            return _instant(value)
        case Kind.ANY:
            return _open(field, operator, value)
        case _:
            return _text(field, operator, value)


def _number_or_range(field: Field, operator: str, value: object) -> int | float | str:
    """A number, also as text. For equality it may be a range, in its stored form."""
    read = read_number(value, whole=field.kind is Kind.INTEGER) if isinstance(value, str) else None
    if read is None:
        return _number(field, value)
    if isinstance(read.value, str) and operator in _ORDER:
        raise fault("invalid_operand", f"{operator} must have one number, not a range.")
    return read.value


def _number(field: Field, value: object) -> int | float:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise fault("invalid_operand", f"{quote(field.name)} is a number. Compare it with a number.")
    if not abs(value) <= MAX_NUMBER:
        raise fault("out_of_range", "Must be between -10^15 and 10^15.")
    return value


def _instant(value: object) -> datetime | timedelta:
    try:
        return parse_instant(value if isinstance(value, str) else "")
    except ValueError as refused:
        raise fault("invalid_timestamp", str(refused)) from None


def _open(field: Field, operator: str, value: object) -> Scalar:
    if operator in ("prefix", "matches") or isinstance(value, str):
        # In a field of type any, ordered strings are timestamps. No other order makes sense.
        return _instant(value) if operator in _ORDER else _text(field, operator, value)
    if isinstance(value, bool) and operator in ("eq", "ne"):
        return value
    return _number(field, value)


def _text(field: Field, operator: str, value: object) -> str:
    if not isinstance(value, str) or not value.strip():
        raise fault("invalid_operand", _not_text(field, operator, value))
    if operator == "matches":
        _check_pattern(value)
    elif operator in _CLOSED and field.name in _READERS:
        return _READERS[field.name](value)
    elif operator == "prefix" and field.name == "postal_code":
        return postal_beginning(value)
    elif operator in _CLOSED and field.choices:
        _check_choice(field, value)
    return value.strip() if operator in _CLOSED else value


def _not_text(field: Field, operator: str, value: object) -> str:
    name = quote(field.name)
    if isinstance(value, bool) or not isinstance(value, (str, int, float, type(None))):
        return f"{name} is compared with a string."
    if isinstance(value, (int, float)):
        return f"{name} is compared with a string: put {value} in quotes."
    match operator:
        case "eq":
            return f"{name} is never empty text. For leads without it, write null."
        case "ne":
            return f"{name} is never empty text. For leads that have it, write {{ne: null}}."
        case "matches":
            return f"{name} is compared with a string: use one that is not empty."
        case _:
            remedy = f"For leads without it, write {{{name}: null}} as another condition under any."
            return f"{name} is compared with strings that are not empty. {remedy}"


def _check_pattern(text: str) -> None:
    try:
        compile_pattern(text)
    except ValueError as refused:
        raise fault("invalid_pattern", str(refused)) from None


def _country(text: str) -> str:
    code = country_code(text)
    if code is None:
        raise fault(
            "unknown_country",
            "Unknown country. Use an ISO 3166 code, such as DE, or the name of the country.",
        )
    return code


def _postal_code(text: str) -> str:
    return postal_code(text) or text.strip()


def _state(text: str) -> str:
    return read_option(text) or text.strip()


def _industry(text: str) -> str:
    return read_industry(text) or text.strip()


_READERS = {
    "country": _country,
    "state": _state,
    "language": language_or_tag,
    "postal_code": _postal_code,
    "industry": _industry,
}
"""The readers of fields, the same as for a lead."""


def _check_choice(field: Field, value: str) -> None:
    word = value.strip().casefold()
    if word in map(str.casefold, field.choices) or (field.extensible and EXTENSION.fullmatch(word)):
        return
    more = ", or start with x-" if field.extensible else ""
    raise fault(
        "not_allowed", f"{field.name} must be one of {', '.join(map(quote, field.choices[:20]))}{more}."
    )
