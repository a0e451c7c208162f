"""`GET /assignments` and `GET /queues/{name}/leads`: what is open or was, where, and when it is due."""

from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Query

from app.api.http.auth import requires
from app.api.http.json_response import Json, page_of
from app.api.http.parameters import AfterNumber, CallerParameter, DispatchParameter, Limit, PoolParameter
from app.api.http.routing import StrictRoute
from app.contract.open_leads import ListedAssignment, parse_age
from app.contract.responses import Page
from app.dispatch.dispatcher import Dispatcher
from app.engine.pipeline.walk import FALLBACK_QUEUE
from app.engine.selection.shifts import HELD
from app.errors import Forbidden, NotFound
from app.store.connection.pool import Pool, transaction
from app.store.leads import open_leads
from app.store.leads.open_leads import AssignmentFilter, AssignmentState
from app.store.path.current_state import read_current_state

router = APIRouter(route_class=StrictRoute, tags=["leads"])
Name = Annotated[str | None, Query(min_length=1, max_length=255)]


@router.get("/assignments")
@requires("leads:read", for_owner=True)
async def list_assignments(
    caller: CallerParameter,
    pool: PoolParameter,
    owner: Name = None,
    team: Name = None,
    queue: Name = None,
    state: Annotated[
        AssignmentState, Query(description="`superseded` ones ended because the lead moved on.")
    ] = "open",
    outcome: Annotated[
        Literal["blocked"] | None, Query(description="Instead of `state`: the leads that are blocked now.")
    ] = None,
    older_than: Annotated[
        str | None, Query(max_length=20, description="The least age, such as `3d` or `4h`.")
    ] = None,
    sla: Annotated[Literal["breached"] | None, Query(description="Only those past a deadline.")] = None,
    order: Annotated[Literal["oldest", "newest"], Query(description="Which come first.")] = "oldest",
    after: AfterNumber = 0,
    limit: Limit = 100,
) -> Json[Page[ListedAssignment]]:
    """Lists assignments, the oldest first: whose they are, how old, and when they are due.

    A page may hold less than `limit`, although more follow: go on until `next` is null.
    """
    if caller.owner_id is not None and owner != caller.owner_id:
        raise Forbidden("This key can only list the assignments of its own owner: give `owner`.")
    wanted = AssignmentFilter(
        owner,
        team,
        queue,
        older_than=parse_age(older_than),
        breached=sla == "breached",
        state=outcome or state,
    )
    async with transaction(pool, caller.workspace_id, read_only=True) as connection:
        found, following = await open_leads.list_assignments(
            connection, caller.workspace_id, wanted, after, limit, newest_first=order == "newest"
        )
    following_text = str(following) if following is not None else None
    return Json({"items": found, "next": following_text})


@router.get("/queues/{name}/leads")
@requires("leads:read", problems=(NotFound,), for_owner=True)
async def list_queue_leads(
    caller: CallerParameter,
    pool: PoolParameter,
    dispatch: DispatchParameter,
    name: str,
    after: Annotated[UUID | None, Query(description="`next` of the previous page.")] = None,
    limit: Limit = 100,
) -> Json[Page[ListedAssignment]]:
    """Lists the leads that wait in a queue, in the order in which they leave it, without their fields."""
    if caller.owner_id is not None and name == HELD:
        raise Forbidden("A key that is bound to an owner cannot list what is held for others.")
    async with transaction(pool, caller.workspace_id, read_only=True) as connection:
        found = await open_leads.list_queue(
            connection, caller.workspace_id, name, str(after) if after else None, limit + 1
        )
    if not found and not await _is_queue(pool, dispatch, caller.workspace_id, name):
        raise NotFound("There is no such queue.")
    return await page_of(found, limit, lambda each: each, lambda each: each.assignment_id)


async def _is_queue(pool: Pool, dispatch: Dispatcher, workspace_id: int, name: str) -> bool:
    """Whether the queue is built in, or the active plan declares it."""
    if name in (FALLBACK_QUEUE, HELD):
        return True
    version = (await read_current_state(pool, workspace_id)).entry.plan_version
    return name in (await dispatch.plans.fetch(workspace_id, version)).queues
