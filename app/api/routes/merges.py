"""`/leads/merge`: two leads of one person become one, and two again."""

from uuid import UUID

from fastapi import APIRouter

from app.api.http.auth import requires
from app.api.http.idempotency import response_of
from app.api.http.json_response import Json
from app.api.http.parameters import CallerParameter, DispatchParameter, IdempotencyKeyParameter
from app.api.http.routing import StrictRoute
from app.contract.merges import LeadMerge, MergeRequest, MergeUndone, UndoRequest
from app.dispatch.jobs.merge_leads import MergeLeads
from app.dispatch.jobs.undo_merge import UndoMerge
from app.errors import AlreadyMerged, MergeNotUndoable, NotFound

router = APIRouter(route_class=StrictRoute, tags=["leads"])


@router.post("/leads/merge", status_code=201)
@requires("assign", problems=(NotFound, AlreadyMerged))
async def merge_leads(
    caller: CallerParameter, dispatch: DispatchParameter, key: IdempotencyKeyParameter, body: MergeRequest
) -> Json[LeadMerge]:
    """Makes two leads of one person one. It can be undone for 30 days."""
    one, other = (str(each) for each in body.leads)
    job = MergeLeads(
        key=key,
        leads=(one, other),
        survivor=str(body.survivor) if body.survivor is not None else None,
        reason=body.reason,
        actor=caller.key_id,
    )
    return response_of(await dispatch.ask(caller.workspace_id, job))


@router.post("/leads/merge/{merge_id}/undo")
@requires("assign", problems=(NotFound, MergeNotUndoable))
async def undo_merge(
    caller: CallerParameter,
    dispatch: DispatchParameter,
    key: IdempotencyKeyParameter,
    merge_id: UUID,
    body: UndoRequest | None = None,
) -> Json[MergeUndone]:
    """Undoes a merge. What came to the survivor since stays there. Undoing it again gets the same answer."""
    job = UndoMerge(
        key=key,
        merge_id=str(merge_id),
        reason=body.reason if body is not None else None,
        actor=caller.key_id,
    )
    return response_of(await dispatch.ask(caller.workspace_id, job))
