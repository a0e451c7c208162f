"""Cells of a table and values of a lead in one form, so that a look-up only compares keys.

Strings ignore case, and numbers are compared as numbers. A field of type any is compared by its written form,
so that a table from CSV, where every cell is a string, matches numbers too.
"""

import re
from dataclasses import dataclass
from typing import Any

from app.plan.findings import Faults, fault
from app.plan.language.columns import Column
from app.plan.language.fields import Field, Kind
from app.plan.language.operands import read_operand
from app.plan.language.postal_cells import PostalCell, postal_keys, read_postal_cell
from app.values.booleans import read_boolean
from app.values.countries import country_code
from app.values.languages import read_languages, unknown_languages
from app.values.numbers import MAX_NUMBER, Range, bounds_of, read_number
from app.values.postal_codes import postal_beginning, postal_code
from app.values.states import STATE_COUNTRIES, read_state

Key = str | int | float | bool
Rank = tuple[int, int | float]
"""The width of a range. The number of open ends counts first."""

_NUMBERS = (Kind.INTEGER, Kind.NUMBER)
_NUMBER = re.compile(r"[+-]?\d+(?:\.\d+)?")
_DOTS = re.compile(r"(.*?)\.\.(.*)", re.DOTALL)
_DASH = re.compile(r"([+-]?\d+(?:\.\d+)?)\s*(?:-|–)\s*(\d+(?:\.\d+)?)")
_PLUS = re.compile(r"([+-]?\d+(?:\.\d+)?)\s*\+")
_LETTERS = 2**32
BY_COUNTRY = frozenset(("postal_code", "state"))
"""Fields whose cells are read by the country of their row."""


@dataclass(frozen=True, slots=True)
class Span:
    """A range that includes both ends. None is an open end.

    Numbers have `size` 0. A string is the number its characters form. It is compared only with strings of its
    length, which is the `size`.
    """

    size: int
    low: int | float | None
    high: int | float | None

    @property
    def width(self) -> Rank:
        """The narrower range is less. With one open end, the later start or the earlier end is narrower."""
        if self.low is None or self.high is None:
            return (1, -self.low if self.low is not None else self.high or 0)
        return (0, self.high - self.low)


def is_any(cell: object) -> bool:
    """Whether a cell matches every lead."""
    return cell is None or (isinstance(cell, str) and cell.strip() in ("", "*"))


def country_of(cell: object) -> str | None:
    """The country that a cell of the column `country` names, if it names one."""
    return country_code(cell) if isinstance(cell, str) else None


def read_cell(
    column: Column, cell: Any, country: str | None = None
) -> Key | Span | PostalCell | tuple[str, ...] | None:
    """The cell in comparable form. None matches every lead.

    `country` is that of the row. It decides how a postal code is read. Several languages or prefixes are a
    tuple.

    Raises Faults when it cannot be compared with the field.
    """
    if is_any(cell):
        return None
    if column.how == "postal":
        return read_postal_cell(cell, country)
    if column.field.name == "state" and column.how == "eq" and isinstance(cell, str):
        return _state(cell, country)
    if column.field.name == "postal_code":
        cell = _postal(cell, column.how, country)
    if column.how == "range":
        return _span(column.field, cell)
    if isinstance(cell, list) and column.how == "longest_prefix":
        return _beginnings(cell)
    if isinstance(cell, list):
        raise fault("invalid_cell", "Must be one value. Only range and prefix columns take lists.")
    if column.field.name == "language" and column.how == "eq":
        return _languages(cell_to_json(cell))
    if column.how == "longest_prefix":
        return _beginning(cell) or None
    return _equal(column.field, cell)


def _beginning(cell: Any) -> str:
    return cell_to_json(cell).strip().removesuffix("*").casefold()


def _beginnings(cells: list[Any]) -> tuple[str, ...]:
    """Several prefixes, of which any will do."""
    found = tuple(dict.fromkeys("" if each is None else _beginning(each) for each in cells))
    if not found or "" in found:
        raise fault("invalid_cell", "Every prefix of the list must be a string that is not empty.")
    return found


def lead_key(column: Column, value: Any) -> Any:
    """The lead's value in this column, in the form of the cells. None matches only empty cells."""
    if value is None:
        return None
    kind = column.field.kind
    if column.how == "postal":
        return postal_keys(cell_to_json(value)) if isinstance(value, (str, int, float)) else None
    if column.how == "range":
        return _spot(kind, value)
    if kind is Kind.ANY:
        return cell_to_json(value).casefold() if isinstance(value, (str, int, float)) else None
    if kind is Kind.BOOLEAN:
        return value if isinstance(value, bool) else None
    if isinstance(value, list) and column.field.name == "language":
        return tuple(value)
    if kind in _NUMBERS:
        return value if bounds_of(value) is not None else None
    return value.casefold() if isinstance(value, str) else None


def cell_to_json(value: str | int | float | bool) -> str:
    """A value as a CSV file has it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)


def _postal(cell: Any, how: str, country: str | None) -> Any:
    """The cell with its postal codes in their form. What cannot be one stays."""
    if isinstance(cell, list):
        return [end if end is None else _postal(end, how, country) for end in cell]
    text = cell_to_json(cell).strip()
    if how == "longest_prefix":
        return postal_beginning(text.removesuffix("*"))
    if how == "range" and (ends := _DOTS.fullmatch(text)):
        return "..".join(postal_code(end.strip(), country) or end.strip() for end in ends.groups())
    return postal_code(text, country) or text


def _state(cell: str, country: str | None) -> str:
    """The full code of a state if the row or the name tells its country, else the code or the text."""
    form = read_state(cell, country) or cell.strip()
    known = country in STATE_COUNTRIES and read_state(form, country) is not None
    return f"{country}-{form}".casefold() if known else form.casefold()


def _languages(cell: str) -> str | tuple[str, ...]:
    codes = read_languages(cell)
    if codes is None or unknown_languages(cell):
        raise fault("invalid_cell", "Must be a language: a tag, such as de, or a name.")
    return codes[0] if len(codes) == 1 else codes


def _equal(field: Field, cell: str | int | float | bool) -> Key:
    if field.kind is Kind.ANY:
        return cell_to_json(cell).strip().casefold()
    if field.kind is Kind.BOOLEAN and isinstance(cell, str):
        read = read_boolean(cell)
        cell = cell if read is None else read
    elif field.kind in _NUMBERS and isinstance(cell, str):
        return _number_or_range(field, cell)
    elif field.kind is Kind.STRING:
        cell = cell_to_json(cell)
    try:
        operand = read_operand(field, "eq", cell)
    except Faults as refused:
        raise fault("invalid_cell", refused.findings[0].text) from None
    return operand.casefold() if isinstance(operand, str) else operand  # type: ignore[return-value]


def _number_or_range(field: Field, cell: str) -> int | float | str:
    read = read_number(cell, whole=field.kind is Kind.INTEGER)
    if read is None:
        raise fault("invalid_cell", "Must be a number or a range, like the field of this column.")
    return read.value


def _span(field: Field, cell: Any) -> Span:
    written = _range_of(field, cell) if field.kind in _NUMBERS and isinstance(cell, str) else None
    if written is not None:
        return Span(0, written.low, written.high)
    low, high = _ends(cell)
    if low is None and high is None:
        raise fault(
            "invalid_cell", "The range needs at least one end. Leave the cell empty to match every lead."
        )
    numeric = field.kind in _NUMBERS or (
        field.kind is Kind.ANY and all(end is None or _is_number(end) for end in (low, high))
    )
    span = _of_numbers(low, high) if numeric else _of_texts(low, high)
    if span.low is not None and span.high is not None and span.low > span.high:
        raise fault("invalid_cell", "The lower end of the range must come first.")
    return span


def _range_of(field: Field, cell: str) -> Range | None:
    """The range of numbers in a cell, such as `51-200`, `$1M+` or `250`, or None."""
    read = read_number(cell, whole=field.kind is Kind.INTEGER)
    if read is None:
        return None
    return Range.parse(read.value) if isinstance(read.value, str) else Range(read.value, read.value)


def _ends(cell: Any) -> tuple[Any, Any]:
    """The two ends of [50, 199], "50..199", "50-199" or "200+". One value is both ends."""
    if isinstance(cell, list):
        if len(cell) != 2:
            raise fault("invalid_cell", "Must be [low, high], with null for an open end.")
        return cell[0], cell[1]
    if isinstance(cell, str):
        if found := _DOTS.fullmatch(cell):
            return found[1].strip() or None, found[2].strip() or None
        if found := _DASH.fullmatch(cell.strip()):
            return found[1], found[2]
        if found := _PLUS.fullmatch(cell.strip()):
            return found[1], None
    return cell, cell


def _of_numbers(low: Any, high: Any) -> Span:
    return Span(0, *(None if end is None else _number(end) for end in (low, high)))


def _of_texts(low: Any, high: Any) -> Span:
    ends = [None if end is None else cell_to_json(end).strip().casefold() for end in (low, high)]
    sizes = {len(end) for end in ends if end is not None}
    if len(sizes) != 1 or sizes == {0}:
        raise fault("invalid_cell", "Must be two strings of the same length, such as 90001..90899.")
    size = sizes.pop()
    first, last = ends
    return Span(
        size,
        _ordinal(first) if first is not None else 0,
        _ordinal(last) if last is not None else _LETTERS**size - 1,
    )


def _spot(kind: Kind, value: Any) -> tuple[int | float, ...] | None:
    """The value as a `size` and a number, to compare with ranges. A range has two numbers."""
    if isinstance(value, bool):
        return None
    if isinstance(value, (int, float)):
        return (0, value) if kind is not Kind.STRING else None
    if not isinstance(value, str) or not value:
        return None
    if kind in _NUMBERS:
        bounds = bounds_of(value)
        return (0, *bounds) if bounds is not None else None
    folded = value.casefold()
    return len(folded), _ordinal(folded)


def _ordinal(text: str) -> int:
    """A number for each string. It orders strings of the same length."""
    return int.from_bytes(text.encode("utf-32-be", "surrogatepass"), "big")


def _is_number(end: Any) -> bool:
    if isinstance(end, str):
        return _NUMBER.fullmatch(end.strip()) is not None
    return isinstance(end, (int, float)) and not isinstance(end, bool)


def _number(end: Any) -> int | float:
    read = read_number(end) if isinstance(end, str) else None
    if read is not None and not isinstance(read.value, str):
        return read.value
    if not _is_number(end):
        raise fault("invalid_cell", "Must be a number, like the field of this column.")
    text = str(end).strip()
    number = end if not isinstance(end, str) else float(text) if "." in text else int(text)
    if not abs(number) <= MAX_NUMBER:
        raise fault("invalid_cell", "Must be between -10^15 and 10^15.")
    return number
