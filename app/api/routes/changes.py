"""`/changes`: who changed what, and when."""

from typing import Annotated, Any

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import Response

from app.api.http.auth import caller_of, requires
from app.api.http.pagination import AfterNumber, Limit, page_of
from app.api.http.routing import StrictRoute
from app.api.routes.crud import READERS, pool_of
from app.contract.directory import Change
from app.contract.responses import Page
from app.directory import records
from app.store.directory.records import ChangeRecord

router = APIRouter(route_class=StrictRoute, tags=["directory"])


@router.get("/changes", response_model=Page[Change])
@requires(*READERS)
async def list_changes(
    request: Request,
    after: AfterNumber = 0,
    limit: Limit = 100,
    resource_type: Annotated[str | None, Query(max_length=255)] = None,
    resource_id: Annotated[str | None, Query(max_length=255)] = None,
) -> Response:
    """The log in order; only of one resource_type or record, if named."""
    workspace_id = caller_of(request).workspace_id
    found = await records.changes(
        pool_of(request), workspace_id, after, resource_type, resource_id, limit + 1
    )
    return page_of(found, limit, _shown, lambda change: change.version)


def _shown(change: ChangeRecord) -> dict[str, Any]:
    return {name: getattr(change, name) for name in Change.model_fields}
