"""`GET /metrics/audit-sample`: decisions for the weekly audit."""

from fastapi import APIRouter
from starlette.requests import Request

from app.api.http.auth import requires
from app.api.http.callers_gone import unless_gone
from app.api.http.json_response import Json
from app.api.http.parameters import CallerParameter, PoolParameter
from app.api.http.report_parameters import AskedSample
from app.api.http.routing import StrictRoute
from app.contract.audit_sample import AuditSample
from app.reports.audit_sample import draw_sample

router = APIRouter(route_class=StrictRoute, tags=["reports"])


@router.get("/metrics/audit-sample")
@requires("ops", "reports")
async def draw_audit_sample(
    request: Request,
    caller: CallerParameter,
    pool: PoolParameter,
    asked: AskedSample,
) -> Json[AuditSample]:
    """Draws decisions of a week from all outcomes and reasons, with trace and what became of them.

    The same week, `n` and seed draw the same decisions, whatever happens to them later.
    """
    upkeep = request.app.state.fact_upkeep
    drawing = draw_sample(pool, upkeep, caller.workspace_id, asked.week, asked.seed, asked.places)
    sample = await unless_gone(request, drawing)
    return Json(sample.to_json())
