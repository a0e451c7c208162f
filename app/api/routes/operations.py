"""For those who run the service, and for those who write clients of it."""

from typing import Any

from fastapi import APIRouter
from prometheus_client import CONTENT_TYPE_LATEST
from starlette.requests import Request
from starlette.responses import Response

from app.api.http.auth import caller_of, requires
from app.api.http.openapi import document
from app.api.http.routing import StrictRoute
from app.audit.gauges import read_gauges
from app.keys import SCOPES
from app.metrics import Metrics

router = APIRouter(route_class=StrictRoute, tags=["operations"])


@router.get(
    "/metrics",
    response_class=Response,
    responses={200: {"content": {"text/plain": {"schema": {"type": "string"}}}}},
)
@requires("ops")
async def metrics(request: Request) -> Response:
    """What was counted and timed, and how the caller's workspace stands, in Prometheus' text format."""
    metrics: Metrics = request.app.state.metrics
    workspace_id = caller_of(request).workspace_id
    now = await read_gauges(request.app.state.pool, workspace_id)
    return Response(metrics.exposition(workspace_id, now), media_type=CONTENT_TYPE_LATEST)


@router.get("/openapi.json", include_in_schema=False)
@requires(*sorted(SCOPES))
async def openapi(request: Request) -> dict[str, Any]:
    """The API described, to every key: from this a client can be generated."""
    return document(request.app)
