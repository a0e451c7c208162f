"""`GET /metrics/health`: where the rules hurt; and `/settings/reports`."""

from fastapi import APIRouter
from starlette.requests import Request

from app.api.http.auth import requires
from app.api.http.callers_gone import unless_gone
from app.api.http.json_response import Json
from app.api.http.parameters import CallerParameter, PoolParameter, PreconditionParameter, StrategiesParameter
from app.api.http.report_parameters import AskedDiagnosis
from app.api.http.routing import StrictRoute
from app.api.routes.crud import created
from app.api.routes.workspace_settings import get_settings, put_settings
from app.contract.diagnosis import Diagnosis, ReportSettings
from app.diagnosis.run import diagnose
from app.diagnosis.settings import REPORTS

router = APIRouter(route_class=StrictRoute, tags=["reports"])
READERS = ("ops", "reports", "reports:owners")


@router.get("/metrics/health")
@requires(*READERS, for_owner=True)
async def diagnose_workspace(
    caller: CallerParameter,
    pool: PoolParameter,
    strategies: StrategiesParameter,
    request: Request,
    question: AskedDiagnosis,
) -> Json[Diagnosis]:
    """Answers whether the rules hurt: findings with their evidence, the most certain first.

    Owners are compared for keys with the scope `reports:owners`. A key that is bound to an owner gets this
    owner's numbers beside the middle of the team.
    """
    upkeep = request.app.state.fact_upkeep
    found = diagnose(pool, caller.workspace_id, strategies, upkeep, question)
    return Json(await unless_gone(request, found))


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
