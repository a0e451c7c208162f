"""Reads the values of criteria: numbers, checkboxes and dates, as Salesforce writes them."""

import re
from datetime import datetime

from app.salesforce.errors import NotCarried
from app.values import dates, numbers
from app.values.booleans import read_boolean

_CURRENCY = re.compile(r"^([A-Z]{3})\s*(?=[\d.-])")
_LITERAL = re.compile(r"(?:TODAY|YESTERDAY|TOMORROW|[A-Z]+(?:_[A-Z]+)+)(?:\s*:\s*\d+)?")
_RELATIVE = re.compile(
    r"today|yesterday|tomorrow|(?:last|next|this|current|prior|previous)[ _].*|n_.*|\d+ \w+ ago",
    re.IGNORECASE,
)


def is_number(text: str) -> bool:
    """Whether a value can be read as a number."""
    return _number(text) is not None


def read_number(text: str) -> int | float:
    """A number, a sum of money or a percentage. Raises NotCarried."""
    found = _number(text)
    if found is None:
        raise NotCarried(f"{text!r} is not a number")
    if abs(found) > numbers.MAX_NUMBER:
        raise NotCarried(f"{text!r} is out of range")
    return found


def _number(text: str) -> int | float | None:
    plain = _CURRENCY.sub(r"\1 ", text.strip().removesuffix("%"))
    reading = numbers.read_number(plain, "point")
    return reading.value if reading is not None and not isinstance(reading.value, str) else None


def is_switch(text: str) -> bool:
    """Whether a value is one that only checkboxes have."""
    return text.casefold() in ("true", "false")


def read_switch(text: str) -> bool:
    """The value of a checkbox. A blank one is off. Raises NotCarried."""
    found = read_boolean(text) if text.strip() else False
    if found is None:
        raise NotCarried(f"{text!r} is not the value of a checkbox")
    return found


def is_date(text: str) -> bool:
    """Whether a value looks like a date, or is Salesforce's word for one."""
    reading = dates.read_date(text)
    found = reading.at is not None or reading.ambiguous
    return _LITERAL.fullmatch(text) is not None or (found and not text.isdigit())


def read_date(text: str) -> str:
    """A day or a time, in ISO 8601. Raises NotCarried for relative and for ambiguous dates."""
    if _RELATIVE.fullmatch(text) or _LITERAL.fullmatch(text):
        raise NotCarried(f"{text!r} is relative to the day of the decision")
    reading = dates.read_date(text)
    if reading.ambiguous:
        raise NotCarried(f"{text!r} has the day or the month first. Write it as 2026-11-30")
    if reading.at is None:
        raise NotCarried(f"{text!r} is not a date")
    return _shortest(reading.at)


def _shortest(at: datetime) -> str:
    return at.isoformat().replace("+00:00", "Z").removesuffix("T00:00:00Z")
