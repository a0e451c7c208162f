"""Reports: all of them with the question that each answers, and one page for each, made from its words."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import Response

from app.api.http.auth import requires
from app.api.http.callers_gone import unless_gone
from app.api.http.parameters import DispatchParameter, PoolParameter
from app.api.http.report_parameters import AskedReport, permitted_report
from app.console import report_tables as tables
from app.console.formats import plan_duration
from app.console.kept import KeptAnswers, KeptValue
from app.console.names import Names, names_of
from app.console.pages.leads import seen_fields
from app.console.rendering import render
from app.console.route import ConsoleRoute
from app.console.viewer import Viewer, ViewerParameter
from app.console.words import title_of
from app.dispatch.dispatcher import Dispatcher
from app.plan.language.durations import format_duration
from app.reports.ask import MAX_GROUPS, Answer, ReportRequest, ask
from app.reports.periods import Period, period_of
from app.reports.registry import REPORTS
from app.reports.report import Report
from app.reports.tables import Result, Table
from app.reports.upkeep import FactUpkeep
from app.store.clocks import read_now
from app.store.connection.pool import Pool, transaction
from app.store.workspaces import find_time_zone

router = APIRouter(route_class=ConsoleRoute)
READERS = ("ops", "reports", "reports:owners")
WHOLE = ("ops", "reports")
ROWS = 100
KEPT_SECONDS = 60.0
MAX_KEPT_ROWS = 500
"""Answers with more rows are made again for each page: many of them would fill the memory."""
WITHIN = ("1d", "7d", "14d", "30d", "60d", "90d", "180d", "365d")
PERIODS = (7, 30, 90)
_PAGE_ONLY = ("after", "show")

After = Annotated[int, Query(ge=0, le=20_000)]
Show = Annotated[str, Query(max_length=60)]


@router.get("/console/reports")
@requires(*READERS)
async def list_reports(request: Request, viewer: ViewerParameter) -> Response:
    """Lists the reports that the key may ask."""
    found = [each for each in REPORTS.values() if viewer.may(*each.scopes)]
    return render(request, "reports/list.html", {"reports": found, "label_of": tables.label_of})


@router.get("/console/reports/{report}")
@requires(*READERS)
async def get_report_page(
    request: Request,
    viewer: ViewerParameter,
    pool: PoolParameter,
    report: str,
    asked: AskedReport,
    after: After = 0,  # noqa: ARG001 - for the answer
    show: Show = "",  # noqa: ARG001
) -> Response:
    """Shows what is asked. The answer comes after."""
    found = permitted_report(viewer.caller, report)
    period = await _period(pool, viewer, found, asked)
    query = request.query_params.multi_items()
    path = request.url.path
    context = {
        "report": found,
        "title": tables.label_of(found.name),
        "period": period,
        "asked": asked,
        "within": _within(found, asked),
        "groups": [*asked.group_by, *[""] * MAX_GROUPS][: min(MAX_GROUPS, len(found.dimensions))],
        "filters": _filters(asked, path, query),
        "periods": [
            (days, tables.address(path, query, drop=_PAGE_ONLY, **_days(period, days))) for days in PERIODS
        ],
        "answer": tables.address(f"{path}/answer", query) if period.first < period.last else "",
        "csv": tables.address(f"{path}/csv", query, drop=_PAGE_ONLY),
        "label_of": tables.label_of,
    }
    return render(request, "reports/page.html", context)


@router.get("/console/reports/{report}/answer")
@requires(*READERS)
async def get_report_answer(
    request: Request,
    viewer: ViewerParameter,
    pool: PoolParameter,
    dispatch: DispatchParameter,
    report: str,
    asked: AskedReport,
    after: After = 0,
    show: Show = "",
) -> Response:
    """Returns the chart and a page of the table."""
    found = permitted_report(viewer.caller, report)
    kept = await _answer(request, pool, viewer, found, asked)
    path = request.url.path.removesuffix("/answer")
    shown = _Shown(
        kept,
        path,
        request.query_params.multi_items(),
        after,
        show,
        await _names(pool, viewer, kept.value.result, after),
    )
    titles = await _titles(pool, dispatch, viewer, kept.value.result)
    return render(request, "reports/answer.html", {**shown.context(), "titles": titles})


@router.get("/console/reports/{report}/csv")
@requires(*READERS)
async def get_report_csv(
    request: Request, viewer: ViewerParameter, pool: PoolParameter, report: str, asked: AskedReport
) -> Response:
    """Returns the whole table as the API does, with a byte order mark, as spreadsheets need it."""
    found = permitted_report(viewer.caller, report)
    kept = await _answer(request, pool, viewer, found, asked)
    text = await kept.value.result.table.to_csv(bom=True)
    headers = {"Content-Disposition": f'attachment; filename="{found.name}.csv"'}
    return Response(text, headers=headers, media_type="text/csv")


async def _answer(
    request: Request, pool: Pool, viewer: Viewer, report: Report, asked: ReportRequest
) -> KeptValue[Answer]:
    kept: KeptAnswers = request.app.state.console_answers
    upkeep: FactUpkeep = request.app.state.fact_upkeep
    workspace_id = viewer.caller.workspace_id
    made = kept.get(
        ("report", workspace_id, report.name, repr(asked)),
        KEPT_SECONDS,
        lambda: ask(pool, upkeep, workspace_id, report, asked),
        keeps=lambda answer: len(answer.result.table.rows) <= MAX_KEPT_ROWS,
    )
    return await unless_gone(request, made)


@dataclass(frozen=True, slots=True)
class _Shown:
    """What a page shows of an answer."""

    kept: KeptValue[Answer]
    path: str
    query: tables.Query
    after: int
    show: str
    names: Names

    def context(self) -> Mapping[str, Any]:
        answer, table = self.kept.value, self.kept.value.result.table
        rows = table.rows[self.after : self.after + ROWS]
        totals = [table.totals] if table.totals is not None else list(table.total_rows)
        until = self.after + len(rows)
        return {
            "answer": answer,
            "age": self.kept.age,
            "columns": table.columns,
            "rows": tables.rows_of(table, rows, self.path, self.query, self.names),
            "totals": [_total(table, each) for each in totals],
            "measures": _figures(table),
            "chart_shown": tables.chart_of(table, self.show, self.names),
            "carried": [pair for pair in self.query if pair[0] not in _PAGE_ONLY],
            "details": tables.details_of(answer.result.details, self.names),
            "after": self.after,
            "until": until,
            "path": self.path,
            "first": tables.address(self.path, self.query, drop=("after",)) if self.after else "",
            "next": tables.address(self.path, self.query, after=until) if until < len(table.rows) else "",
            "label_of": tables.label_of,
        }


async def _names(pool: Pool, viewer: Viewer, result: Result, after: int) -> Names:
    """The names of owners and teams that the page, the chart and the small tables show."""
    rows = [
        *result.table.rows[after : after + ROWS],
        *result.table.rows[: tables.MAX_BARS],
        *_rows_of_details(result),
    ]
    return await names_of(
        pool,
        viewer,
        tables.ids_in(rows, *tables.OWNER_COLUMNS),
        tables.ids_in(rows, *tables.TEAM_COLUMNS),
    )


async def _titles(pool: Pool, dispatch: Dispatcher, viewer: Viewer, result: Result) -> dict[str, str]:
    """How the leads in the small tables are called, by id, for those who may see leads."""
    ids = [row["lead_id"] for row in _rows_of_details(result) if row.get("lead_id")]
    if not ids or not viewer.may("leads:read"):
        return {}
    leads = await seen_fields(pool, dispatch, viewer, ids)
    return {id_: title_of(fields) for id_, fields in leads.items()}


def _rows_of_details(result: Result) -> list[Mapping[str, Any]]:
    """The rows that the small tables show."""
    return [
        row
        for value in result.details.values()
        if isinstance(value, (list, tuple))
        for row in value[: tables.MAX_LISTED]
        if isinstance(row, Mapping)
    ]


def _total(table: Table, row: Mapping[str, Any]) -> list[tables.Cell]:
    """The cells of a total. Where there are several, their names say of what."""
    cells = [
        tables.Cell(str(row.get(each.name) or ""))
        if each.unit == "name"
        else tables.cell_of(each.unit, row.get(each.name))
        for each in table.columns
    ]
    return [tables.Cell("Total"), *cells[1:]] if table.columns[0].unit == "name" else cells


def _figures(table: Table) -> list[dict[str, Any]]:
    """The figures of a report without groups, which has one row at most."""
    if any(each.unit == "name" for each in table.columns) or len(table.rows) > 1:
        return []
    row = table.totals if table.totals is not None else next(iter(table.rows), {})
    return [
        {"label": tables.label_of(each.name), "cell": tables.cell_of(each.unit, row.get(each.name))}
        for each in table.columns
        if each.unit not in ("name", "text")
    ]


async def _period(pool: Pool, viewer: Viewer, report: Report, asked: ReportRequest) -> Period:
    workspace_id = viewer.caller.workspace_id
    async with transaction(pool, workspace_id, read_only=True) as connection:
        now = await read_now(connection, workspace_id)
        zone = await find_time_zone(connection, workspace_id)
    return period_of(asked.first, asked.last, now, zone, report.days)


def _days(period: Period, days: int) -> dict[str, str]:
    """The dates of a period of so many days that ends as this one does."""
    first: date = period.last - timedelta(days=days)
    return {"from": first.isoformat(), "to": period.last.isoformat()}


def _within(report: Report, asked: ReportRequest) -> dict[str, Any] | None:
    """The choices of how long outcomes count. None for a report that has no such question."""
    if report.within is None and not report.windowed:
        return None
    value = format_duration(asked.within) if asked.within is not None else ""
    usual = (
        f"Default ({plan_duration(format_duration(report.within))})"
        if report.within is not None
        else "No limit"
    )
    offered = [*WITHIN, *([value] if value and value not in WITHIN else [])]
    return {"value": value, "empty": usual, "options": [(each, plan_duration(each)) for each in offered]}


def _filters(asked: ReportRequest, path: str, query: tables.Query) -> list[dict[str, str]]:
    """The filters that are set, each with the address without it."""
    return [
        {
            "name": name,
            "value": value,
            "label": f"{tables.label_of(name)}: {value}",
            "href": tables.address(path, _without(query, name, value), drop=("after",)),
        }
        for name, values in (asked.filters or {}).items()
        for value in values
    ]


def _without(query: tables.Query, name: str, value: str) -> tables.Query:
    sent = {(name, value), ("filter", f"{name}:{value}"), ("filter", f"{name}={value}")}
    return [pair for pair in query if pair not in sent]
