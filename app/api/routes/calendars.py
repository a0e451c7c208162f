"""`/calendars`: when owners work."""

from typing import Annotated, Any

from fastapi import APIRouter, Body
from starlette.requests import Request
from starlette.responses import Response

from app.api.http.auth import requires
from app.api.http.pagination import After, Limit
from app.api.http.preconditions import MATCHED
from app.api.http.routing import StrictRoute
from app.api.routes import crud
from app.api.routes.crud import READERS, PathId
from app.contract.directory import Calendar, CalendarInput
from app.contract.responses import Page

router = APIRouter(route_class=StrictRoute, tags=["directory"])
RESOURCE_TYPE = "calendars"


@router.put(
    "/calendars/{id}",
    response_model=Calendar,
    responses=crud.new(Calendar),
    openapi_extra=MATCHED,
)
@requires("directory:write")
async def put_calendar(request: Request, id: PathId, body: CalendarInput) -> Response:
    """Replace a calendar, or add one."""
    return await crud.put(request, RESOURCE_TYPE, id, body)


@router.patch("/calendars/{id}", response_model=Calendar, openapi_extra=MATCHED)
@requires("directory:write")
async def patch_calendar(request: Request, id: PathId, body: Annotated[dict[str, Any], Body()]) -> Response:
    """Change some fields of a calendar (RFC 7396: null removes)."""
    return await crud.patch(request, RESOURCE_TYPE, id, CalendarInput, body)


@router.get("/calendars/{id}", response_model=Calendar)
@requires(*READERS)
async def get_calendar(request: Request, id: PathId) -> Response:
    """One calendar."""
    return await crud.get(request, RESOURCE_TYPE, id)


@router.get("/calendars", response_model=Page[Calendar])
@requires(*READERS)
async def list_calendars(request: Request, after: After = "", limit: Limit = 100) -> Response:
    """Calendars by id."""
    return await crud.listed(request, RESOURCE_TYPE, after, limit)


@router.delete("/calendars/{id}", status_code=204, openapi_extra=MATCHED)
@requires("directory:write")
async def delete_calendar(request: Request, id: PathId) -> Response:
    """Take a calendar away; 409 while an owner works by it."""
    return await crud.delete(request, RESOURCE_TYPE, id)
