"""Diagnosis: where the rules hurt, with evidence, effect and certainty of each finding."""

from collections.abc import Callable
from dataclasses import asdict
from datetime import timedelta
from typing import Any

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from app.api.http.auth import requires
from app.api.http.callers_gone import unless_gone
from app.api.http.parameters import PoolParameter, StrategiesParameter
from app.api.http.report_parameters import AskedDiagnosis
from app.console import report_tables as tables
from app.console.formats import plan_duration, points
from app.console.kept import KeptAnswers
from app.console.names import Names, names_of_findings
from app.console.rendering import render
from app.console.route import ConsoleRoute
from app.console.viewer import ViewerParameter
from app.diagnosis.catalog import CATALOG
from app.diagnosis.run import diagnose
from app.plan.language.durations import format_duration
from app.reports.periods import period_of
from app.reports.statistics import Rate
from app.store.clocks import read_now
from app.store.connection.pool import transaction
from app.store.workspaces import find_time_zone

router = APIRouter(route_class=ConsoleRoute)
READERS = ("ops", "reports", "reports:owners")
OUTCOMES = ("purchase", "opportunity", "meeting", "qualified")
WITHIN = ("7d", "14d", "30d", "60d", "90d", "180d")
KEPT_SECONDS = 600.0
PERIODS = (30, 90, 365)
REASONS = {
    "needs_scope_reports_owners": "needs a key with the scope reports:owners",
    "off_by_settings": "off by the settings of the workspace",
    "plan_too_costly": "the plan is too large to check",
    "no_plan": "there is no plan",
    "too_few": "too few leads for a test",
    "no_outcomes": "no outcomes were reported",
    "one_class": "all outcomes are the same",
}
"""Why something was not looked for, in words."""


@router.get("/console/reports/diagnosis")
@requires(*READERS)
async def get_diagnosis_page(
    request: Request, viewer: ViewerParameter, pool: PoolParameter, question: AskedDiagnosis
) -> Response:
    """Shows what is asked. The findings come after."""
    workspace_id = viewer.caller.workspace_id
    async with transaction(pool, workspace_id, read_only=True) as connection:
        now = await read_now(connection, workspace_id)
        zone = await find_time_zone(connection, workspace_id)
    period = period_of(question.first, question.last, now, zone)
    query, path = request.query_params.multi_items(), request.url.path
    spans = {days: period.last - timedelta(days=days) for days in PERIODS}
    context = {
        "period": period,
        "outcome": question.outcome,
        "outcomes": [(each, tables.label_of(each)) for each in OUTCOMES],
        "within": format_duration(question.within),
        "withins": [
            (each, plan_duration(each)) for each in dict.fromkeys((*WITHIN, format_duration(question.within)))
        ],
        "periods": [
            (days, tables.address(path, query, **{"from": first.isoformat(), "to": period.last.isoformat()}))
            for days, first in spans.items()
        ],
        "answer": tables.address(f"{path}/answer", query),
    }
    return render(request, "diagnosis/page.html", context)


@router.get("/console/reports/diagnosis/answer")
@requires(*READERS)
async def get_diagnosis_answer(
    request: Request,
    viewer: ViewerParameter,
    pool: PoolParameter,
    strategies: StrategiesParameter,
    question: AskedDiagnosis,
) -> Response:
    """Returns the findings, the most certain first, and what was looked for."""
    kept: KeptAnswers = request.app.state.console_answers
    workspace_id, upkeep = viewer.caller.workspace_id, request.app.state.fact_upkeep
    made = kept.get(
        ("diagnosis", workspace_id, repr(question)),
        KEPT_SECONDS,
        lambda: diagnose(pool, workspace_id, strategies, upkeep, question),
    )
    found = await unless_gone(request, made)
    names = await names_of_findings(pool, viewer, found.value)
    return render(request, "diagnosis/answer.html", {**_shown(found.value, found.age, names), "names": names})


def _shown(found: dict[str, Any], age: float, names: Names) -> dict[str, Any]:
    return {
        "found": found,
        "age": age,
        "findings": [{**each, "effect": _effect(each["effect"])} for each in found["findings"]],
        "evidence": [tables.details_of(each["evidence"], names) for each in found["findings"]],
        "checks": [{**each, **asdict(CATALOG[each["code"]])} for each in found["checks"]],
        "owners": _owners(found),
        "reasons": REASONS,
        "label_of": tables.label_of,
    }


def _effect(effect: dict[str, Any]) -> dict[str, str]:
    """How large a finding is, with its interval where it was estimated."""
    write = _writer(effect["unit"])
    interval = effect.get("interval")
    return {
        "measure": tables.label_of(effect["measure"]),
        "text": write(effect["value"]),
        "interval": f"{write(interval[0])} to {write(interval[1])}" if interval else "",
    }


def _writer(unit: str) -> Callable[[float], str]:
    if unit == "share":
        return points
    return lambda value: f"{tables.cell_of('number', value).text} {unit.replace('_', ' ')}"


def _owners(found: dict[str, Any]) -> list[dict[str, Any]]:
    """Owners with what they converted, beside what their mix of leads lets expect."""
    return [
        {**row, "cell": tables.cell_of("rate", Rate(row["converted"], row["leads"]))}
        for row in (found["figures"] or {"owners": {"rows": []}})["owners"]["rows"]
    ]
