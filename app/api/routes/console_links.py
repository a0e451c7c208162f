"""`POST /owners/{id}/console-link`: a sign-in link to the console, for a tool that hands it to the owner."""

from fastapi import APIRouter

from app.api.http.auth import requires
from app.api.http.json_response import Json
from app.api.http.parameters import CallerParameter, LinksParameter, PathId, PoolParameter
from app.api.http.routing import StrictRoute
from app.contract.console_links import ConsoleLink
from app.errors import ConsoleLinksOff, NotFound, OwnerInactive
from app.store.connection.pool import transaction

router = APIRouter(route_class=StrictRoute, tags=["directory"])


@router.post("/owners/{id}/console-link", status_code=201)
@requires("console:links", problems=(NotFound, OwnerInactive, ConsoleLinksOff))
async def create_console_link(
    caller: CallerParameter, pool: PoolParameter, links: LinksParameter, id: PathId
) -> Json[ConsoleLink]:
    """Makes a link that signs an owner in to the console: once, within ten minutes."""
    async with transaction(pool, caller.workspace_id) as connection:
        made = await links.make(connection, caller.workspace_id, id)
    return Json({"owner": id, "url": made.url, "expires_at": made.expires_at}, 201)
