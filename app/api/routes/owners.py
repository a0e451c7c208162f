"""`/owners` and their absences."""

from typing import Annotated, Any

from fastapi import APIRouter, Body
from starlette.requests import Request
from starlette.responses import Response

from app.api.http.auth import caller_of, requires
from app.api.http.edit_once import once
from app.api.http.idempotency import IDEMPOTENT
from app.api.http.pagination import After, Limit, page_of
from app.api.http.preconditions import MATCHED
from app.api.http.routing import StrictRoute
from app.api.routes import crud
from app.api.routes.crud import LINES, READERS, PathId, pool_of, shown
from app.contract.directory import Absence, AbsenceInput, Owner, OwnerInput, to_record
from app.contract.ndjson import BulkResult
from app.contract.responses import Page
from app.directory import absences, removal
from app.directory.edit_once import Act
from app.store.directory.records import Record

router = APIRouter(route_class=StrictRoute, tags=["directory"])
RESOURCE_TYPE = "owners"


@router.put(
    "/owners/{id}",
    response_model=Owner,
    responses=crud.new(Owner),
    openapi_extra=MATCHED,
)
@requires("directory:write")
async def put_owner(request: Request, id: PathId, body: OwnerInput) -> Response:
    """Replace an owner, or add one."""
    return await crud.put(request, RESOURCE_TYPE, id, body)


@router.patch("/owners/{id}", response_model=Owner, openapi_extra=MATCHED)
@requires("directory:write")
async def patch_owner(request: Request, id: PathId, body: Annotated[dict[str, Any], Body()]) -> Response:
    """Change some fields of an owner (RFC 7396: null removes)."""
    return await crud.patch(request, RESOURCE_TYPE, id, OwnerInput, body)


@router.get("/owners/{id}", response_model=Owner)
@requires(*READERS)
async def get_owner(request: Request, id: PathId) -> Response:
    """One owner."""
    return await crud.get(request, RESOURCE_TYPE, id)


@router.get("/owners", response_model=Page[Owner])
@requires(*READERS)
async def list_owners(request: Request, after: After = "", limit: Limit = 100) -> Response:
    """Owners by id."""
    return await crud.listed(request, RESOURCE_TYPE, after, limit)


@router.delete("/owners/{id}", status_code=204, openapi_extra=MATCHED)
@requires("directory:write")
async def delete_owner(request: Request, id: PathId) -> Response:
    """Take an owner away, out of his teams too; 409 while the active plan names him."""
    return await crud.delete(request, RESOURCE_TYPE, id)


@router.post("/owners/bulk", response_model=BulkResult, openapi_extra=LINES)
@requires("directory:write")
async def put_owners(request: Request) -> Response:
    """Add and replace many owners, one a line."""
    return await crud.bulk(request, RESOURCE_TYPE, OwnerInput)


@router.post("/owners/{id}/absences", status_code=201, response_model=Absence, openapi_extra=IDEMPOTENT)
@requires("directory:write")
async def add_absence(request: Request, id: PathId, body: AbsenceInput) -> Response:
    """Say when an owner is away."""

    async def ready() -> Act[Record]:
        return lambda edit: absences.add(edit, id, to_record(body))

    return await once(request, await request.json(), ready, lambda record: (_absence(record), 201))


@router.get("/owners/{id}/absences", response_model=Page[Absence])
@requires(*READERS)
async def list_absences(request: Request, id: PathId, after: After = "", limit: Limit = 100) -> Response:
    """An owner's absences in the order they were entered."""
    workspace_id = caller_of(request).workspace_id
    found = await absences.page(pool_of(request), workspace_id, id, after, limit + 1)
    return page_of(found, limit, _absence, lambda record: record.id)


@router.delete("/owners/{id}/absences/{absence_id}", status_code=204)
@requires("directory:write")
async def delete_absence(request: Request, id: PathId, absence_id: PathId) -> Response:
    """Take an absence away."""
    caller = caller_of(request)
    await removal.remove_absence(pool_of(request), caller.workspace_id, caller.key_id, id, absence_id)
    return Response(status_code=204)


def _absence(record: Record) -> dict[str, Any]:
    return {name: value for name, value in shown(record).items() if name in ("id", "from", "to", "kind")}
