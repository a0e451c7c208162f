"""The routes for operators: health and metrics."""

from fastapi import APIRouter
from prometheus_client import CONTENT_TYPE_LATEST
from starlette.requests import Request
from starlette.responses import Response

from app.api.http.auth import public, requires
from app.api.http.json_response import Json
from app.api.http.parameters import CallerParameter, PoolParameter
from app.api.http.routing import StrictRoute
from app.audit.gauges import read_gauges
from app.contract.responses import Health
from app.errors import ShuttingDown
from app.metrics import Metrics
from app.settings import Settings
from app.store.connection.pool import look_up

router = APIRouter(route_class=StrictRoute, tags=["operations"])


@router.head("/healthz", include_in_schema=False)
@router.get("/healthz")
@public()
async def check_health() -> Json[Health]:
    """Tells that the process is alive. It does not use the database."""
    return Json({"status": "ok"})


@router.head("/readyz", include_in_schema=False)
@router.get("/readyz")
@public(problems=(ShuttingDown,))
async def check_readiness(request: Request, pool: PoolParameter) -> Json[Health]:
    """Tells that decisions can be made: the database responds in time."""
    if request.app.state.draining:
        raise ShuttingDown
    settings: Settings = request.app.state.settings
    await look_up(pool, settings.request_timeout_seconds, "SELECT 1")
    return Json({"status": "ok"})


@router.get(
    "/metrics",
    response_class=Response,
    responses={200: {"content": {"text/plain": {"schema": {"type": "string"}}}}},
)
@requires("ops")
async def get_metrics(request: Request, caller: CallerParameter, pool: PoolParameter) -> Response:
    """Returns the metrics of the process and of the caller's workspace, in the Prometheus text format."""
    metrics: Metrics = request.app.state.metrics
    gauges = await read_gauges(pool, caller.workspace_id)
    return Response(metrics.exposition(caller.workspace_id, gauges), media_type=CONTENT_TYPE_LATEST)
