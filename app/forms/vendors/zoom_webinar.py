"""Zoom webinars: registrations, and who joined.

An address is checked when it is set up and every three days: the token comes back with what the secret makes
of it. A delivery is repeated after 5, 20 and 60 minutes.
"""

import hmac
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from app.forms.vendors.base import (
    Delivery,
    FormAnswer,
    FormEvent,
    FormRequest,
    FormTerms,
    Meaning,
    PlainForm,
    Proof,
    Unreadable,
    Verified,
)
from app.forms.vendors.bodies import read_json
from app.forms.vendors.fields import map_fields
from app.forms.vendors.form_field import FormField
from app.forms.vendors.proof import check_signature, check_time
from app.webhooks.vendors.payloads import dedupe_key, identifier, listed, mapping, moment, text

BEFORE: Final = timedelta(hours=2)
"""How old a signed time may be: the last repeat comes after an hour."""
AFTER: Final = timedelta(minutes=5)
_TOKEN: Final = re.compile(r"[A-Za-z0-9_-]{1,100}")
_VALIDATION: Final = "endpoint.url_validation"
_KNOWN: Final[Mapping[str, str]] = {
    "email": "email", "first_name": "first_name", "last_name": "last_name", "phone": "phone",
    "org": "company", "job_title": "title", "city": "city", "state": "state", "country": "country",
    "zip": "postal_code", "industry": "industry", "no_of_employees": "employees", "language": "language",
    "comments": "attributes.message", "address": "attributes.address",
    "purchasing_time_frame": "attributes.purchasing_time_frame",
    "role_in_purchase_process": "attributes.role_in_purchase_process",
    "tracking_source": "attributes.tracking_source",
    "\0webinar_id": "attributes.webinar_id", "\0webinar": "attributes.webinar",
}  # fmt: skip
_EVENTS: Final[Mapping[str, tuple[Meaning, str]]] = {
    "registration_created": ("lead", ""),
    "registration_approved": ("update", ""),
    "registration_cancelled": ("event", "x-registration_canceled"),
    "registration_denied": ("event", "x-registration_denied"),
    "participant_joined": ("event", "x-webinar_joined"),
}


class ZoomWebinar(PlainForm):
    """Implements FormKind."""

    kind = "zoom_webinar"
    proof: Proof = "required"
    retries = frozenset((429,))

    def handshake(self, request: FormRequest, terms: FormTerms) -> FormAnswer | None:
        if request.method != "POST" or _VALIDATION.encode() not in request.body:
            return None
        try:
            document = mapping(read_json(request))
        except Unreadable:
            return None
        token = text(mapping(document.get("payload")).get("plainToken"))
        secret = next((each for each in terms.secrets if each), None)
        if document.get("event") != _VALIDATION or secret is None or not _TOKEN.fullmatch(token):
            return None
        answer = {
            "plainToken": token,
            "encryptedToken": hmac.digest(secret, token.encode(), "sha256").hex(),
        }
        return FormAnswer(200, json.dumps(answer).encode(), "application/json")

    def verify(self, request: FormRequest, terms: FormTerms, now: datetime) -> Verified:
        stamp = check_time(
            request.headers.get("x-zm-request-timestamp"), timedelta(seconds=1), now, BEFORE, AFTER
        )
        signed = b"v0:" + stamp + b":" + request.body
        return check_signature(
            terms.secrets,
            request.headers.get("x-zm-signature"),
            lambda secret: [b"v0=" + hmac.digest(secret, signed, "sha256").hex().encode()],
        )

    def parse(self, request: FormRequest, terms: FormTerms) -> Sequence[Delivery]:
        """One delivery. Other events of a webinar are ignored."""
        document = mapping(read_json(request))
        event, payload = text(document.get("event")), mapping(document.get("payload"))
        if not event:
            raise Unreadable("has no event")
        webinar = mapping(payload.get("object"))
        at = moment(document.get("event_ts"))
        meaning, type_ = _EVENTS.get(event.removeprefix("webinar."), ("ignore", ""))
        person = mapping(webinar.get("registrant")) or mapping(webinar.get("participant"))
        if meaning == "ignore" or not event.startswith("webinar."):
            return [Delivery("ignore", dedupe_key("zoom", event, at, webinar.get("id")), at=at)]
        if not person:
            raise Unreadable("has neither a registrant nor a participant")
        registrant = _registrant(person)
        record = f"{identifier(webinar.get('id')) or identifier(webinar.get('uuid')) or ''}:{registrant}"
        fields = [
            FormField("\0webinar_id", identifier(webinar.get("id")), name="webinar_id"),
            FormField("\0webinar", webinar.get("topic"), name="webinar"),
            *(FormField(name, person[name]) for name in _KNOWN if name in person),
            *_questions(person),
        ]
        found = map_fields(fields, terms.mapping, _KNOWN)
        # The same person may join more than once.
        id_ = f"{record}:{event}" + (f":{document.get('event_ts')}" if "participant" in event else "")
        happened = (FormEvent(type_, id_, at),) if type_ else ()
        return [
            Delivery(
                meaning,
                id_,
                record=record,
                lead=found.lead,
                at=at,
                events=happened,
                flags=found.flags,
                unmapped=found.unmapped if meaning != "event" else {},
                trigger="webinar",
            )
        ]


def _registrant(person: Mapping[str, Any]) -> str:
    named = ("registrant_id", "id", "participant_user_id", "user_id")
    found = next((id_ for name in named if (id_ := identifier(person.get(name)))), None)
    return found or dedupe_key("zoom", text(person.get("email")).lower(), text(person.get("user_name")))


def _questions(person: Mapping[str, Any]) -> Iterator[FormField]:
    for each in map(mapping, listed(person.get("custom_questions"))):
        if title := text(each.get("title")):
            yield FormField(title, each.get("value"), label=title)
