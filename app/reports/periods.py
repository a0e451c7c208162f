"""Periods of reports: whole local days of the workspace's time zone, and the buckets they fall into.

`start` is in, `end` is out. A week is an ISO week: it begins on Monday, and belongs to the year of its
Thursday. A day may have 23 or 25 hours.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

DEFAULT_DAYS = 30
"""Without dates, a report is about so many days until today."""
FIRST_YEAR, LAST_YEAR = 1970, 2200
"""Other years are typing errors, and some of their days have no moment in UTC."""
BUCKETS = ("day", "week", "month")


@dataclass(frozen=True, slots=True)
class Period:
    """From the first moment of one local day until that of another."""

    first: date
    last: date
    zone: str

    @property
    def start(self) -> datetime:
        """The first moment that is in, in UTC."""
        return first_moment(self.first, self.zone)

    @property
    def end(self) -> datetime:
        """The first moment that is out, in UTC."""
        return first_moment(self.last, self.zone)

    @property
    def last_day(self) -> date:
        """The last local day that is in."""
        return self.last - timedelta(days=1)

    def to_json(self) -> dict[str, Any]:
        """The bounds as callers see them."""
        return {
            "from": self.first.isoformat(),
            "to": self.last.isoformat(),
            "time_zone": self.zone,
            "from_utc": self.start,
            "to_utc": self.end,
        }


def first_moment(day: date, zone: str) -> datetime:
    """When a local day begins, in UTC: where its midnight is skipped, when the clocks move on."""
    local = datetime.combine(day, time(), ZoneInfo(zone))
    # A time that is skipped has another offset before than after; the earlier one leads past the gap.
    return local.replace(fold=0).astimezone(UTC)


def period_of(
    first: date | None, last: date | None, now: datetime, zone: str, days: int = DEFAULT_DAYS
) -> Period:
    """The period between two days, of which the second is out. Today is in, unless a day is given.

    Without a first day it is so many days long.
    """
    today = now.astimezone(ZoneInfo(zone)).date()
    until = last or max(today, first or today) + timedelta(days=1)
    return Period(first or until - timedelta(days=days), until, zone)


def bucket_of(at: datetime, bucket: str, zone: str) -> str:
    """The day, ISO week or month that a moment falls into, such as `2026-W49`."""
    day = at.astimezone(ZoneInfo(zone)).date()
    if bucket == "day":
        return day.isoformat()
    if bucket == "month":
        return f"{day:%Y-%m}"
    year, week, _ = day.isocalendar()
    return f"{year}-W{week:02d}"
