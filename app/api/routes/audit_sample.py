"""`GET /metrics/audit-sample`: decisions for the weekly audit."""

from typing import Annotated

from fastapi import APIRouter, Query
from starlette.requests import Request

from app.api.http.auth import requires
from app.api.http.callers_gone import unless_gone
from app.api.http.json_response import Json
from app.api.http.parameters import CallerParameter, PoolParameter
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
    n: Annotated[int, Query(ge=1, le=500, description="How many decisions to draw.")] = 50,
    week: Annotated[
        str | None,
        Query(
            max_length=8, description="An ISO week such as `2026-W49`. Default: the last one that is over."
        ),
    ] = None,
    seed: Annotated[
        str | None,
        Query(max_length=100, description="Another seed draws other decisions. Default: the week."),
    ] = None,
) -> Json[AuditSample]:
    """Draws decisions of a week from all outcomes and reasons, with trace and what became of them.

    The same week, `n` and seed draw the same decisions, whatever happens to them later.
    """
    upkeep = request.app.state.fact_upkeep
    drawing = draw_sample(pool, upkeep, caller.workspace_id, week, seed, n)
    sample = await unless_gone(request, drawing)
    return Json(sample.to_json())
