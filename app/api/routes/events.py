"""Events: what callers report about assignments."""

import hashlib
from datetime import UTC, date, datetime, time
from uuid import UUID

import orjson
from fastapi import APIRouter

from app.api.hidden_fields import ask_discreetly, discreet_reply
from app.api.http.auth import Caller, requires
from app.api.http.batches import decide_items, items_to_json
from app.api.http.idempotency import item_key
from app.api.http.json_response import Json
from app.api.http.parameters import CallerParameter, DispatchParameter, IdempotencyKeyParameter
from app.api.http.routing import StrictRoute
from app.contract.events import (
    EventBatch,
    EventBatchResult,
    EventItem,
    EventRequest,
    EventResult,
    validate_events,
)
from app.contract.limits import KIB, BodyLimits
from app.dispatch.jobs.base import Batch, IdempotencyKey, Job, Reply
from app.dispatch.jobs.report_event import EventAddress, ReportEvent
from app.dispatch.reported_events import Reporter
from app.engine.life.events import ReportedEvent
from app.engine.model.lead_keys import CRM_LEAD, EXTERNAL_ID, LeadKey
from app.errors import (
    AlreadyClosed,
    AmbiguousAssignment,
    AssignmentSuperseded,
    EventIdReused,
    Forbidden,
    Problem,
)
from app.pace import Pace
from app.values.crm_ids import crm_id_key

router = APIRouter(route_class=StrictRoute, tags=["events"])
_ADDRESSES = {"assignment_id", "lead_id", "external_id", "crm_lead_id"}
PROBLEMS = (AssignmentSuperseded, AlreadyClosed, AmbiguousAssignment, EventIdReused)


@router.post("/assignments/{assignment_id}/events")
@requires("events", problems=PROBLEMS, for_owner=True)
async def report_event(
    caller: CallerParameter,
    dispatch: DispatchParameter,
    key: IdempotencyKeyParameter,
    assignment_id: UUID,
    body: EventRequest,
) -> Json[EventResult]:
    """Reports what happened to an assignment, and returns what follows from it."""
    job = event_job(caller, body, EventAddress(assignment_id=str(assignment_id)), key)
    return await ask_discreetly(dispatch, caller, job)


@router.post("/events")
@requires("events", body=BodyLimits(size=8192 * KIB, isolate_items="items"), for_owner=True)
async def report_events(
    caller: CallerParameter, dispatch: DispatchParameter, key: IdempotencyKeyParameter, body: EventBatch
) -> Json[EventBatchResult]:
    """Reports many events in order. An invalid item does not affect the others."""
    replies: list[Reply | Problem | None] = []
    jobs: dict[int, Job] = {}
    batch, pace = Batch(), Pace()
    for position, item in enumerate(validate_events(body)):
        await pace.rest()
        replies.append(item if isinstance(item, Problem) else None)
        if isinstance(item, EventItem):
            try:
                jobs[position] = event_job(caller, item, _address(item), item_key(key, position), batch)
            except Problem as refused:
                replies[position] = refused
    for position, reply in (await decide_items(dispatch, caller.workspace_id, key, jobs)).items():
        replies[position] = discreet_reply(caller, reply) if isinstance(reply, Reply) else reply
    return Json(await items_to_json(replies, "result"))


def event_job(
    caller: Caller,
    body: EventRequest,
    address: EventAddress,
    key: IdempotencyKey | None,
    batch: Batch | None = None,
) -> ReportEvent:
    """The job that reports an event. Raises Forbidden where a key of one owner names another one."""
    by = body.by or caller.owner_id
    if caller.owner_id is not None and by != caller.owner_id:
        raise Forbidden("This key can only report events of its own owner.")
    at, day_only = _instant(body.at)
    event = ReportedEvent(
        type=body.type,
        id=body.id,
        at=at,
        day_only=day_only,
        by=by,
        via=body.via,
        reason=body.reason,
        amount=body.amount,
        currency=body.currency,
        note=body.note,
        ref=body.ref,
        for_at=body.for_,
        until=body.until,
        result=body.result,
        channel=body.channel,
        topic=body.topic,
    )
    reporter = Reporter(
        actor=caller.key_id,
        source=caller.source,
        owner_id=caller.owner_id,
        sees_owner=caller.owner_id is None and caller.may("leads:read"),
    )
    return ReportEvent(
        key=key,
        bulk=batch is not None,
        batch=batch,
        event=event,
        address=address,
        reporter=reporter,
        body_hash=_hash(body, address),
    )


def _address(item: EventItem) -> EventAddress:
    if item.external_id is not None:
        return EventAddress(keys=(LeadKey(EXTERNAL_ID, item.external_id, ""),))
    if item.crm_lead_id is not None:
        return EventAddress(keys=(LeadKey(CRM_LEAD, crm_id_key(item.crm_lead_id)),))
    assignment_id = str(item.assignment_id) if item.assignment_id is not None else None
    return EventAddress(assignment_id, str(item.lead_id) if item.lead_id is not None else None)


def _instant(at: datetime | date | None) -> tuple[datetime | None, bool]:
    """The time, and whether only its day is known."""
    if at is None or isinstance(at, datetime):
        return at, False
    return datetime.combine(at, time(), UTC), True


def _hash(body: EventRequest, address: EventAddress) -> str:
    """The hash of an event as its caller wrote it, and of what it is about, in a batch or alone."""
    document = [body.model_dump(exclude_none=True, exclude=_ADDRESSES), address]
    return hashlib.sha256(orjson.dumps(document, default=str, option=orjson.OPT_SORT_KEYS)).hexdigest()
