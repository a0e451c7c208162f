"""Compiles one comparison of one field into a closure over its operand.

A test is called only with a value that is present. A value of the wrong type makes it false.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from operator import eq, ge, gt, le, lt
from typing import Any

from app.engine.conditions.numbers import compile_number
from app.plan.language.conditions import Leaf
from app.plan.language.fields import Kind
from app.plan.language.occurrences import Occurrences
from app.plan.language.operands import ANY_OF, Operand
from app.plan.language.patterns import compile_pattern
from app.values.industries import read_industry

Values = Mapping[str, Any]
Get = Callable[[Values], Any]
Test = Callable[[Any, datetime], bool]

BOUNDS: dict[str, Callable[[Any, Any], bool]] = {"gt": gt, "gte": ge, "lt": lt, "lte": le}


def getter(field: str) -> Get:
    """A function that reads a field by its dotted name, in the form in which values are compared.

    A missing value and an empty list are None.
    """
    return _industry if field == "industry" else getter_as_sent(field)


def _industry(values: Values) -> Any:
    """The industry by the name of the list, if it knows it. The lead keeps what was sent."""
    sent = values.get("industry")
    return (read_industry(sent) or sent) if isinstance(sent, str) else sent


def getter_as_sent(field: str) -> Get:
    """A function that reads a field by its dotted name, for comparing and showing it as text.

    The name of an attribute may have dots itself, such as the label `No. of seats` of a form.
    """
    first, *rest = field.split(".")
    if not rest:
        return lambda values: None if (found := values.get(first)) == [] else found

    whole, simple = ".".join(rest), len(rest) == 1

    def get(values: Values) -> Any:
        found: Any = values.get(first)
        if not isinstance(found, Mapping):
            return None
        found = found.get(whole) if simple or whole in found else _inside(found, rest)
        return None if found == [] else found

    return get


def _inside(found: Any, names: Sequence[str]) -> Any:
    for name in names:
        if not isinstance(found, Mapping):
            return None
        found = found.get(name)
    return found


def index_key(value: Any) -> str | int | float | None:
    """The key that equality compares: case-folded text, or the number. None for anything else."""
    if isinstance(value, str):
        return value.casefold()
    return value if isinstance(value, (int, float)) else None


def compile_comparison(leaf: Leaf) -> Test:
    """The test of a leaf, for any operator but `exists`."""
    operator, operand = leaf.operator, leaf.operand
    if isinstance(operand, Occurrences):
        return _counted(operand)
    if leaf.kind is Kind.OBJECTS:
        return _named(operand)
    if leaf.kind in (Kind.INTEGER, Kind.NUMBER):
        return compile_number(operator, operand)
    if isinstance(operand, tuple):
        return _any_of(operator, operand) if operator in ANY_OF else _membership(operator, operand)
    if isinstance(operand, (datetime, timedelta)):
        return _instant(operator, operand)
    if isinstance(operand, bool):
        return _boolean(operator, operand)
    if isinstance(operand, str):
        return _text(operator, operand)
    return _contains_number(operand) if operator == "contains" else _number(operator, operand)


def _named(operand: Operand) -> Test:
    wanted = {str(each).casefold() for each in (operand if isinstance(operand, tuple) else (operand,))}
    return lambda value, _: any(
        isinstance(each, Mapping) and index_key(each.get("name")) in wanted for each in value
    )


def _counted(asked: Occurrences) -> Test:
    bounds = [(eq if operator == "eq" else BOUNDS[operator], limit) for operator, limit in asked.bounds]

    def test(value: Any, now: datetime) -> bool:
        count = sum(_times(each) for each in occurrences(asked, value, now))
        return all(compare(count, limit) for compare, limit in bounds)

    return test


def occurrences(asked: Occurrences, engagement: Any, now: datetime) -> list[Mapping[str, Any]]:
    """The engagements that count. One without a time is never within a period."""
    if not isinstance(engagement, list):
        return []
    name = None if asked.name is None else asked.name.casefold()
    within = None if asked.within is None else (now - asked.within, now + asked.within)
    return [each for each in engagement if isinstance(each, Mapping) and _counts(each, name, within)]


def _counts(each: Mapping[str, Any], name: str | None, within: tuple[datetime, datetime] | None) -> bool:
    """Whether it counts. A period reaches equally far into the future, because clocks can run ahead."""
    if name is not None and index_key(each.get("name")) != name:
        return False
    if within is None:
        return True
    at = as_timestamp(each.get("at"))
    return at is not None and within[0] <= at <= within[1]


def _times(each: Mapping[str, Any]) -> int:
    """How often one entry happened; once by default."""
    count = each.get("count")
    return max(count, 0) if isinstance(count, int) and not isinstance(count, bool) else 1


def _membership(operator: str, operand: tuple[Any, ...]) -> Test:
    options = frozenset(index_key(each) for each in operand)
    kinds = frozenset(_basic(each) for each in operand)
    if kinds == {str}:
        # Nearly every list holds only strings, and this costs half.
        return _text_membership(operator, options)
    if operator == "in":
        return lambda value, _: _basic(value) in kinds and index_key(value) in options
    return lambda value, _: _basic(value) in kinds and index_key(value) not in options


def _text_membership(operator: str, options: frozenset[Any]) -> Test:
    if operator == "in":
        return lambda value, _: isinstance(value, str) and value.casefold() in options
    return lambda value, _: isinstance(value, str) and value.casefold() not in options


def _any_of(operator: str, operand: tuple[Any, ...]) -> Test:
    """`prefix` or `contains` with a list: one of its values will do."""
    texts = tuple(each.casefold() for each in operand if isinstance(each, str))
    if operator == "prefix":
        return lambda value, _: isinstance(value, str) and value.casefold().startswith(texts)
    numbers = frozenset(each for each in operand if not isinstance(each, str))
    words = frozenset(texts)

    def test(value: Any, _: datetime) -> bool:
        if isinstance(value, str):
            folded = value.casefold()
            return any(each in folded for each in texts)
        return isinstance(value, list) and any(_is_one(each, words, numbers) for each in value)

    return test


def _is_one(value: Any, words: frozenset[str], numbers: frozenset[Any]) -> bool:
    if isinstance(value, str):
        return value.casefold() in words
    return _basic(value) is float and value in numbers


def _basic(value: Any) -> type | None:
    """The type for equality: all numbers are one type, and a boolean is not a number."""
    if isinstance(value, str):
        return str
    return float if isinstance(value, (int, float)) and not isinstance(value, bool) else None


def _instant(operator: str, operand: datetime | timedelta) -> Test:
    def limit(now: datetime) -> datetime:
        return operand if isinstance(operand, datetime) else now + operand

    def test(value: Any, now: datetime) -> bool:
        at = as_timestamp(value)
        if at is None:
            return False
        if operator in BOUNDS:
            return BOUNDS[operator](at, limit(now))
        return (at == limit(now)) is (operator == "eq")

    return test


def as_timestamp(value: Any) -> datetime | None:
    """The value as a timestamp. Custom fields hold dates as text."""
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            return None
    if not isinstance(value, datetime):
        return None
    return value if value.tzinfo else value.replace(tzinfo=UTC)


def _boolean(operator: str, operand: bool) -> Test:
    wanted = operand if operator == "eq" else not operand
    return lambda value, _: value is wanted


def _number(operator: str, operand: int | float) -> Test:
    compare = BOUNDS.get(operator)
    if compare is not None:
        return lambda value, _: _basic(value) is float and compare(value, operand)
    if operator == "eq":
        return lambda value, _: _basic(value) is float and value == operand
    return lambda value, _: _basic(value) is float and value != operand


def _contains_number(operand: int | float) -> Test:
    return lambda value, _: (
        isinstance(value, list) and any(_basic(each) is float and each == operand for each in value)
    )


def _text(operator: str, operand: str) -> Test:
    wanted = operand.casefold()
    match operator:
        case "eq":
            return lambda value, _: isinstance(value, str) and value.casefold() == wanted
        case "ne":
            return lambda value, _: isinstance(value, str) and value.casefold() != wanted
        case "prefix":
            return lambda value, _: isinstance(value, str) and value.casefold().startswith(wanted)
        case "matches":
            search = compile_pattern(operand).search
            return lambda value, _: isinstance(value, str) and search(value) is not None
        case _:
            return lambda value, _: _contains(value, wanted)


def _contains(value: Any, wanted: str) -> bool:
    if isinstance(value, str):
        return wanted in value.casefold()
    return isinstance(value, list) and any(index_key(each) == wanted for each in value)
