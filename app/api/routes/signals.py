"""Signals: people who are leads already do something."""

import hashlib
from typing import Any

import orjson
from fastapi import APIRouter

from app.api.http.auth import requires
from app.api.http.idempotency import response_of
from app.api.http.json_response import Json
from app.api.http.parameters import CallerParameter, DispatchParameter, IdempotencyKeyParameter
from app.api.http.routing import StrictRoute
from app.contract.signals import SignalRequest, SignalResult
from app.dispatch.jobs.event_job import EventAddress
from app.dispatch.jobs.take_signal import TakeSignal
from app.dispatch.reported_events import Reporter
from app.engine.life.events import ReportedEvent
from app.engine.model.lead_keys import CRM_LEAD, EXTERNAL_ID, LeadKey
from app.errors import AmbiguousAssignment, EventIdReused, NotFound
from app.intake.arrival import normalize
from app.values.crm_ids import crm_id_key

router = APIRouter(route_class=StrictRoute, tags=["events"])
PROBLEMS = (NotFound, AmbiguousAssignment, EventIdReused)


@router.post("/signals")
@requires("events", "assign", problems=PROBLEMS)
async def take_signal(
    caller: CallerParameter, dispatch: DispatchParameter, key: IdempotencyKeyParameter, body: SignalRequest
) -> Json[SignalResult]:
    """Adds engagement to a known person. Tells the owner, or decides a lead without one again."""
    sent = body.model_dump(exclude_none=True)
    engagement = normalize({"engagement": sent["engagement"]}).values.get("engagement", [])
    job = TakeSignal(
        key=key,
        event=ReportedEvent("signal", id=body.id),
        address=_address(body),
        reporter=Reporter(actor=caller.key_id, source=caller.source, owner_id=caller.owner_id),
        body_hash=_hash(sent),
        engagement=engagement,
    )
    return response_of(await dispatch.ask(caller.workspace_id, job))


def _address(body: SignalRequest) -> EventAddress:
    if body.lead_id is not None:
        return EventAddress(lead_id=str(body.lead_id))
    if body.external_id is not None:
        return EventAddress(keys=(LeadKey(EXTERNAL_ID, body.external_id, ""),))
    if body.crm_lead_id is not None:
        return EventAddress(keys=(LeadKey(CRM_LEAD, crm_id_key(body.crm_lead_id)),))
    sent = {"email": body.email, "phone": body.phone}
    return EventAddress(keys=normalize({name: value for name, value in sent.items() if value}).keys)


def _hash(sent: dict[str, Any]) -> str:
    return hashlib.sha256(orjson.dumps(sent, default=str, option=orjson.OPT_SORT_KEYS)).hexdigest()
