"""`POST /assign` and its relatives: a body in, a decision out."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import orjson
from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from app.api.http.auth import caller_of, requires
from app.api.http.idempotency import IDEMPOTENT, item_key, key_of, key_of_body, response_of
from app.api.http.routing import DirectRoute, StrictRoute
from app.contract.faults import problem_document
from app.contract.limits import KIB, BodyLimits
from app.contract.requests import (
    AssignRequest,
    BatchRequest,
    ClaimRequest,
    EventRequest,
    ReassignRequest,
    ReassignTarget,
    validate_items,
)
from app.contract.responses import BatchResult, Decision, EventResult
from app.dispatch.dispatcher import Dispatcher
from app.dispatch.jobs.assign import Assign
from app.dispatch.jobs.base import Answer, IdempotencyKey, Job
from app.dispatch.jobs.claim import Claim
from app.dispatch.jobs.reassign import Reassign
from app.dispatch.jobs.report_event import ReportEvent
from app.engine.model.decision import Target
from app.errors import Forbidden, IdempotencyMismatch, OutcomeUnknown, Problem
from app.intake.arrival import normalize

hot = APIRouter(route_class=DirectRoute, tags=["assign"])
router = APIRouter(route_class=StrictRoute, tags=["assign"])
REPLAYED: dict[int | str, dict[str, Any]] = {
    200: {"model": Decision, "description": "A replay or a dry run."}
}


@hot.post("/assign", status_code=201, response_model=Decision, responses=REPLAYED, openapi_extra=IDEMPOTENT)
@requires("assign", body=BodyLimits(size=256 * KIB))
async def assign(request: Request, body: AssignRequest) -> Response:
    """Decide who owns a lead, and answer once it is stored."""
    dispatch: Dispatcher = request.app.state.dispatch
    workspace_id = caller_of(request).workspace_id
    if body.dry_run:
        (told,) = await dispatch.dry_run_all(workspace_id, [_job(body, None)])
        return _response(told)
    job = _job(body, key_of(request, await request.json()))
    return _response(await dispatch.ask(workspace_id, job))


@hot.post("/assign/batch", response_model=BatchResult, openapi_extra=IDEMPOTENT)
@requires("assign", body=BodyLimits(size=8192 * KIB, isolate_items="items"))
async def assign_batch(request: Request, body: BatchRequest) -> Response:
    """Decide many leads in their order. One bad item spoils no other."""
    dispatch: Dispatcher = request.app.state.dispatch
    workspace_id = caller_of(request).workspace_id
    key = key_of(request, await request.json())
    told: list[Answer | Problem | None] = []
    written: dict[int, Job] = {}
    for_dry_run: dict[int, Job] = {}
    for position, item in enumerate(validate_items(body)):
        told.append(item if isinstance(item, Problem) else None)
        if isinstance(item, AssignRequest):
            jobs = for_dry_run if item.dry_run else written
            jobs[position] = _job(item, item_key(key, position), bulk=True)
    for jobs, ask in ((written, dispatch.ask_all), (for_dry_run, dispatch.dry_run_all)):
        answers = await ask(workspace_id, list(jobs.values())) if jobs else []
        for position, answer in zip(jobs, answers, strict=True):
            told[position] = answer
    undecided = _undecided(told)
    if undecided is not None:
        raise undecided
    return Response(_items(told), media_type="application/json")


@router.post(
    "/reassign", status_code=201, response_model=Decision, responses=REPLAYED, openapi_extra=IDEMPOTENT
)
@requires("assign")
async def reassign(request: Request, body: ReassignRequest) -> Response:
    """Decide a lead we have again, by the same path, or give it to whom the caller names."""
    dispatch: Dispatcher = request.app.state.dispatch
    job = Reassign(
        key=key_of(request, await request.json()),
        lead_id=str(body.lead_id),
        reason=body.reason,
        exclude=frozenset(body.exclude or ()),
        to=_target(body.to),
    )
    return _response(await dispatch.ask(caller_of(request).workspace_id, job))


@router.post("/queues/{name}/claim", response_model=Decision, openapi_extra=IDEMPOTENT)
@requires("claim")
async def claim(request: Request, name: str, body: ClaimRequest) -> Response:
    """Take the first lead of a queue, or the one that is named, for an owner."""
    dispatch: Dispatcher = request.app.state.dispatch
    caller = caller_of(request)
    if caller.owner_id is not None and caller.owner_id != body.owner_id:
        raise Forbidden("This key may only claim for its own owner.")
    job = Claim(
        key=key_of(request, await request.json()),
        queue=name,
        owner_id=body.owner_id,
        lead_id=str(body.lead_id) if body.lead_id else None,
    )
    return _response(await dispatch.ask(caller.workspace_id, job))


@router.post("/assignments/{assignment_id}/events", response_model=EventResult, openapi_extra=IDEMPOTENT)
@requires("events")
async def report(request: Request, assignment_id: UUID, body: EventRequest) -> Response:
    """Tell what became of an assignment. `closed` frees the owner's open place."""
    dispatch: Dispatcher = request.app.state.dispatch
    caller = caller_of(request)
    key = key_of(request, await request.json())
    job = ReportEvent(key=key, assignment_id=str(assignment_id), type=body.type, actor=caller.key_id)
    return _response(await dispatch.ask(caller.workspace_id, job))


def _job(body: AssignRequest, key: IdempotencyKey | None, *, bulk: bool = False) -> Assign:
    arrival = normalize(body.lead.model_dump(exclude_none=True))
    return Assign(
        key=key if key is not None or arrival.keys else key_of_body(arrival.values),
        bulk=bulk,
        arrival=arrival,
        trigger=body.trigger or "form",
        exclude=frozenset(body.exclude or ()),
    )


def _target(to: ReassignTarget | None) -> Target | None:
    if to is None:
        return None
    if to.owner is not None:
        return Target("owner", to.owner)
    return Target("team", to.team) if to.team is not None else Target("queue", str(to.queue))


def _response(told: Answer | Problem) -> Response:
    if isinstance(told, Problem):
        raise told
    return response_of(told)


def _undecided(told: Sequence[Answer | Problem | None]) -> Problem | None:
    """Why nothing of a batch was decided, when one thing stood in the way of all: it is said of the whole.

    Either its key belongs to another body, or the database is away; of several problems of that kind it is
    the one that does not know what was done, if there is one.
    """
    if told and all(isinstance(one, IdempotencyMismatch) for one in told):
        return IdempotencyMismatch("this Idempotency-Key was used with another body")
    problems = [one for one in told if isinstance(one, Problem) and one.status == 503]
    if len(problems) < len(told):
        return None
    return next((one for one in problems if isinstance(one, OutcomeUnknown)), problems[0])


def _items(told: Sequence[Answer | Problem | None]) -> bytes:
    """The batch's answer, put together from bodies that are JSON already."""
    return b'{"items":[' + b",".join(_item(one) for one in told) + b"]}"


def _item(told: Answer | Problem | None) -> bytes:
    if isinstance(told, Answer):
        return b'{"status":%d,"decision":%s}' % (told.status, told.body)
    problem = told or Problem()
    return b'{"status":%d,"problem":%s}' % (problem.status, orjson.dumps(problem_document(problem)))
