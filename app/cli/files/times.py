"""Reads the times of a file with the reader of dates, and in a time zone if they have no offset."""

import re
from datetime import UTC, datetime, tzinfo
from enum import StrEnum
from typing import NamedTuple

from app.errors import ValidationFailed, refused_at
from app.values.dates import read_date

_IN_UTC = re.compile(r"\b(?:UTC|GMT)\b", re.IGNORECASE)


class DayOrder(StrEnum):
    """The order of day and month in dates such as 03/04/2026."""

    DMY = "dmy"
    MDY = "mdy"


class DecimalSign(StrEnum):
    """The decimal separator, as in 1.250 or 1,250."""

    POINT = "point"
    COMMA = "comma"


class FileTime(NamedTuple):
    """A time in UTC, and whether it was written without an offset."""

    at: datetime
    is_local: bool


def says_utc(column: str) -> bool:
    """Whether a column says that its times are in UTC, such as `Submit Date (UTC)`."""
    return _IN_UTC.search(column) is not None


def zone_of(column: str, zone: tzinfo) -> tzinfo:
    """The time zone of times without an offset in a column, where `zone` is that of the workspace."""
    return UTC if says_utc(column) else zone


def read_time(cell: str, order: DayOrder | None, zone: tzinfo = UTC) -> FileTime:
    """The time in a cell. Without an offset it is a time of `zone`.

    Raises ValidationFailed.
    """
    read = read_date(cell.strip(), order.value if order else None)
    if read.ambiguous:
        raise refused_at(
            (), "ambiguous_date", "may be two dates. Say the order with --dates dmy or --dates mdy"
        )
    at = read.within(zone)
    if at is None:
        raise _unreadable()
    return FileTime(at, read.is_local)


def _unreadable() -> ValidationFailed:
    return refused_at((), "invalid_timestamp", "is not a date and time that can be read")
