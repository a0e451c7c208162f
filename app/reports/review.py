"""The monthly review: every report about one month beside the month before, for one page."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

from app.errors import refused_at
from app.reports.ask import Answer, ReportRequest, ask
from app.reports.fairness import DIFFERENCES
from app.reports.periods import FIRST_YEAR, LAST_YEAR, Period, bucket_of
from app.reports.registry import REPORTS
from app.reports.report import Report
from app.reports.tables import Column
from app.reports.upkeep import FactUpkeep
from app.store.clocks import read_deciding_now
from app.store.connection.pool import Pool, transaction
from app.store.workspaces import find_time_zone

SHOWN: Mapping[str, Sequence[str]] = {
    "speed-to-lead": (
        "within_15m", "leads", "touched", "within_5m", "within_60m", "response_median", "response_p90",
        "response_working_median",
    ),
    "sla": ("compliance", "met", "breached", "still_running", "missed_by_median"),
    "fairness": (
        "due_by_weight", *DIFFERENCES, "due_as_eligible", "received", "balance", "outside_the_turn",
    ),
    "acceptance": ("acceptance", "offers", "rejected", "timed_out", "pending"),
    "rejections": ("rejection", "given", "refund", "overturned"),
    "reassignment": ("reassigned", "leads", "moves_per_lead", "ping_pong", "cover_moves"),
    "contact": ("reached", "leads", "worked", "reached_of_reachable", "tries_median"),
    "qualification": ("qualified", "leads", "disqualified", "undecided", "time_median"),
    "quality": ("duplicates", "received", "spam", "invalid_contact", "disqualified", "fraud"),
    "experience": ("unsubscribed", "followed_up", "complained"),
    "conversion": ("purchase", "leads", "immature", "meeting", "opportunity"),
    "revenue": (
        "revenue_per_lead", "revenue", "pipeline", "spend", "cost_per_assigned_lead",
        "cost_per_qualified_lead",
    ),
    "retention": ("save_rate", "saved", "renewed", "expanded", "churned", "retention_revenue"),
    "capacity": ("headroom", "open_leads", "waiting_leads", "arrivals", "closings", "full_at"),
    "attribution": ("complete", "leads", "with_source", "with_campaign", "with_channel", "conflicting_tags"),
}  # fmt: skip
"""What the review shows of each report; the chart shows the first. Of others it shows all."""


_EARLIEST = date(FIRST_YEAR, 2, 1)
"""The month before must be one that reports know."""


@dataclass(frozen=True, slots=True)
class Line:
    """One row of a report: its names, its cells of the month, and those of the month before, if any."""

    names: tuple[str, ...]
    cells: Mapping[str, Any]
    before: Mapping[str, Any] | None


@dataclass(frozen=True, slots=True)
class Section:
    """One report in the review. `weeks` has the rows of each week, `not_available` what cannot be told."""

    report: Report
    columns: Sequence[Column]
    lines: Sequence[Line]
    weeks: Sequence[Mapping[str, Any]] = ()
    not_available: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Review:
    """The review of a month, such as `2026-11`, as far as it is known at `now`."""

    month: str
    period: Period
    now: datetime
    complete: bool
    sections: Sequence[Section]


async def make_review(pool: Pool, upkeep: FactUpkeep, workspace_id: int, month: str | None) -> Review:
    """Ask every report about a month, the last one that is over unless given.

    Raises ValidationFailed for a month that does not exist.
    """
    async with transaction(pool, workspace_id, read_only=True) as connection:
        now = await read_deciding_now(connection, workspace_id)
        zone = await find_time_zone(connection, workspace_id)
    first = _first_day(month or _month_before(bucket_of(now, "month", zone)))
    following, earlier = _first_day_after(first), (first - timedelta(days=1)).replace(day=1)
    period = Period(first, following, zone)
    sections, complete = [], period.end <= now
    for report in REPORTS.values():
        whole = await ask(pool, upkeep, workspace_id, report, ReportRequest(first, following))
        before = await ask(pool, upkeep, workspace_id, report, ReportRequest(earlier, first))
        weeks = None
        if "week" in report.dimensions:
            weeks = await ask(pool, upkeep, workspace_id, report, ReportRequest(first, following, ("week",)))
        complete = complete and not whole.cursor.is_behind
        sections.append(_section(report, whole, before, weeks))
    return Review(f"{first:%Y-%m}", period, now, complete, sections)


def _section(report: Report, whole: Answer, before: Answer, weeks: Answer | None) -> Section:
    table = whole.result.table
    wanted = SHOWN.get(report.name)
    columns = {each.name: each for each in table.columns if each.unit != "name"}
    shown = [columns[name] for name in wanted or columns if name in columns]
    names = [each.name for each in table.columns if each.unit == "name"]
    earlier = dict(_rows(before, names))
    return Section(
        report,
        shown,
        [Line(names_, cells, earlier.get(names_)) for names_, cells in _rows(whole, names)],
        list(weeks.result.table.rows) if weeks is not None else (),
        whole.result.not_available,
    )


def _rows(answer: Answer, names: Sequence[str]) -> list[tuple[tuple[str, ...], Mapping[str, Any]]]:
    """The rows with their names. Without rows, the totals."""
    table = answer.result.table
    found = [(tuple(str(row[name] or "none") for name in names), row) for row in table.rows]
    return found or ([((), table.totals)] if table.totals is not None else [])


def _month_before(month: str) -> str:
    return f"{_first_day(month) - timedelta(days=1):%Y-%m}"


def _first_day_after(first: date) -> date:
    return (first + timedelta(days=31)).replace(day=1)


def _first_day(month: str) -> date:
    try:
        first = datetime.strptime(month, "%Y-%m").replace(tzinfo=UTC).date()
    except ValueError:
        first = None
    if first is None or len(month) != len("2026-11") or first < _EARLIEST or first.year > LAST_YEAR:
        raise refused_at(("month",), "invalid_timestamp", "must be a month such as 2026-11", "query")
    return first
