"""Is the process alive, and can it decide? Open to all, and without reasons."""

from fastapi import APIRouter
from starlette.requests import Request

from app.api.http.auth import requires
from app.api.http.routing import StrictRoute
from app.api.routes.crud import pool_of
from app.contract.responses import Health
from app.settings import Settings
from app.store.connection.pool import look_up

router = APIRouter(route_class=StrictRoute, tags=["operations"])


@router.get("/healthz")
@requires(None)
async def healthz() -> Health:
    """Whether the process lives. The database is not asked."""
    return Health(status="ok")


@router.get("/readyz")
@requires(None)
async def readyz(request: Request) -> Health:
    """Whether a decision could be made: the database answers within the deadline."""
    settings: Settings = request.app.state.settings
    await look_up(pool_of(request), settings.request_timeout_seconds, "SELECT 1")
    return Health(status="ok")
