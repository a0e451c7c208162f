"""`GET /metrics/health`: where the rules hurt; and `/settings/reports`."""

from datetime import date, timedelta
from typing import Annotated, Literal

from fastapi import APIRouter, Query
from starlette.requests import Request

from app.api.http.auth import requires
from app.api.http.callers_gone import unless_gone
from app.api.http.json_response import Json
from app.api.http.parameters import CallerParameter, PoolParameter, PreconditionParameter, StrategiesParameter
from app.api.http.routing import StrictRoute
from app.api.routes.crud import created
from app.api.routes.workspace_settings import get_settings, put_settings
from app.contract.diagnosis import Diagnosis, ReportSettings
from app.contract.reports import read_day, read_within
from app.diagnosis.run import Question, diagnose
from app.diagnosis.settings import REPORTS
from app.errors import refused_at

router = APIRouter(route_class=StrictRoute, tags=["reports"])
MAX_DAYS = 400
READERS = ("ops", "reports", "reports:owners")
DEFAULT_WITHIN = timedelta(days=30)


@router.get("/metrics/health")
@requires(*READERS, for_owner=True)
async def diagnose_workspace(
    caller: CallerParameter,
    pool: PoolParameter,
    strategies: StrategiesParameter,
    request: Request,
    from_: Annotated[
        str | None,
        Query(alias="from", max_length=10, description="The first local day. Default: 30 days until today."),
    ] = None,
    to: Annotated[str | None, Query(max_length=10, description="The local day after the last.")] = None,
    outcome: Annotated[
        Literal["purchase", "opportunity", "meeting", "qualified"],
        Query(description="What leads should come to."),
    ] = "purchase",
    within: Annotated[
        str | None,
        Query(
            max_length=12,
            description="The time a lead has for it, by default `30d`. Younger ones are left out.",
        ),
    ] = None,
) -> Json[Diagnosis]:
    """Answers whether the rules hurt: findings with their evidence, the most certain first.

    Owners are compared for keys with the scope `reports:owners`. A key that is bound to an owner gets this
    owner's numbers beside the middle of the team.
    """
    may_compare = caller.may("reports:owners") or caller.owner_id is not None
    question = Question(
        *_days(read_day(from_, "from"), read_day(to, "to")),
        outcome,
        read_within(within) or DEFAULT_WITHIN,
        "on" if may_compare else "forbidden",
        caller.owner_id,
    )
    upkeep = request.app.state.fact_upkeep
    found = diagnose(pool, caller.workspace_id, strategies, upkeep, question)
    return Json(await unless_gone(request, found))


def _days(first: date | None, last: date | None) -> tuple[date | None, date | None]:
    if first is not None and last is not None and not first < last <= first + timedelta(days=MAX_DAYS):
        raise refused_at(
            ("to",), "out_of_range", f"must be after from, and at most {MAX_DAYS} days later", "query"
        )
    return first, last


@router.get("/settings/reports")
@requires(*READERS)
async def get_report_settings(caller: CallerParameter, pool: PoolParameter) -> Json[ReportSettings]:
    """Returns what reports may show."""
    return await get_settings(pool, caller, REPORTS)


@router.put("/settings/reports", responses=created(ReportSettings))
@requires("admin")
async def put_report_settings(
    caller: CallerParameter, pool: PoolParameter, on: PreconditionParameter, body: ReportSettings
) -> Json[ReportSettings]:
    """Sets what reports may show. Without `owner_comparison` nobody sees owners compared."""
    return await put_settings(pool, caller, REPORTS, on, body)
