"""Today: what waits and what is late now, the figures of the day so far, and findings."""

from collections.abc import Mapping
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from app.api.http.auth import requires
from app.api.http.callers_gone import unless_gone
from app.api.http.parameters import PoolParameter, StrategiesParameter
from app.audit.gauges import read_scrape
from app.console.kept import KeptAnswers
from app.console.names import names_of_findings
from app.console.rendering import render, render_live, version_of
from app.console.route import ConsoleRoute, live
from app.console.viewer import Viewer, ViewerParameter
from app.diagnosis.run import Question, diagnose
from app.metrics.gauges import WorkspaceGauges
from app.plan_check.parse import Strategies
from app.reports.ask import Answer, ReportRequest, ask
from app.reports.registry import REPORTS
from app.reports.statistics import Rate
from app.reports.upkeep import FactUpkeep
from app.store.clocks import read_now
from app.store.connection.pool import Pool, transaction
from app.store.reports.audit_sample import count_strata
from app.store.workspaces import find_time_zone

router = APIRouter(route_class=ConsoleRoute)
READERS = ("ops", "reports", "leads:read", "claim")
REPORTERS = ("ops", "reports")
SHOWN_DAYS = 14
MAX_QUEUES = 12
MAX_FINDINGS = 5
MAX_OUTCOMES = 12
FIGURES_SECONDS = 60.0
FINDINGS_SECONDS = 600.0
WITHIN = timedelta(days=30)


@router.get("/console/today")
@requires(*READERS)
async def get_today(request: Request, viewer: ViewerParameter, pool: PoolParameter) -> Response:
    """Shows what is the case now. What takes longer comes after."""
    context = await _now(pool, viewer)
    version = version_of(request, "today/now.html", context)
    return render(request, "today/page.html", {**context, "version": version})


@router.get("/console/today/now")
@live
@requires(*READERS)
async def get_now(request: Request, viewer: ViewerParameter, pool: PoolParameter) -> Response:
    """Returns what waits and what is late, if that has changed."""
    return render_live(request, "today/now.html", await _now(pool, viewer))


@router.get("/console/today/figures")
@live
@requires(*REPORTERS)
async def get_figures(request: Request, viewer: ViewerParameter, pool: PoolParameter) -> Response:
    """Returns what the day brought so far, beside the days before."""
    kept: KeptAnswers = request.app.state.console_answers
    workspace_id = viewer.caller.workspace_id
    upkeep: FactUpkeep = request.app.state.fact_upkeep
    made = kept.get(("today", workspace_id), FIGURES_SECONDS, lambda: _figures(pool, upkeep, workspace_id))
    found = await unless_gone(request, made)
    return render_live(request, "today/figures.html", dict(found.value))


@router.get("/console/today/findings")
@live
@requires(*REPORTERS)
async def get_findings(
    request: Request, viewer: ViewerParameter, pool: PoolParameter, strategies: StrategiesParameter
) -> Response:
    """Returns the most certain findings of the diagnosis."""
    kept: KeptAnswers = request.app.state.console_answers
    workspace_id, compares = viewer.caller.workspace_id, viewer.may("reports:owners")
    upkeep: FactUpkeep = request.app.state.fact_upkeep
    made = kept.get(
        ("findings", workspace_id, compares),
        FINDINGS_SECONDS,
        lambda: _findings(pool, workspace_id, strategies, upkeep, compares=compares),
    )
    found = (await unless_gone(request, made)).value
    names = await names_of_findings(pool, viewer, found)
    return render_live(request, "today/findings.html", {**found, "names": names})


async def _now(pool: Pool, viewer: Viewer) -> dict[str, Any]:
    """Counts that the database keeps, and first rows of short indexes."""
    workspace_id = viewer.caller.workspace_id
    gauges = (await read_scrape(pool, workspace_id, ())).gauges
    async with transaction(pool, workspace_id, read_only=True) as connection:
        now = await read_now(connection, workspace_id)
    queues = _queues(gauges, now)
    return {
        "gauges": gauges,
        "queues": queues[:MAX_QUEUES],
        "further_queues": max(0, len(queues) - MAX_QUEUES),
        "waiting": sum(gauges.waiting.values()),
        "stranded": sum(gauges.stranded.values()),
        "undelivered": gauges.actions.get("undelivered", 0),
        "dead": gauges.actions.get("dead", 0)
        + sum(t.messages.get("dead", 0) for t in gauges.targets.values()),
        "clocks_late": _late(gauges.clocks_due_at, now),
    }


def _queues(gauges: WorkspaceGauges, now: datetime) -> list[dict[str, Any]]:
    """The queues, longest wait first, and those where nothing waits last."""
    rows = [
        {"name": name, "waiting": waiting, "oldest": _late(gauges.oldest.get(name), now)}
        for name, waiting in gauges.waiting.items()
    ]
    return sorted(rows, key=lambda row: (-(row["oldest"] or 0), -row["waiting"], row["name"]))


def _late(since: float | None, now: datetime) -> float | None:
    """Whole minutes since a moment, in seconds: so that a page does not change each second."""
    if since is None:
        return None
    seconds = now.timestamp() - since
    return seconds // 60 * 60 if seconds >= 60 else max(0.0, seconds // 10 * 10)


async def _figures(pool: Pool, upkeep: FactUpkeep, workspace_id: int) -> dict[str, Any]:
    """What reports say of today and the days before."""
    last = await _tomorrow(pool, workspace_id)

    async def answer(name: str, days: int, *groups: str) -> Answer:
        asked = ReportRequest(last - timedelta(days=days), last, groups)
        return await ask(pool, upkeep, workspace_id, REPORTS[name], asked)

    received = await answer("quality", SHOWN_DAYS, "day")
    speed = await answer("speed-to-lead", SHOWN_DAYS, "day")
    sla, offers = await answer("sla", 1), await answer("acceptance", 1)
    received_by_day, speed_by_day = _by_day(received), _by_day(speed)
    outcomes = await _outcomes(pool, workspace_id, last - timedelta(days=1))
    days = [last - timedelta(days=back) for back in range(SHOWN_DAYS, 0, -1)]
    rows = [
        {
            "day": day,
            "received": received_by_day.get(day.isoformat(), {}),
            "speed": speed_by_day.get(day.isoformat(), {}),
        }
        for day in days
    ]
    return {
        "as_of_at": received.question.now,
        "complete": not received.cursor.is_behind,
        "today": rows[-1],
        "days": rows,
        "outcomes": outcomes[:MAX_OUTCOMES],
        "other_outcomes": sum(each["decisions"] for each in outcomes[MAX_OUTCOMES:]),
        "promises": [_plain(row) for row in sla.result.table.rows],
        "offers": _plain(offers.result.table.totals or {}),
    }


async def _outcomes(pool: Pool, workspace_id: int, day: date) -> list[dict[str, Any]]:
    """How many decisions of a local day have each outcome and reason, the most frequent first."""
    async with transaction(pool, workspace_id, read_only=True) as connection:
        zone = ZoneInfo(await find_time_zone(connection, workspace_id))
        start, end = (datetime.combine(each, time(), zone) for each in (day, day + timedelta(days=1)))
        found = await count_strata(connection, workspace_id, start, end)
    ordered = sorted(found.items(), key=lambda each: (-each[1], each[0]))
    return [{**stratum._asdict(), "decisions": decisions} for stratum, decisions in ordered]


async def _tomorrow(pool: Pool, workspace_id: int) -> date:
    """The local day after today, with which a period ends."""
    async with transaction(pool, workspace_id, read_only=True) as connection:
        now = await read_now(connection, workspace_id)
        zone = await find_time_zone(connection, workspace_id)
    return now.astimezone(ZoneInfo(zone)).date() + timedelta(days=1)


def _by_day(answer: Answer) -> dict[str, dict[str, Any]]:
    return {str(row["day"]): _plain(row) for row in answer.result.table.rows}


def _plain(row: Mapping[str, Any]) -> dict[str, Any]:
    return {name: cell.to_json() if isinstance(cell, Rate) else cell for name, cell in row.items()}


async def _findings(
    pool: Pool, workspace_id: int, strategies: Strategies, upkeep: FactUpkeep, *, compares: bool
) -> dict[str, Any]:
    """The first findings, and when they were made."""
    question = Question(None, None, "purchase", WITHIN, "on" if compares else "forbidden")
    found = await diagnose(pool, workspace_id, strategies, upkeep, question)
    return {
        "as_of_at": found["as_of"]["at"],
        "findings": found["findings"][:MAX_FINDINGS],
        "more": max(0, len(found["findings"]) - MAX_FINDINGS),
    }
