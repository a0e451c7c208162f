"""`/calendars`: when owners work."""

from typing import Annotated, Any

from fastapi import APIRouter, Body
from pydantic import AfterValidator, Field, ValidationInfo
from starlette.requests import Request
from starlette.responses import Response

from app.api.http.auth import requires
from app.api.http.pagination import After, Limit, Page
from app.api.http.preconditions import MATCHED
from app.api.http.routing import StrictRoute
from app.api.routes import crud
from app.api.routes.crud import READERS
from app.contract.directory import PathId, RecordModel, Stored, Word, Zone
from app.contract.faults import said
from app.plan.language.countries import country_code
from app.plan.language.hours import MAX_TEXT_LENGTH, read_hours

router = APIRouter(route_class=StrictRoute, tags=["directory"])
RESOURCE_TYPE = "calendars"


def _country(text: str) -> str:
    code = country_code(text)
    if code is None:
        raise said("unknown_country", "must be a country of ISO 3166, such as DE")
    return code


def _hours(text: str, info: ValidationInfo) -> str:
    # What is wrong with the zone or the country is told at their own place.
    if {"timezone", "country"} <= info.data.keys():
        try:
            read_hours(text, info.data["timezone"], info.data["country"])
        except ValueError:
            raise said(
                "bad_hours",
                "must be opening hours as OpenStreetMap writes them, such as Mo-Fr 09:00-17:30; PH off;"
                " PH asks for a country whose public holidays are known",
            ) from None
    return text


class CalendarInput(RecordModel):
    """When somebody works, on the clock of a time zone."""

    timezone: Zone
    country: Annotated[Word, AfterValidator(_country)] | None = Field(
        None, description="The country whose public holidays PH means."
    )
    hours: Annotated[str, Field(min_length=1, max_length=MAX_TEXT_LENGTH), AfterValidator(_hours)] = Field(
        description="In the syntax of OpenStreetMap's opening_hours, such as Mo-Fr 09:00-17:30; PH off."
    )


class Calendar(CalendarInput, Stored):
    """A calendar as stored."""


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
