"""`POST /assign` and the other routes that decide: a body in, a decision out."""

from typing import Any
from uuid import UUID

from fastapi import APIRouter

from app.api.hidden_fields import ask_discreetly
from app.api.http.auth import Caller, requires
from app.api.http.batches import decide_items, items_to_json
from app.api.http.idempotency import item_key, key_of_lead, key_of_submission, response_of
from app.api.http.json_response import Json
from app.api.http.parameters import CallerParameter, DispatchParameter, IdempotencyKeyParameter, PoolParameter
from app.api.http.routing import DirectRoute, StrictRoute
from app.contract.limits import KIB, BodyLimits
from app.contract.requests import (
    AssignRequest,
    BatchRequest,
    ClaimRequest,
    GiveBackRequest,
    UnblockRequest,
    validate_items,
)
from app.contract.responses import BatchResult, Decision
from app.dispatch.jobs.assign import Assign
from app.dispatch.jobs.base import Batch, IdempotencyKey, Job, Reply
from app.dispatch.jobs.claim import Claim
from app.dispatch.jobs.give_back import GiveBack
from app.dispatch.jobs.unblock import Unblock
from app.dispatch.reported_events import Reporter
from app.errors import (
    AlreadyClosed,
    AssignmentSuperseded,
    ClaimRefused,
    Forbidden,
    LeadNotDecided,
    LeadNotInQueue,
    NotBlocked,
    NotClaimed,
    NotFound,
    Problem,
    QueueEmpty,
    QuotaExceeded,
)
from app.forms.test_leads import decide_tests
from app.ids import uuid7
from app.intake.arrival import IncomingLead, normalize
from app.pace import Pace

hot = APIRouter(route_class=DirectRoute, tags=["assign"])
router = APIRouter(route_class=StrictRoute, tags=["assign"])
SOURCE = "api"
"""Where the test leads of these routes come from, beside the endpoints of forms."""
REPLAYED: dict[int | str, dict[str, Any]] = {
    200: {"model": Decision, "description": "A replay or a dry run."}
}


@hot.post("/assign", status_code=201, responses=REPLAYED)
@requires(
    "assign", body=BodyLimits(size=256 * KIB), problems=(LeadNotDecided, QuotaExceeded), decides_leads=True
)
async def assign_lead(
    caller: CallerParameter,
    dispatch: DispatchParameter,
    pool: PoolParameter,
    key: IdempotencyKeyParameter,
    body: AssignRequest,
) -> Json[Decision]:
    """Decides who owns a lead, and returns once the decision is stored."""
    if body.is_test:
        tests = [(uuid7(), assign_job(caller, body, None))]
        (reply,) = await decide_tests(pool, dispatch, caller.workspace_id, SOURCE, tests)
        return _response(reply)
    if body.dry_run:
        (reply,) = await dispatch.dry_run_all(caller.workspace_id, [assign_job(caller, body, None)])
        return _response(reply)
    return _response(await dispatch.ask(caller.workspace_id, assign_job(caller, body, key)))


@hot.post("/assign/batch")
@requires(
    "assign",
    body=BodyLimits(size=8192 * KIB, isolate_items="items"),
    problems=(QuotaExceeded,),
    decides_leads=True,
)
async def assign_leads(
    caller: CallerParameter,
    dispatch: DispatchParameter,
    pool: PoolParameter,
    key: IdempotencyKeyParameter,
    body: BatchRequest,
) -> Json[BatchResult]:
    """Decides many leads in order. An invalid item does not affect the others."""
    batch = Batch()
    replies: list[Reply | Problem | None] = []
    stored: dict[int, Job] = {}
    for_dry_run: dict[int, Job] = {}
    tests: dict[int, Assign] = {}
    pace = Pace()
    for position, item in enumerate(validate_items(body)):
        replies.append(item if isinstance(item, Problem) else None)
        if isinstance(item, AssignRequest):
            job = assign_job(caller, item, None if item.is_test else item_key(key, position), batch)
            if item.is_test:
                tests[position] = job
            else:
                (for_dry_run if item.dry_run else stored)[position] = job
        await pace.rest()
    for position, reply in (await decide_items(dispatch, caller.workspace_id, key, stored)).items():
        replies[position] = reply
    if tests:
        named = [(uuid7(), job) for job in tests.values()]
        tested = await decide_tests(pool, dispatch, caller.workspace_id, SOURCE, named)
        replies = [dict(zip(tests, tested, strict=True)).get(at, reply) for at, reply in enumerate(replies)]
    if for_dry_run:
        dry = await dispatch.dry_run_all(caller.workspace_id, list(for_dry_run.values()))
        for position, reply in zip(for_dry_run, dry, strict=True):
            replies[position] = reply
    return Json(await items_to_json(replies, "decision"))


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
        bound=caller.owner_id is not None,
    )
    return await ask_discreetly(dispatch, caller, job)


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
    return await ask_discreetly(dispatch, caller, job)


@router.post("/assignments/{assignment_id}/unblock", status_code=201, responses=REPLAYED)
@requires("assign", problems=(NotFound, NotBlocked, AssignmentSuperseded))
async def unblock_lead(
    caller: CallerParameter,
    dispatch: DispatchParameter,
    key: IdempotencyKeyParameter,
    assignment_id: UUID,
    body: UnblockRequest | None = None,
) -> Json[Decision]:
    """Routes a blocked lead now, as a new decision. Junk does not block it again.

    What a suppression list blocked needs a key with the scope `privacy` too. The entry stays on its list.
    """
    job = Unblock(
        key=key,
        assignment_id=str(assignment_id),
        actor=caller.key_id,
        reason=body.reason if body is not None else None,
        lifts_suppression=caller.may("privacy"),
    )
    return _response(await dispatch.ask(caller.workspace_id, job))


def assign_job(
    caller: Caller, body: AssignRequest, key: IdempotencyKey | None, batch: Batch | None = None
) -> Assign:
    """The job that decides a lead as it was sent."""
    sent = body.lead.model_dump(exclude_none=True)
    for name in ("external_id_source", "submission_id"):
        if name not in sent and (default := getattr(body, name)) is not None:
            sent[name] = default
    arrival = normalize(sent, caller.key_id)
    return Assign(
        key=key or (None if body.is_test else _own_key(caller, arrival)),
        bulk=batch is not None,
        batch=batch,
        arrival=arrival,
        trigger=body.trigger or "form",
        exclude=frozenset(body.exclude or ()),
    )


def _own_key(caller: Caller, arrival: IncomingLead) -> IdempotencyKey | None:
    """The key by which a lead is known that comes without one. A test is nobody's repetition."""
    submission = arrival.values.get("submission_id")
    if submission is not None:
        return key_of_submission(caller, submission)
    return None if arrival.keys else key_of_lead(arrival.values)


def _response(reply: Reply | Problem) -> Json[Any]:
    if isinstance(reply, Problem):
        raise reply
    return response_of(reply)
