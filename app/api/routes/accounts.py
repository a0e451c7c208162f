"""`/accounts`: companies, and who looks after them."""

from typing import Annotated, Any

from fastapi import APIRouter, Body
from starlette.requests import Request
from starlette.responses import Response

from app.api.http.auth import requires
from app.api.http.pagination import After, Limit
from app.api.http.preconditions import MATCHED
from app.api.http.routing import StrictRoute
from app.api.routes import crud
from app.api.routes.crud import LINES, READERS, PathId
from app.contract.directory import Account, AccountInput
from app.contract.ndjson import BulkResult
from app.contract.responses import Page

router = APIRouter(route_class=StrictRoute, tags=["directory"])
RESOURCE_TYPE = "accounts"


@router.put(
    "/accounts/{id}",
    response_model=Account,
    responses=crud.new(Account),
    openapi_extra=MATCHED,
)
@requires("directory:write")
async def put_account(request: Request, id: PathId, body: AccountInput) -> Response:
    """Replace an account, or add one."""
    return await crud.put(request, RESOURCE_TYPE, id, body)


@router.patch("/accounts/{id}", response_model=Account, openapi_extra=MATCHED)
@requires("directory:write")
async def patch_account(request: Request, id: PathId, body: Annotated[dict[str, Any], Body()]) -> Response:
    """Change some fields of an account (RFC 7396: null removes)."""
    return await crud.patch(request, RESOURCE_TYPE, id, AccountInput, body)


@router.get("/accounts/{id}", response_model=Account)
@requires(*READERS)
async def get_account(request: Request, id: PathId) -> Response:
    """One account."""
    return await crud.get(request, RESOURCE_TYPE, id)


@router.get("/accounts", response_model=Page[Account])
@requires(*READERS)
async def list_accounts(request: Request, after: After = "", limit: Limit = 100) -> Response:
    """Accounts by id."""
    return await crud.listed(request, RESOURCE_TYPE, after, limit)


@router.delete("/accounts/{id}", status_code=204, openapi_extra=MATCHED)
@requires("directory:write")
async def delete_account(request: Request, id: PathId) -> Response:
    """Take an account away; those below it stay."""
    return await crud.delete(request, RESOURCE_TYPE, id)


@router.post("/accounts/bulk", response_model=BulkResult, openapi_extra=LINES)
@requires("directory:write")
async def put_accounts(request: Request) -> Response:
    """Add and replace many accounts, one a line."""
    return await crud.bulk(request, RESOURCE_TYPE, AccountInput)
