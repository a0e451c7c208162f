"""The routes for operators: health and metrics."""

import asyncio

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from app.api.http.auth import is_local, public, requires
from app.api.http.json_response import Json
from app.api.http.parameters import CallerParameter, PoolParameter
from app.api.http.routing import Handler, StrictRoute
from app.audit.exporter import Exporter
from app.contract.responses import Health
from app.dispatch.failures import is_database_error
from app.errors import (
    DatabaseFull,
    DatabaseReadOnly,
    DatabaseStalled,
    NoApiKey,
    PoolerNotSet,
    SchemaNewer,
    SchemaOlder,
    ShuttingDown,
)
from app.metrics.exposition import CONTENT_TYPE
from app.settings import Settings
from app.store.connection.readiness import require_ready

router = APIRouter(route_class=StrictRoute, tags=["operations"])
NOT_READY = (
    ShuttingDown,
    DatabaseReadOnly,
    DatabaseFull,
    DatabaseStalled,
    SchemaOlder,
    SchemaNewer,
    PoolerNotSet,
    NoApiKey,
)
SCRAPE_SECONDS = 0.95
"""How long a scrape may take, with the look-up of its key."""
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
    try:
        async with asyncio.timeout(READY_FACTOR * settings.request_timeout_seconds):
            await require_ready(
                pool,
                settings.request_timeout_seconds,
                pgbouncer=settings.pgbouncer,
                keys=not settings.development,
            )
    except NOT_READY as problem:
        # A probe may be the first to find out, and a process that gets no requests the only one.
        pool.troubles.note("not_ready", code=problem.code)
        raise
    return Json({"status": "ok"})


class MetricsRoute(StrictRoute):
    """Answers within a second.

    While no key can be looked up, callers from this machine get the metrics of the process.
    """

    def get_route_handler(self) -> Handler:
        respond = super().get_route_handler()

        async def handle(request: Request) -> Response:
            exporter: Exporter = request.app.state.exporter
            # It is not waited for any longer: a connection that hangs would not let go of it.
            answer = asyncio.ensure_future(respond(request))
            try:
                done, _ = await asyncio.wait({answer}, timeout=SCRAPE_SECONDS)
                if not done:
                    raise TimeoutError
                return answer.result()
            except Exception as error:
                if not is_database_error(error) or not is_local(request.scope):
                    raise
                return _text(await exporter.of_process())
            finally:
                answer.cancel()

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
    exporter: Exporter = request.app.state.exporter
    try:
        return _text(await exporter.of_workspace(caller.workspace_id))
    except Exception as error:
        if not is_database_error(error):
            raise
        return _text(await exporter.of_process())


def _text(found: bytes) -> Response:
    return Response(found, media_type=CONTENT_TYPE)


router.routes.extend(guarded.routes)
