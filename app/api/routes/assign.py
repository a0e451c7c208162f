"""`POST /assign` and the other routes that decide: a body in, a decision out."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import orjson
from fastapi import APIRouter

from app.api.http.auth import Caller, requires
from app.api.http.idempotency import item_key, key_of_lead, key_of_submission, response_of
from app.api.http.json_response import Json
from app.api.http.parameters import CallerParameter, DispatchParameter, IdempotencyKeyParameter
from app.api.http.routing import DirectRoute, StrictRoute
from app.contract.faults import problem_document
from app.contract.limits import KIB, BodyLimits
from app.contract.requests import (
    AssignRequest,
    BatchRequest,
    ClaimRequest,
    GiveBackRequest,
    validate_items,
)
from app.contract.responses import BatchResult, Decision
from app.dispatch.jobs.assign import Assign
from app.dispatch.jobs.base import Batch, IdempotencyKey, Job, Reply
from app.dispatch.jobs.claim import Claim
from app.dispatch.jobs.give_back import GiveBack
from app.dispatch.reported_events import Reporter
from app.errors import (
    AlreadyClosed,
    AssignmentSuperseded,
    ClaimRefused,
    Forbidden,
    IdempotencyMismatch,
    LeadNotDecided,
    LeadNotInQueue,
    NotClaimed,
    NotFound,
    OutcomeUnknown,
    Problem,
    QueueEmpty,
    QuotaExceeded,
    WorkspaceDeleted,
)
from app.intake.arrival import normalize
from app.pace import Pace

hot = APIRouter(route_class=DirectRoute, tags=["assign"])
router = APIRouter(route_class=StrictRoute, tags=["assign"])
REPLAYED: dict[int | str, dict[str, Any]] = {
    200: {"model": Decision, "description": "A replay or a dry run."}
}


@hot.post("/assign", status_code=201, responses=REPLAYED)
@requires(
    "assign", body=BodyLimits(size=256 * KIB), problems=(LeadNotDecided, QuotaExceeded), decides_leads=True
)
async def assign_lead(
    caller: CallerParameter, dispatch: DispatchParameter, key: IdempotencyKeyParameter, body: AssignRequest
) -> Json[Decision]:
    """Decides who owns a lead, and returns once the decision is stored."""
    if body.dry_run:
        (reply,) = await dispatch.dry_run_all(caller.workspace_id, [_job(caller, body, None)])
        return _response(reply)
    return _response(await dispatch.ask(caller.workspace_id, _job(caller, body, key)))


@hot.post("/assign/batch")
@requires(
    "assign",
    body=BodyLimits(size=8192 * KIB, isolate_items="items"),
    problems=(QuotaExceeded,),
    decides_leads=True,
)
async def assign_leads(
    caller: CallerParameter, dispatch: DispatchParameter, key: IdempotencyKeyParameter, body: BatchRequest
) -> Json[BatchResult]:
    """Decides many leads in order. An invalid item does not affect the others."""
    batch = Batch()
    replies: list[Reply | Problem | None] = []
    stored: dict[int, Job] = {}
    for_dry_run: dict[int, Job] = {}
    pace = Pace()
    for position, item in enumerate(validate_items(body)):
        replies.append(item if isinstance(item, Problem) else None)
        if isinstance(item, AssignRequest):
            jobs = for_dry_run if item.dry_run else stored
            jobs[position] = _job(caller, item, item_key(key, position), batch)
        await pace.rest()
    for jobs, ask in ((stored, dispatch.ask_all), (for_dry_run, dispatch.dry_run_all)):
        decided = await ask(caller.workspace_id, list(jobs.values())) if jobs else []
        for position, reply in zip(jobs, decided, strict=True):
            replies[position] = reply
    problem = _problem_of_all(replies)
    if problem is not None:
        raise problem
    return Json(await _items(replies))


@router.post("/queues/{name}/claim")
@requires("claim", problems=(ClaimRefused, NotFound, LeadNotInQueue, QueueEmpty), for_owner=True)
async def claim_lead(
    caller: CallerParameter,
    dispatch: DispatchParameter,
    key: IdempotencyKeyParameter,
    name: str,
    body: ClaimRequest,
) -> Json[Decision]:
    """Gives an owner the first lead of a queue, or the lead that the request names."""
    if caller.owner_id is not None and caller.owner_id != body.owner_id:
        raise Forbidden("This key can only claim for its own owner.")
    lead_id = str(body.lead_id) if body.lead_id else None
    job = Claim(
        key=key,
        queue=name,
        owner_id=body.owner_id,
        lead_id=lead_id,
        again=bool(body.again),
        actor=caller.key_id,
    )
    return _response(await dispatch.ask(caller.workspace_id, job))


@router.post("/assignments/{assignment_id}/release")
@requires("claim", problems=(NotFound, NotClaimed, AssignmentSuperseded, AlreadyClosed), for_owner=True)
async def give_back_lead(
    caller: CallerParameter,
    dispatch: DispatchParameter,
    key: IdempotencyKeyParameter,
    assignment_id: UUID,
    body: GiveBackRequest | None = None,
) -> Json[Decision]:
    """Gives a claimed lead back: it gets its old place in the queue."""
    sees_owner = caller.owner_id is None and caller.may("leads:read")
    reporter = Reporter(caller.key_id, caller.key_id, caller.owner_id, sees_owner)
    job = GiveBack(
        key=key,
        assignment_id=str(assignment_id),
        reporter=reporter,
        owner_id=body.owner_id if body is not None else None,
    )
    return _response(await dispatch.ask(caller.workspace_id, job))


def _job(
    caller: Caller, body: AssignRequest, key: IdempotencyKey | None, batch: Batch | None = None
) -> Assign:
    sent = body.lead.model_dump(exclude_none=True)
    for name in ("external_id_source", "submission_id"):
        if name not in sent and (default := getattr(body, name)) is not None:
            sent[name] = default
    arrival = normalize(sent, caller.key_id)
    submission = arrival.values.get("submission_id")
    if key is None and submission is not None:
        key = key_of_submission(caller, submission)
    return Assign(
        key=key if key is not None or arrival.keys else key_of_lead(arrival.values),
        bulk=batch is not None,
        batch=batch,
        arrival=arrival,
        trigger=body.trigger or "form",
        exclude=frozenset(body.exclude or ()),
    )


def _response(reply: Reply | Problem) -> Json[Any]:
    if isinstance(reply, Problem):
        raise reply
    return response_of(reply)


def _problem_of_all(replies: Sequence[Reply | Problem | None]) -> Problem | None:
    """The problem of the whole batch, when one thing kept every item from being decided.

    That is an idempotency key that belongs to another body, of which each decided item then tells, a
    workspace that was deleted, with whatever was decided before, or a database that does not respond. If any
    outcome is unknown, so is that of the batch.
    """
    for kind in (IdempotencyMismatch, WorkspaceDeleted):
        if any(isinstance(each, kind) for each in replies):
            return kind()
    problems = [each for each in replies if isinstance(each, Problem) and each.status == 503]
    if len(problems) < len(replies):
        return None
    return next((each for each in problems if isinstance(each, OutcomeUnknown)), problems[0])


async def _items(replies: Sequence[Reply | Problem | None]) -> bytes:
    """The body of the batch, joined from bodies that are JSON already."""
    parts, pace = [], Pace()
    for each in replies:
        parts.append(_item(each))
        await pace.rest()
    return b'{"items":[' + b",".join(parts) + b"]}"


def _item(reply: Reply | Problem | None) -> bytes:
    if isinstance(reply, Reply):
        return b'{"status":%d,"decision":%s}' % (reply.status, reply.body)
    problem = reply or Problem()
    return b'{"status":%d,"problem":%s}' % (problem.status, orjson.dumps(problem_document(problem)))
