"""Asking a report: the facts are brought up to date first, and the answer says how far they are."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, timedelta
from typing import Any

from app import places
from app.errors import Fault, Path, ValidationFailed
from app.reports.cohorts import EVENT
from app.reports.periods import Period, period_of
from app.reports.report import Question, Report
from app.reports.tables import Result
from app.reports.upkeep import CATCH_UP_SECONDS, FactUpkeep
from app.store.clocks import read_deciding_now
from app.store.connection.pool import Pool
from app.store.reports.fact_cursor import FactCursor, read_cursor
from app.store.reports.reading import MAX_ROWS, TooManyRows, report_connection
from app.store.workspaces import find_time_zone

MAX_GROUPS = 3
MAX_DAYS = 3700


@dataclass(frozen=True, slots=True)
class ReportRequest:
    """What a caller asks, as it was sent."""

    first: date | None = None
    last: date | None = None
    group_by: Sequence[str] = ()
    filters: Mapping[str, Sequence[str]] | None = None
    within: timedelta | None = None
    by: str = ""
    credit: str = ""
    owner_id: str | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """A report with its answer."""

    report: Report
    question: Question
    result: Result
    cursor: FactCursor

    async def to_json(self) -> dict[str, Any]:
        """The answer as callers see it."""
        report, question, result = self.report, self.question, self.result
        within = question.within
        return {
            "report": report.name,
            "question": report.question,
            "definition": report.definition,
            "numerator": report.numerator,
            "denominator": report.denominator,
            "period": question.period.to_json(),
            "as_of": {"decision_number": self.cursor.decision_number, "at": question.now},
            "complete": not self.cursor.is_behind,
            "last_changed_at": result.changed_at.astimezone(UTC) if result.changed_at is not None else None,
            "group_by": list(question.group_by),
            "filters": {name: list(values) for name, values in question.filters.items()},
            "within_seconds": int(within.total_seconds()) if within is not None else None,
            "by": result.by or question.by or None,
            "credit": result.credit or question.credit or None,
            "method": result.method,
            **await result.table.to_json(),
            "details": dict(result.details),
            "notes": list(result.notes),
            "not_available": dict(result.not_available),
        }


async def ask(
    pool: Pool, upkeep: FactUpkeep, workspace_id: int, report: Report, asked: ReportRequest
) -> Answer:
    """Answer a report about the newest facts.

    Raises ValidationFailed for a question that the report cannot answer or that has too many rows, and
    Overloaded when too many others of the workspace wait.
    """
    async with places.REPORTS.take(workspace_id):
        return await _ask(pool, upkeep, workspace_id, report, asked)


async def _ask(
    pool: Pool, upkeep: FactUpkeep, workspace_id: int, report: Report, asked: ReportRequest
) -> Answer:
    asked_at = await upkeep.catch_up(workspace_id, CATCH_UP_SECONDS)
    if report.prepare is not None:
        await report.prepare(pool, workspace_id)
    async with report_connection(pool, workspace_id) as connection:
        now = await read_deciding_now(connection, workspace_id)
        zone = await find_time_zone(connection, workspace_id)
        cursor = (await read_cursor(connection, workspace_id)).as_of(asked_at)
        period = period_of(asked.first, asked.last, now, zone, report.days)
        question = _question(report, asked, Question(workspace_id, period, now))
        try:
            result = await report.answer(connection, question)
        except TooManyRows:
            raise _too_many_rows() from None
    if len(result.table.rows) > MAX_ROWS:
        raise _too_many_rows()
    return Answer(report, question, result, cursor)


def _too_many_rows() -> ValidationFailed:
    text = f"makes more than {MAX_ROWS} rows; ask with fewer groups, or about a shorter period"
    return ValidationFailed(faults=[_fault(("group_by",), "too_many_items", text)])


def _question(report: Report, asked: ReportRequest, question: Question) -> Question:
    filters = dict(asked.filters or {})
    if asked.owner_id is not None:
        filters["owner"] = (asked.owner_id,)
    question = replace(
        question,
        group_by=tuple(dict.fromkeys(asked.group_by)),
        filters=filters,
        within=asked.within or report.within,
        by=asked.by,
        credit=asked.credit or next(iter(report.credits), ""),
        owner_id=asked.owner_id,
    )
    faults = [*_faults_of_period(question.period), *_faults(report, asked, question)]
    if faults:
        raise ValidationFailed(faults=faults)
    return question


def _faults_of_period(period: Period) -> list[Fault]:
    if period.last <= period.first:
        return [_fault(("to",), "out_of_range", "must be after `from`")]
    if (period.last - period.first).days > MAX_DAYS:
        return [_fault(("to",), "out_of_range", f"must be at most {MAX_DAYS} days after `from`")]
    return []


def _faults(report: Report, asked: ReportRequest, question: Question) -> list[Fault]:
    faults = []
    known = ", ".join(report.dimensions)
    unknown = [each for each in question.group_by if each not in report.dimensions]
    if unknown or len(question.group_by) > MAX_GROUPS:
        most = min(MAX_GROUPS, len(report.dimensions))
        text = f"must be at most {most} of {known}" if most > 1 else f"must be {known}"
        faults.append(_fault(("group_by",), "not_allowed", text))
    faults += [
        _fault((name,), "not_allowed", f"{report.name} cannot be filtered by it")
        for name in question.filters
        if name not in report.dimensions
    ]
    for name, sent, words in (("by", asked.by, report.by), ("credit", asked.credit, report.credits)):
        if sent and sent not in words:
            text = f"must be one of {', '.join(words)}" if words else f"is not a parameter of {report.name}"
            faults.append(_fault((name,), "not_allowed", text))
    if asked.within is not None and report.within is None and not report.windowed:
        faults.append(_fault(("within",), "not_allowed", f"is not a parameter of {report.name}"))
    if asked.within is not None and asked.by == EVENT:
        faults.append(_fault(("within",), "not_allowed", f"goes with a cohort, not with `by={EVENT}`"))
    return faults


def _fault(path: Path, code: str, detail: str) -> Fault:
    return Fault(path, code, detail, "query")
