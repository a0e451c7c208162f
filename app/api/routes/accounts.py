"""`/accounts`: companies, and who looks after them."""

from typing import Annotated, Any

from fastapi import APIRouter, Body
from pydantic import AfterValidator, BeforeValidator, Field, PlainValidator
from starlette.requests import Request
from starlette.responses import Response

from app.api.http.auth import requires
from app.api.http.pagination import After, Limit, Page
from app.api.http.preconditions import MATCHED
from app.api.http.routing import StrictRoute
from app.api.routes import crud
from app.api.routes.crud import LINES, READERS
from app.contract.directory import PathId, RecordId, RecordModel, Stored, Word, present
from app.contract.faults import said
from app.contract.ndjson import BulkResult
from app.contract.types import CustomerStatus, RequiredId
from app.intake.website import website_domain

router = APIRouter(route_class=StrictRoute, tags=["directory"])
RESOURCE_TYPE = "accounts"


def _domain(text: str) -> str:
    if website_domain(text) is None:
        raise said("bad_domain", "must be a domain such as acme.example")
    return text


def _opportunity(sent: object) -> object:
    """False says the same as nothing: there is none."""
    if isinstance(sent, (str, bool, int, float, dict)):
        return None if sent is False else sent
    raise said("wrong_type", "must be text, a number, true, false or an object")


Domain = Annotated[Word, AfterValidator(_domain)]
Opportunity = Annotated[Any, PlainValidator(_opportunity)]


class AccountInput(RecordModel):
    """A company, who looks after it, and how it stands as a customer."""

    name: Word | None = None
    domains: Annotated[list[Domain], Field(max_length=200)] = Field(
        default_factory=list,
        description="Leads are matched by the registrable domain of each: a subdomain stands for the whole.",
    )
    parent: RecordId | None = Field(None, description="The account above this one.")
    tier: Word | None = Field(
        None, description="`named` accounts are found by the domains of free-mail providers too."
    )
    owner: RecordId | None = Field(None, description="The owner of the account.")
    roles: Annotated[dict[Word, RecordId], Field(max_length=50), BeforeValidator(present)] = Field(
        default_factory=dict, description="Owners by their role here, such as sdr."
    )
    customer_status: CustomerStatus | None = None
    open_opportunity: Opportunity | None = Field(
        None, description="Whatever says that one is open: its id, its stage, or true."
    )
    attributes: dict[str, Any] = Field(default_factory=dict, description="The free place.")
    crm: Annotated[dict[Word, RequiredId], Field(max_length=50), BeforeValidator(present)] = Field(
        default_factory=dict, description="The account's id in a CRM, by the CRM's name."
    )


class Account(AccountInput, Stored):
    """An account as stored."""


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
