"""`/actions`: the log and the work queue of the outbox; and `/settings/actions`."""

from typing import Annotated

from fastapi import APIRouter, Query

from app.api.hidden_fields import view_of
from app.api.http.auth import Caller, requires
from app.api.http.json_response import Json, etag, page_of
from app.api.http.parameters import (
    AfterNumber,
    CallerParameter,
    DispatchParameter,
    Limit,
    PathId,
    PoolParameter,
    PreconditionParameter,
)
from app.api.http.routing import StrictRoute
from app.api.routes.crud import READERS, created
from app.contract.actions import (
    AckBatch,
    AckRequest,
    ActionBatchResult,
    ActionResult,
    FailedState,
    LeasedActions,
    LeaseRequest,
    LoggedAction,
    NackBatch,
    NackRequest,
    ResendRequest,
    action_to_json,
    batch_to_json,
    leased_to_json,
)
from app.contract.directory import ActionSettings, to_record
from app.contract.limits import KIB, BodyLimits
from app.contract.responses import Page
from app.directory import records
from app.dispatch.dispatcher import Dispatcher
from app.errors import ActionLeased, LeaseLost, Problem, RestoredCopy, refused_at
from app.outbox import action_log, settings, targets, work_queue
from app.outbox.work_queue import Settlement
from app.store.connection.pool import Pool, transaction
from app.store.life.deliveries import StoredAction

router = APIRouter(route_class=StrictRoute, tags=["actions"])
EXECUTORS = ("assign", "events")
"""The scopes that can execute actions: callers with one of them get actions in answers, or act on leads."""
LARGE = BodyLimits(size=1024 * KIB)
State = Annotated[FailedState | None, Query(description="Only those that are dead, or expired.")]


@router.get("/actions")
@requires(*EXECUTORS, "leads:read")
async def list_actions(
    caller: CallerParameter,
    pool: PoolParameter,
    dispatch: DispatchParameter,
    after: AfterNumber = 0,
    limit: Limit = 100,
    state: State = None,
) -> Json[Page[LoggedAction]]:
    """Lists the log of actions in the order of their numbers. Reading changes nothing."""
    found = await action_log.page(pool, caller.workspace_id, after, limit + 1, state)
    found = await _as_seen(pool, dispatch, caller, found)
    return await page_of(found, limit, action_to_json, lambda action: action.number)


@router.post("/actions/lease")
@requires(*EXECUTORS, problems=(RestoredCopy,))
async def lease_actions(
    caller: CallerParameter, pool: PoolParameter, dispatch: DispatchParameter, body: LeaseRequest
) -> Json[LeasedActions]:
    """Leases the oldest available actions. Those of one lead go to one holder at a time, in order."""
    leased = await work_queue.lease(pool, caller.workspace_id, caller.key_id, body.limit, body.seconds)
    leased = await _as_seen(pool, dispatch, caller, leased)
    return Json({"items": [leased_to_json(action) for action in leased]})


@router.post("/actions/ack")
@requires(*EXECUTORS, body=LARGE)
async def acknowledge_actions(
    caller: CallerParameter, pool: PoolParameter, body: AckBatch
) -> Json[ActionBatchResult]:
    """Reports that actions were executed, so that nobody else gets them."""
    said = [Settlement(item.id, str(item.token) if item.token else None) for item in body.items]
    return await _settle_all(pool, caller, [*said, *(Settlement(id_, None) for id_ in body.ids)])


@router.post("/actions/nack")
@requires(*EXECUTORS, body=LARGE)
async def return_actions(
    caller: CallerParameter, pool: PoolParameter, body: NackBatch
) -> Json[ActionBatchResult]:
    """Gives leased actions back. The later actions of their leads in the same lease go back as well."""
    said = [Settlement(item.id, str(item.token), item.retry_after) for item in body.items]
    return await _settle_all(pool, caller, said)


@router.post("/actions/resend")
@requires("ops", body=LARGE, problems=(RestoredCopy,))
async def resend_actions(
    caller: CallerParameter, pool: PoolParameter, body: ResendRequest
) -> Json[ActionBatchResult]:
    """Sends dead actions once more, unless a later action has replaced them."""
    ids = list(dict.fromkeys(body.ids))
    return Json(batch_to_json(ids, await work_queue.resend(pool, caller.workspace_id, ids)))


@router.post("/actions/{id}/ack")
@requires(*EXECUTORS, problems=(LeaseLost, ActionLeased))
async def acknowledge_action(
    caller: CallerParameter, pool: PoolParameter, id: PathId, body: AckRequest
) -> Json[ActionResult]:
    """Reports that an action was executed, so that nobody else gets it."""
    return await _settle_one(pool, caller, Settlement(id, str(body.token) if body.token else None))


@router.post("/actions/{id}/nack")
@requires(*EXECUTORS, problems=(LeaseLost,))
async def return_action(
    caller: CallerParameter, pool: PoolParameter, id: PathId, body: NackRequest
) -> Json[ActionResult]:
    """Gives a leased action back. The later actions of its lead in the same lease go back as well."""
    return await _settle_one(pool, caller, Settlement(id, str(body.token), body.retry_after))


@router.get("/settings/actions")
@requires(*READERS)
async def get_action_settings(caller: CallerParameter, pool: PoolParameter) -> Json[ActionSettings]:
    """Returns how the actions of decisions come out of the service."""
    found = await settings.find(pool, caller.workspace_id)
    return Json(found.body, headers=etag(found.revision)) if found else Json(settings.DEFAULTS)


@router.put("/settings/actions", responses=created(ActionSettings))
@requires("directory:write")
async def put_action_settings(
    caller: CallerParameter, pool: PoolParameter, on: PreconditionParameter, body: ActionSettings
) -> Json[ActionSettings]:
    """Sets how the actions of decisions come out of the service."""
    pushed = [each for each, way in body.deliver.items() if way == "push"]
    untaken = await targets.untaken(pool, caller.workspace_id, pushed)
    if untaken:
        raise refused_at(("deliver", untaken[0]), "no_target", "needs a target that takes this type")
    record = to_record(body)
    written = await records.write(
        pool, caller.workspace_id, caller.key_id, settings.RESOURCE_TYPE, settings.ID, lambda _: record, on
    )
    return Json(written.record.body, 201 if written.created else 200, etag(written.record.revision))


async def _as_seen(
    pool: Pool, dispatch: Dispatcher, caller: Caller, actions: list[StoredAction]
) -> list[StoredAction]:
    """The actions as this caller may see them: fields of leads that wait in a queue can be hidden."""
    if not actions or caller.may("privacy"):
        return actions
    async with transaction(pool, caller.workspace_id, read_only=True) as connection:
        view = await view_of(connection, dispatch, caller)
        return await view.of_actions(connection, actions)


async def _settle_one(pool: Pool, caller: Caller, said: Settlement) -> Json[ActionResult]:
    (outcome,) = await work_queue.settle(pool, caller.workspace_id, [said])
    if isinstance(outcome, Problem):
        raise outcome
    return Json({"id": outcome.id, "state": outcome.state})


async def _settle_all(pool: Pool, caller: Caller, said: list[Settlement]) -> Json[ActionBatchResult]:
    outcomes = await work_queue.settle(pool, caller.workspace_id, said)
    return Json(batch_to_json([each.id for each in said], outcomes))
