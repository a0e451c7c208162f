"""`/dev/clock`: the workspace's time, set and sped up in development only."""

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from app.api.http.auth import caller_of, requires
from app.api.http.pagination import answer
from app.api.http.routing import StrictRoute
from app.api.routes.crud import pool_of
from app.contract.requests import ClockRequest
from app.contract.responses import Clock
from app.directory import clock
from app.directory.clock import ClockReading
from app.errors import Forbidden
from app.settings import Settings

router = APIRouter(route_class=StrictRoute, tags=["development"])


@router.get("/dev/clock", response_model=Clock)
@requires("admin")
async def get_clock(request: Request) -> Response:
    """The workspace's time."""
    return _shown(await clock.read(pool_of(request), _workspace(request)))


@router.put("/dev/clock", response_model=Clock)
@requires("admin")
async def put_clock(request: Request, body: ClockRequest) -> Response:
    """Set the time, the speed, or both."""
    return _shown(await clock.put(pool_of(request), _workspace(request), body.at, body.speed))


@router.delete("/dev/clock", response_model=Clock)
@requires("admin")
async def delete_clock(request: Request) -> Response:
    """Go back to the real time."""
    return _shown(await clock.remove(pool_of(request), _workspace(request)))


def _workspace(request: Request) -> int:
    settings: Settings = request.app.state.settings
    if not settings.development:
        raise Forbidden("Time can be set in development only.", code="development_only")
    return caller_of(request).workspace_id


def _shown(reading: ClockReading) -> Response:
    return answer({"now": reading.now, "speed": reading.speed})
