"""The routes for operators: health and metrics."""

import asyncio

from fastapi import APIRouter
from prometheus_client import CONTENT_TYPE_LATEST
from starlette.requests import Request
from starlette.responses import Response

from app.api.http.auth import is_local, public, requires
from app.api.http.json_response import Json
from app.api.http.parameters import CallerParameter, PoolParameter
from app.api.http.routing import Handler, StrictRoute
from app.audit.scrapes import Scrapes
from app.contract.responses import Health
from app.dispatch.failures import is_database_error
from app.errors import (
    DatabaseFull,
    DatabaseReadOnly,
    NoApiKey,
    PoolerNotSet,
    SchemaNewer,
    SchemaOlder,
    ShuttingDown,
)
from app.metrics import Metrics
from app.settings import Settings
from app.store.connection.readiness import require_ready

router = APIRouter(route_class=StrictRoute, tags=["operations"])
NOT_READY = (ShuttingDown, DatabaseReadOnly, DatabaseFull, SchemaOlder, SchemaNewer, PoolerNotSet, NoApiKey)
READY_FACTOR = 1.5
"""How many request timeouts the whole answer about readiness may take."""


@router.head("/healthz", include_in_schema=False)
@router.get("/healthz")
@public()
async def check_health() -> Json[Health]:
    """Tells that the process is alive. It does not use the database."""
    return Json({"status": "ok"})


@router.head("/readyz", include_in_schema=False)
@router.get("/readyz")
@public(problems=NOT_READY)
async def check_readiness(request: Request, pool: PoolParameter) -> Json[Health]:
    """Tells that decisions can be made: the database responds, has the right schema, and can be written."""
    if request.app.state.draining:
        raise ShuttingDown
    settings: Settings = request.app.state.settings
    async with asyncio.timeout(READY_FACTOR * settings.request_timeout_seconds):
        await require_ready(
            pool,
            settings.request_timeout_seconds,
            pgbouncer=settings.pgbouncer,
            keys=not settings.development,
        )
    return Json({"status": "ok"})


class MetricsRoute(StrictRoute):
    """Answers from this machine with the metrics of the process while no key can be looked up."""

    def get_route_handler(self) -> Handler:
        respond = super().get_route_handler()

        async def handle(request: Request) -> Response:
            try:
                return await respond(request)
            except Exception as error:
                if not is_database_error(error) or not is_local(request.scope):
                    raise
                return _process_metrics(request.app.state.metrics)

        return handle


guarded = APIRouter(route_class=MetricsRoute, tags=["operations"])


@guarded.get(
    "/metrics",
    response_class=Response,
    responses={200: {"content": {"text/plain": {"schema": {"type": "string"}}}}},
)
@requires("ops")
async def get_metrics(request: Request, caller: CallerParameter) -> Response:
    """Returns the metrics of the process and of the caller's workspace, in the Prometheus text format."""
    metrics: Metrics = request.app.state.metrics
    scrapes: Scrapes = request.app.state.scrapes
    try:
        found = await scrapes.get(caller.workspace_id)
    except Exception as error:
        if not is_database_error(error):
            raise
        return _process_metrics(metrics)
    metrics.database_answered(True)
    return Response(found, media_type=CONTENT_TYPE_LATEST)


def _process_metrics(metrics: Metrics) -> Response:
    """What can be told without the database."""
    metrics.database_answered(False)
    return Response(metrics.process_exposition(), media_type=CONTENT_TYPE_LATEST)


router.routes.extend(guarded.routes)
