"""Reports: how they are asked, and what they answer."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any

from pydantic import Field

from app.contract.responses import ResponseModel
from app.errors import Fault, ValidationFailed, refused_at
from app.plan.language.durations import parse_duration
from app.reports.periods import FIRST_YEAR, LAST_YEAR

MAX_VALUES = 100
DEFAULT_WITHIN = timedelta(days=30)


class ReportColumn(ResponseModel):
    """One column of a report: its name, the unit of its cells, and what it says.

    A `rate` is an object with `rate`, its 95 % interval `low` and `high` (Wilson), and the `numerator` and
    `denominator` it was counted from. Without a sample, rate and interval are null. Percentiles are numbers,
    or `not_reached`.
    """

    name: str
    unit: str
    text: str


class ReportPeriod(ResponseModel):
    """The local days of a report, of which `to` is out, and the same bounds in UTC."""

    from_: str = Field(alias="from")
    to: str
    time_zone: str
    from_utc: datetime
    to_utc: datetime


class ReportAsOf(ResponseModel):
    """How far a report looks: the newest decision it counts, and the time of the workspace."""

    decision_number: int
    at: datetime


class ReportAnswer(ResponseModel):
    """A report: its words, its period, and its table.

    `complete` is false while facts are still being made: ask again. `last_changed_at` is the newest change of
    what was counted. `totals` counts each lead once, so the rows need not add up to it. `not_available` says
    what cannot be told, and why.
    """

    report: str
    question: str
    definition: str
    numerator: str
    denominator: str
    period: ReportPeriod
    as_of: ReportAsOf
    complete: bool
    last_changed_at: datetime | None
    group_by: list[str]
    filters: dict[str, list[str]]
    within_seconds: int | None
    by: str | None
    credit: str | None
    method: str | None
    columns: list[ReportColumn]
    rows: list[dict[str, Any]]
    totals: dict[str, Any] | None
    details: dict[str, Any]
    notes: list[str]
    not_available: dict[str, str]


def read_day(sent: str | None, name: str) -> date | None:
    """A local day. Raises ValidationFailed."""
    if sent is None:
        return None
    try:
        day = date.fromisoformat(sent) if len(sent) == 10 else None
    except ValueError:
        day = None
    if day is None or not FIRST_YEAR <= day.year <= LAST_YEAR:
        raise refused_at((name,), "invalid_timestamp", "must be a date, such as 2026-11-30", "query")
    return day


def read_within(sent: str | None) -> timedelta | None:
    """A duration. Raises ValidationFailed."""
    if sent is None:
        return None
    try:
        within = parse_duration(sent)
    except ValueError:
        within = timedelta()
    if not timedelta() < within <= timedelta(days=3700):
        detail = "must be an integer with s, m, h, d or w, such as 30d"
        raise refused_at(("within",), "invalid_duration", detail, "query")
    return within


def read_names(sent: Sequence[str]) -> list[str]:
    """Names, each sent on its own or separated by commas."""
    return [name.strip() for each in sent for name in each.split(",") if name.strip()]


def read_filters(named: Mapping[str, Sequence[str]], sent: Sequence[str]) -> dict[str, list[str]]:
    """Filters, sent as a parameter of the name of the dimension, or as `filter=source:web`.

    Raises ValidationFailed.
    """
    found = {name: list(values) for name, values in named.items() if values}
    for each in sent:
        name, colon, value = each.partition(":" if ":" in each else "=")
        if not colon or name.strip() not in named:
            detail = f"must be a name and a value, such as source:web; names are {', '.join(named)}"
            raise refused_at(("filter",), "invalid_format", detail, "query")
        found.setdefault(name.strip(), []).append(value.strip())
    faults = [
        Fault((name,), "too_long", f"must be at most {MAX_VALUES} values", "query")
        for name, values in found.items()
        if len(values) > MAX_VALUES
    ]
    if faults:
        raise ValidationFailed(faults=faults)
    return found
