"""Reads the times of a file: ISO 8601, and the national forms whose order is plain or given."""

import re
from datetime import UTC, date, datetime, time, tzinfo
from enum import StrEnum
from typing import NamedTuple

from app.errors import ValidationFailed, refused_at

_DATE = re.compile(r"(\d{1,2})([./-])(\d{1,2})\2(\d{4})[,\s]*(.*)")
_YEAR_FIRST = re.compile(r"(\d{4})([./])(\d{1,2})\2(\d{1,2})[,\s]*(.*)")
_CLOCK = re.compile(
    r"(\d{1,2})[:.](\d{2})(?:[:.](\d{2})(?:\.\d+)?)?\s*([ap]\.?m\.?)?\s*(?:uhr|utc|gmt|z)?", re.IGNORECASE
)
_UTC = ("utc", "gmt", "z")
_EPOCH = re.compile(r"\d{10}(?:\d{3})?")


class DayOrder(StrEnum):
    """The order of day and month in dates such as 03/04/2026."""

    DMY = "dmy"
    MDY = "mdy"


class DecimalSign(StrEnum):
    """The sign before decimals, as in 1.250 or 1,250."""

    POINT = "point"
    COMMA = "comma"


class FileTime(NamedTuple):
    """A time in UTC, and whether it was written without an offset."""

    at: datetime
    is_local: bool


def read_time(cell: str, order: DayOrder | None, zone: tzinfo = UTC) -> FileTime:
    """The time in a cell. Without an offset it is a time of `zone`.

    Raises ValidationFailed.
    """
    found = _iso(cell) or _epoch(cell) or _national(cell, order)
    is_local = found.tzinfo is None
    try:
        at = (found.replace(tzinfo=zone) if is_local else found).astimezone(UTC)
    except OverflowError:
        raise _unreadable() from None
    if not 1900 <= at.year <= 2200:
        raise refused_at((), "out_of_range", "must be between the years 1900 and 2200")
    return FileTime(at, is_local)


def _iso(cell: str) -> datetime | None:
    try:
        return datetime.fromisoformat(f"{cell[:-4]}Z" if cell.endswith(" UTC") else cell)
    except ValueError:
        return None


def _epoch(cell: str) -> datetime | None:
    """Seconds or milliseconds since 1970."""
    return datetime.fromtimestamp(int(cell[:10]), UTC) if _EPOCH.fullmatch(cell) else None


def _national(cell: str, order: DayOrder | None) -> datetime:
    if found := _YEAR_FIRST.fullmatch(cell):
        year, month, day, clock = int(found[1]), int(found[3]), int(found[4]), found[5]
    elif found := _DATE.fullmatch(cell):
        one, other, year, clock = int(found[1]), int(found[3]), int(found[4]), found[5]
        day, month = _ordered(one, other, found[2], order)
    else:
        raise _unreadable()
    hour, minute, second = _clock(clock)
    is_utc = clock.casefold().endswith(_UTC)
    try:
        day_ = date(year, month, day)
        return datetime.combine(day_, time(hour, minute, second, tzinfo=UTC if is_utc else None))
    except ValueError:
        raise _unreadable() from None


def _ordered(one: int, other: int, mark: str, order: DayOrder | None) -> tuple[int, int]:
    """Day and month. Dots are always day first; other marks only if the numbers or the caller say so."""
    if mark == "." or order is DayOrder.DMY or one > 12:
        return one, other
    if order is DayOrder.MDY or other > 12 or one == other:
        return other, one
    raise refused_at((), "ambiguous_date", "may be two dates. Say the order with --dates dmy or --dates mdy")


def _clock(text: str) -> tuple[int, int, int]:
    if not text.strip():
        return 0, 0, 0
    found = _CLOCK.fullmatch(text.strip())
    if not found:
        raise _unreadable()
    hour, minute, second = int(found[1]), int(found[2]), int(found[3] or 0)
    if found[4]:
        hour = hour % 12 + (12 if found[4].casefold().startswith("p") else 0)
    return hour, minute, second


def _unreadable() -> ValidationFailed:
    return refused_at((), "invalid_timestamp", "is not a date and time that can be read")
