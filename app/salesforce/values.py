"""Reads the values of criteria: numbers, checkboxes and dates as Salesforce writes them."""

import re
from datetime import date, datetime

from app.plan.language.durations import parse_iso
from app.plan.language.operands import MAX_NUMBER
from app.salesforce.errors import NotCarried

_NUMBER = re.compile(r"(?:[A-Z]{3}\s?)?[$€£¥]?\s?(-?\d+(?:\.\d+)?|-?\.\d+)\s?%?")
_THOUSANDS = re.compile(r"(?<=\d),(?=\d{3}(?:\D|$))")
_RELATIVE = re.compile(r"[A-Z]+(?:_[A-Z]+)*(?:\s*:\s*\d+)?|\d+ days? ago", re.IGNORECASE)
_SLASHES = re.compile(r"(\d{1,2})/(\d{1,2})/(\d{4})(?: .*)?")
_SWITCHES = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False, "": False}


def is_number(text: str) -> bool:
    """Whether a value can be read as a number."""
    return _NUMBER.fullmatch(text.strip()) is not None


def read_number(text: str) -> int | float:
    """A number, a sum of money or a percentage. Raises NotCarried."""
    match = _NUMBER.fullmatch(_THOUSANDS.sub("", text.strip()))
    if match is None:
        raise NotCarried(f"{text!r} is no number")
    number = float(match[1])
    if abs(number) > MAX_NUMBER:
        raise NotCarried(f"{text!r} is out of range")
    return int(number) if number.is_integer() else number


def is_switch(text: str) -> bool:
    """Whether a value is one that only checkboxes have."""
    return text.casefold() in ("true", "false")


def read_switch(text: str) -> bool:
    """The value of a checkbox, which is never blank. Raises NotCarried."""
    found = _SWITCHES.get(text.casefold())
    if found is None:
        raise NotCarried(f"{text!r} is no value of a checkbox")
    return found


def is_date(text: str) -> bool:
    """Whether a value looks like a date, or like a word for one."""
    words = ("TODAY", "YESTERDAY", "TOMORROW")
    relative = _RELATIVE.fullmatch(text) is not None and (text.upper() in words or "_" in text)
    return relative or _SLASHES.fullmatch(text) is not None or re.match(r"\d{4}-\d\d-\d\d", text) is not None


def read_date(text: str) -> str:
    """A day or a time, in ISO 8601. Raises NotCarried for relative and for ambiguous dates."""
    if _RELATIVE.fullmatch(text):
        raise NotCarried(f"{text!r} is relative to the day of the decision")
    if match := _SLASHES.fullmatch(text):
        first, second, year = int(match[1]), int(match[2]), int(match[3])
        if first <= 12 and second <= 12 and first != second:
            raise NotCarried(f"{text!r} has the day or the month first. Write it as 2026-11-30")
        month, day = (second, first) if first > 12 else (first, second)
        try:
            return date(year, month, day).isoformat()
        except ValueError:
            raise NotCarried(f"{text!r} is no date") from None
    try:
        return _shortest(parse_iso(text))
    except ValueError:
        raise NotCarried(f"{text!r} is no date") from None


def _shortest(at: datetime) -> str:
    whole = at.isoformat().replace("+00:00", "Z")
    return whole.removesuffix("T00:00:00Z")
