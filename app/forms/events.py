"""What a form tool tells about a lead as an event, and two of its records that became one."""

import hashlib
from dataclasses import dataclass, replace
from datetime import datetime

import orjson

from app.dispatch.jobs.event_job import EventAddress, EventJob
from app.dispatch.jobs.merge_leads import MergeLeads
from app.dispatch.jobs.report_event import ReportEvent
from app.dispatch.reported_events import Reporter
from app.engine.life.events import ReportedEvent
from app.engine.model.lead_keys import LeadKey
from app.errors import Problem
from app.forms.leads import Unmappable, arrival_of
from app.forms.stored import hash_of
from app.forms.vendors.base import Delivery, FormEvent
from app.store.crm.turns import InboxEvent
from app.store.forms.records import FormRecord
from app.webhooks.effects import Applied

MERGED = "The form tool made one contact of both."


@dataclass(frozen=True, slots=True)
class Told:
    """One thing to apply, with its place among the others.

    `first` is the record with which this one began: a booking that was moved goes on with the one before.
    """

    place: int
    row: InboxEvent
    delivery: Delivery
    first: bytes | None = None

    @property
    def endpoint_id(self) -> str:
        """The endpoint that it came to."""
        return self.row.endpoint_id

    @property
    def actor(self) -> str:
        """The endpoint as it is named in the history of leads."""
        return f"endpoint:{self.endpoint_id}"

    @property
    def record(self) -> FormRecord:
        """What it is about."""
        return FormRecord(self.endpoint_id, bytes.fromhex(self.row.record_id))

    def other(self, id_: str) -> FormRecord:
        """Another record of the same tool."""
        return FormRecord(self.endpoint_id, hash_of(self.endpoint_id, id_))


def begun(told: list[Told], known: dict[FormRecord, bytes]) -> list[Told]:
    """The same, each with the record with which it began. `known` are those of earlier deliveries."""
    found = []
    for each in sorted(told, key=lambda each: (each.delivery.at or each.row.received_at, each.place)):
        first = known.get(each.record, each.record.record)
        if each.delivery.continued_by:
            known[each.other(each.delivery.continued_by)] = first
        found.append(replace(each, first=first))
    return found


def event_job(told: Told, event: FormEvent, address: EventAddress) -> EventJob:
    """What reports an event. One that comes again with something else takes the place of the earlier."""
    body = orjson.dumps([event.type, event.id, event.at, dict(event.fields)], default=str)
    said = dict(event.fields)
    if isinstance(said.get("for_at"), str):
        said["for_at"] = datetime.fromisoformat(said["for_at"])
    at = event.at
    if at is not None:
        # Clocks of tools go ahead, and some name local times as if they were UTC.
        at = min(at, told.row.received_at)
    return ReportEvent(
        bulk=True,
        event=ReportedEvent(type=event.type, id=_id(told, event), at=at, **said),
        address=address,
        reporter=Reporter(told.actor, told.actor, unattended=True),
        body_hash=hashlib.sha256(body).hexdigest(),
        amends=True,
    )


def merge_job(told: Told, leads: tuple[str, str]) -> MergeLeads:
    """What makes one lead of two. The plan says which of their owners keeps it."""
    return MergeLeads(leads=leads, survivor=None, reason=MERGED, actor=told.actor)


def address_of(told: Told) -> EventAddress | None:
    """The person by e-mail or phone, where the record is not known."""
    if not told.delivery.lead:
        return None
    try:
        keys: tuple[LeadKey, ...] = arrival_of(told.endpoint_id, told.delivery).keys
    except Unmappable:
        return None
    return EventAddress(keys=keys) if keys else None


def refused(problem: Problem, lead_id: str | None = None) -> Applied:
    """What became of something that the service refused. What lies with the service is tried again."""
    return Applied("retry" if problem.status >= 500 else "failed", problem.code, lead_id=lead_id)


def _id(told: Told, event: FormEvent) -> str:
    """The id of an event: of one record from its beginning, whatever its tool calls that by now."""
    record = told.delivery.record
    if told.first is None or not record or not event.id.startswith(record):
        return event.id
    return told.first.hex() + event.id.removeprefix(record)
