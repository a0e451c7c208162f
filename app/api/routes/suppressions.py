"""`/suppressions`: the addresses and domains whose leads are blocked."""

from dataclasses import asdict
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query

from app.api.http.auth import requires
from app.api.http.json_response import Json, NoContent, page_of
from app.api.http.parameters import CallerParameter, Limit, PoolParameter
from app.api.http.routing import StrictRoute
from app.contract.events import SuppressionEntry
from app.contract.responses import Page
from app.directory import suppressions

router = APIRouter(route_class=StrictRoute, tags=["suppressions"])
AfterId = Annotated[UUID | None, Query(description="`next` of the previous page.")]


@router.get("/suppressions")
@requires("leads:read", "privacy")
async def list_suppressions(
    caller: CallerParameter, pool: PoolParameter, after: AfterId = None, limit: Limit = 100
) -> Json[Page[SuppressionEntry]]:
    """Lists the entries of all suppression lists, the oldest first."""
    start = str(after) if after is not None else None
    found = await suppressions.list_suppressions(pool, caller.workspace_id, start, limit + 1)
    return page_of(found, limit, asdict, lambda entry: entry.id)


@router.delete("/suppressions/{suppression_id}")
@requires("directory:write", "privacy")
async def delete_suppression(caller: CallerParameter, pool: PoolParameter, suppression_id: UUID) -> NoContent:
    """Takes an entry off its list. Leads that were blocked stay so until they are reassigned or return."""
    await suppressions.delete_suppression(pool, caller.workspace_id, caller.key_id, str(suppression_id))
    return NoContent()
