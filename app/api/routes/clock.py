"""`/dev/clock`: the time of a workspace, which can be set and sped up in development."""

from typing import Annotated

from fastapi import APIRouter, Depends
from starlette.requests import Request

from app.api.http.auth import requires
from app.api.http.json_response import Json
from app.api.http.parameters import CallerParameter, DispatchParameter, PoolParameter
from app.api.http.routing import StrictRoute
from app.contract.requests import ClockRequest
from app.contract.responses import Clock
from app.directory import clock
from app.directory.clock import ClockReading
from app.errors import DevelopmentOnly
from app.settings import Settings

router = APIRouter(route_class=StrictRoute, tags=["development"])


async def _workspace_id(request: Request, caller: CallerParameter) -> int:
    settings: Settings = request.app.state.settings
    if not settings.development:
        raise DevelopmentOnly()
    return caller.workspace_id


WorkspaceId = Annotated[int, Depends(_workspace_id)]


@router.get("/dev/clock")
@requires("admin", problems=(DevelopmentOnly,))
async def get_clock(pool: PoolParameter, workspace_id: WorkspaceId) -> Json[Clock]:
    """Returns the time of the workspace."""
    return _json(await clock.read(pool, workspace_id))


@router.put("/dev/clock")
@requires("admin", problems=(DevelopmentOnly,))
async def set_clock(
    pool: PoolParameter, dispatch: DispatchParameter, workspace_id: WorkspaceId, body: ClockRequest
) -> Json[Clock]:
    """Sets the time, the speed, or both."""
    dispatch.attribute_names.forget(workspace_id)
    return _json(await clock.put(pool, workspace_id, body.at, body.speed))


@router.delete("/dev/clock")
@requires("admin", problems=(DevelopmentOnly,))
async def reset_clock(
    pool: PoolParameter, dispatch: DispatchParameter, workspace_id: WorkspaceId
) -> Json[Clock]:
    """Returns to the real time."""
    dispatch.attribute_names.forget(workspace_id)
    return _json(await clock.remove(pool, workspace_id))


def _json(reading: ClockReading) -> Json[Clock]:
    return Json({"now": reading.now, "speed": reading.speed})
