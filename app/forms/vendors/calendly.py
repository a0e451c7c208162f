"""Calendly: bookings, no-shows and routing forms.

Somebody who moves a booking cancels it and makes a new one, in this order or the other. The new one names the
old, so both are one booking here. A name is not cut unless Calendly has asked for its parts.
"""

import hmac
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from app.forms.vendors.base import (
    Delivery,
    FormEvent,
    FormRequest,
    FormTerms,
    PlainForm,
    Proof,
    Refused,
    Unreadable,
    Verified,
)
from app.forms.vendors.bodies import read_json
from app.forms.vendors.fields import MappedFields, map_fields
from app.forms.vendors.form_field import FormField
from app.forms.vendors.proof import check_signature, check_time
from app.values.booleans import read_boolean
from app.values.full_names import is_certain
from app.webhooks.vendors.payloads import dedupe_key, identifier, listed, mapping, moment, text

TOLERANCE: Final = timedelta(minutes=3)
_KNOWN: Final[Mapping[str, str]] = {
    "\0first_name": "first_name", "\0last_name": "last_name", "\0name": "name",
    "\0full_name": "attributes.full_name", "\0email": "email", "\0text_reminder_number": "phone",
    "\0timezone": "attributes.timezone", "\0event_name": "attributes.event_name",
    "\0event_type": "attributes.event_type", "\0routing_form": "attributes.routing_form",
}  # fmt: skip
_EVENTS: Final = {
    "invitee_no_show.created": "x-no_show",
    "invitee_no_show.deleted": "x-no_show_undone",
    "invitee.canceled": "x-meeting_canceled",
}


class Calendly(PlainForm):
    """Implements FormKind."""

    kind = "calendly"
    proof: Proof = "when_configured"
    retries = frozenset((429,))

    def verify(self, request: FormRequest, terms: FormTerms, now: datetime) -> Verified:
        header = request.headers.get("calendly-webhook-signature")
        if not header:
            raise Refused("signature_missing")
        parts = [part.strip().partition(b"=") for part in header.split(b",")[:20]]
        stamp = check_time(
            next((value for name, _, value in parts if name == b"t"), None),
            timedelta(seconds=1),
            now,
            TOLERANCE,
            TOLERANCE,
        )
        signature = next((value for name, _, value in parts if name == b"v1"), None)
        signed = stamp + b"." + request.body
        return check_signature(
            terms.secrets, signature, lambda secret: [hmac.digest(secret, signed, "sha256").hex().encode()]
        )

    def parse(self, request: FormRequest, terms: FormTerms) -> Sequence[Delivery]:
        """One delivery."""
        document = mapping(read_json(request))
        event, payload = text(document.get("event")), document.get("payload")
        if not event or not isinstance(payload, dict):
            raise Unreadable("has no event, or no payload")
        at = moment(document.get("created_at")) or moment(payload.get("created_at"))
        if event == "invitee.created":
            return [_booking(payload, at, terms)]
        if event == "routing_form_submission.created":
            return [_routing(payload, at, terms)]
        return [_other(event, payload, at, terms)]


def _booking(payload: Mapping[str, Any], at: datetime | None, terms: FormTerms) -> Delivery:
    booking = _booking_id(payload)
    scheduled = mapping(payload.get("scheduled_event"))
    start = moment(scheduled.get("start_time"))
    said: dict[str, Any] = {"via": "meeting"}
    if start is not None:
        said["for_at"] = start.isoformat()
    hosts = [mapping(each) for each in listed(scheduled.get("event_memberships"))]
    named = (text(each.get(name)) for each in hosts for name in ("user_email", "user"))
    host = next((each for each in named if each), None)
    found = _mapped(payload, terms)
    return Delivery(
        "lead",
        f"{_uri(payload)}:created",
        record=booking,
        continued_by=_uri(payload) if booking != _uri(payload) else "",
        lead=found.lead,
        at=at,
        events=(FormEvent("meeting", booking, at, said),),
        host=host,
        flags=found.flags,
        unmapped=found.unmapped,
    )


def _routing(payload: Mapping[str, Any], at: datetime | None, terms: FormTerms) -> Delivery:
    """A routing form, which may lead to a booking, or to none."""
    found = _mapped(payload, terms)
    return Delivery("lead", _uri(payload), lead=found.lead, at=at, flags=found.flags, unmapped=found.unmapped)


def _other(event: str, payload: Mapping[str, Any], at: datetime | None, terms: FormTerms) -> Delivery:
    type_, booking = _EVENTS.get(event), _booking_id(payload)
    # Half of a move: the new booking says the rest.
    moved = event == "invitee.canceled" and (
        read_boolean(payload.get("rescheduled")) is True or text(payload.get("new_invitee")) != ""
    )
    id_ = f"{_uri(payload)}:{event}"
    if type_ is None or moved:
        return Delivery("ignore", id_, record=booking, at=at)
    happened = FormEvent(type_, f"{booking}:{type_}", at, _reason(payload))
    lead = _mapped(payload, terms).lead
    return Delivery("event", id_, record=booking, lead=lead, at=at, events=(happened,))


def _reason(payload: Mapping[str, Any]) -> dict[str, Any]:
    """Why a booking was canceled, in the words of the person."""
    reason = text(mapping(payload.get("cancellation")).get("reason"))
    return {"note": reason[:1000]} if reason else {}


def _uri(payload: Mapping[str, Any]) -> str:
    return identifier(payload.get("uri")) or dedupe_key("calendly", sorted(map(str, payload.items())))


def _booking_id(payload: Mapping[str, Any]) -> str:
    """The first booking that became this one, as far as it is named."""
    named = ("old_invitee", "invitee", "uri")
    return next((id_ for name in named if (id_ := identifier(payload.get(name)))), None) or _uri(payload)


def _mapped(payload: Mapping[str, Any], terms: FormTerms) -> MappedFields:
    scheduled = mapping(payload.get("scheduled_event"))
    fields = [
        *_name(payload),
        FormField("\0email", text(payload.get("email")), name="email"),
        *_answers(payload),
        FormField(
            "\0text_reminder_number", text(payload.get("text_reminder_number")), name="text_reminder_number"
        ),
        FormField("\0timezone", text(payload.get("timezone")), name="timezone"),
        FormField("\0event_name", text(scheduled.get("name")), name="event_name"),
        FormField("\0event_type", text(scheduled.get("event_type")), name="event_type"),
        FormField("\0routing_form", text(payload.get("routing_form")), name="routing_form"),
    ]
    tracking = mapping(payload.get("tracking"))
    return map_fields(fields, terms.mapping, _KNOWN).with_utm(tracking)


def _name(payload: Mapping[str, Any]) -> Iterator[FormField]:
    first, last, whole = (text(payload.get(name)) for name in ("first_name", "last_name", "name"))
    yield FormField("\0first_name", first, name="first_name")
    yield FormField("\0last_name", last, name="last_name")
    if whole and not first and not last:
        yield FormField("\0name" if is_certain(whole) else "\0full_name", whole, name="name")


def _answers(payload: Mapping[str, Any]) -> Iterator[FormField]:
    for each in map(mapping, listed(payload.get("questions_and_answers"))):
        question = text(each.get("question"))
        key = identifier(each.get("question_uuid")) or question
        if key:
            yield FormField(key, each.get("answer"), label=question)
