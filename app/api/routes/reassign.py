"""`POST /reassign`: one lead is decided again, or every open lead that fits a filter, as a bulk job."""

from typing import Any

import orjson
from fastapi import APIRouter

from app.api.hidden_fields import ask_discreetly, discreet_reply
from app.api.http.auth import Caller, requires
from app.api.http.idempotency import edit_once, response_of
from app.api.http.json_response import Json
from app.api.http.parameters import CallerParameter, DispatchParameter, IdempotencyKeyParameter, PoolParameter
from app.api.http.routing import StrictRoute
from app.contract.bulk_jobs import BulkJobReference, BulkPreview, result_to_json
from app.contract.requests import ReassignFilter, ReassignRequest, ReassignTarget
from app.contract.responses import Decision
from app.directory import bulk_moves
from app.directory.edit_once import Edit
from app.dispatch.dispatcher import Dispatcher
from app.dispatch.jobs.base import IdempotencyKey, Reply
from app.dispatch.jobs.move_lead import MoveLead, MoveTerms, params_of
from app.dispatch.jobs.reassign import Reassign, check_target
from app.engine.model.decision import Target
from app.engine.model.lead_keys import CRM_LEAD, EXTERNAL_ID, LeadKey
from app.errors import (
    AlreadyClosed,
    AmbiguousAssignment,
    AssignmentSuperseded,
    Forbidden,
    NotFound,
    OverCap,
    OwnerInactive,
    Problem,
)
from app.store.connection.pool import Pool, transaction
from app.store.leads import open_leads
from app.store.leads.bulk_jobs import BulkJob
from app.store.leads.open_leads import AssignmentFilter
from app.store.path.current_state import read_current_state
from app.values.crm_ids import crm_id_key

router = APIRouter(route_class=StrictRoute, tags=["assign"])
MAX_PREVIEWED = 1000
PROBLEMS = (NotFound, OwnerInactive, OverCap, AssignmentSuperseded, AlreadyClosed, AmbiguousAssignment)
ANSWERS: dict[int | str, dict[str, Any]] = {
    200: {"model": Decision | BulkPreview, "description": "A replay or a dry run."},
    202: {"model": BulkJobReference, "description": "A bulk job was made."},
}


@router.post("/reassign", status_code=201, responses=ANSWERS)
@requires("assign", problems=PROBLEMS, for_owner=True)
async def reassign_lead(
    caller: CallerParameter,
    dispatch: DispatchParameter,
    pool: PoolParameter,
    key: IdempotencyKeyParameter,
    body: ReassignRequest,
) -> Json[Decision]:
    """Routes leads again, or gives them to the owner, team or queue in `to`. A filter makes a bulk job.

    A key of one owner moves a single lead that this owner has.
    """
    if body.filter is None:
        if body.dry_run:
            (reply,) = await dispatch.dry_run_all(caller.workspace_id, [reassign_job(caller, body, None)])
            if isinstance(reply, Problem):
                raise reply
            return response_of(discreet_reply(caller, reply))
        return await ask_discreetly(dispatch, caller, reassign_job(caller, body, key))
    if caller.owner_id is not None:
        raise Forbidden("A key that is bound to an owner can only reassign single leads.")
    wanted, terms = _wanted(body.filter), _terms(body)
    await _check(pool, dispatch, caller.workspace_id, terms)
    if body.dry_run:
        return Json(await _preview(pool, dispatch, caller.workspace_id, wanted, terms))

    async def prepare() -> Edit[BulkJob]:
        return lambda edit: bulk_moves.reassign(edit, wanted, params_of(terms))

    return await edit_once(pool, caller, key, prepare, _reference, 202)


def reassign_job(caller: Caller, body: ReassignRequest, key: IdempotencyKey | None) -> Reassign:
    """The job for a single lead, as far as this caller may ask for it."""
    keys: tuple[LeadKey, ...] = ()
    if body.external_id is not None:
        keys = (LeadKey(EXTERNAL_ID, body.external_id, ""),)
    elif body.crm_lead_id is not None:
        keys = (LeadKey(CRM_LEAD, crm_id_key(body.crm_lead_id)),)
    return Reassign(
        key=key,
        lead_id=str(body.lead_id) if body.lead_id is not None else None,
        keys=keys,
        reason=body.reason,
        actor=caller.key_id,
        only_of=caller.owner_id,
        exclude=frozenset(body.exclude or ()),
        to=_target(body.to),
        force=bool(body.force),
        if_assignment_id=str(body.if_assignment_id) if body.if_assignment_id is not None else None,
        sees_owner=caller.owner_id is None and caller.may("leads:read"),
    )


def _terms(body: ReassignRequest) -> MoveTerms:
    return MoveTerms(
        job_id="",
        to=_target(body.to),
        exclude=frozenset(body.exclude or ()),
        reason=body.reason,
        force=bool(body.force),
        actions=body.actions or "digest",
    )


def _wanted(sent: ReassignFilter) -> AssignmentFilter:
    return AssignmentFilter(sent.owner, sent.team, sent.queue, sent.step, sent.older_than)


def _target(to: ReassignTarget | None) -> Target | None:
    if to is None:
        return None
    if to.owner is not None:
        return Target("owner", to.owner)
    return Target("team", to.team) if to.team is not None else Target("queue", str(to.queue))


async def _check(pool: Pool, dispatch: Dispatcher, workspace_id: int, terms: MoveTerms) -> None:
    """Raises the problem of the target, before a job is made that could move nothing."""
    if terms.to is None:
        return
    now = await read_current_state(pool, workspace_id)
    plan = await dispatch.plans.fetch(workspace_id, now.entry.plan_version)
    check_target(terms.to, terms.exclude, now.facts.directory, plan.queues)


async def _preview(
    pool: Pool, dispatch: Dispatcher, workspace_id: int, wanted: AssignmentFilter, terms: MoveTerms
) -> dict[str, Any]:
    async with transaction(pool, workspace_id, read_only=True) as connection:
        found = await open_leads.list_ids(connection, workspace_id, wanted, bulk_moves.MAX_LEADS)
    moves = [
        MoveLead(terms=terms, position=position, lead_id=lead_id, assignment_id=assignment_id)
        for position, (lead_id, assignment_id) in enumerate(found[:MAX_PREVIEWED], 1)
    ]
    replies = await dispatch.dry_run_all(workspace_id, moves) if moves else []
    items = [_previewed(move, reply) for move, reply in zip(moves, replies, strict=True)]
    owners: dict[str, int] = {}
    for item in items:
        if item["result"] == "moved":
            owners[item["owner"]] = owners.get(item["owner"], 0) + 1
    return {"total": len(found), "owners": owners, "items": items}


def _previewed(move: MoveLead, reply: Reply | Problem) -> dict[str, Any]:
    if isinstance(reply, Problem):
        result, details = "failed", {"code": reply.code}
    else:
        details = orjson.loads(reply.body)
        result, details["new_assignment_id"] = details["result"], None
    return result_to_json(move.position, move.lead_id, move.assignment_id, result, details)


def _reference(job: BulkJob) -> dict[str, Any]:
    return {"job_id": job.id, "total": job.total}
