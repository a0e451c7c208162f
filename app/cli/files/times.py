"""Reads the times of a file with the reader of dates, and in a time zone if they have no offset."""

import re
from datetime import UTC, datetime, tzinfo
from enum import StrEnum
from typing import NamedTuple

from app.errors import ValidationFailed, refused_at
from app.values.dates import read_date

_OFFSET = re.compile(
    r":\d{2}(?:[.,]\d+)?\s*(?:[ap]\.?m\.?)?\s*(?:z|utc|gmt|[+-]\d{2}:?\d{2})$|^\d{10}(?:\d{3})?$",
    re.IGNORECASE,
)
"""What says which moment a text means: an offset after the time, or a count of seconds since 1970."""


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
    text = cell.strip()
    read = read_date(text, order.value if order else None)
    if read.ambiguous:
        raise refused_at(
            (), "ambiguous_date", "may be two dates. Say the order with --dates dmy or --dates mdy"
        )
    if read.at is None:
        raise _unreadable()
    is_local = _has_no_offset(text)
    return FileTime(read.at.replace(tzinfo=zone).astimezone(UTC) if is_local else read.at, is_local)


def _has_no_offset(text: str) -> bool:
    try:
        return datetime.fromisoformat(text).tzinfo is None
    except ValueError:
        return not _OFFSET.search(text)


def _unreadable() -> ValidationFailed:
    return refused_at((), "invalid_timestamp", "is not a date and time that can be read")
