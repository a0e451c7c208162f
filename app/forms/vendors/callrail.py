"""CallRail: calls, text messages and forms. Nothing is sent again after a failure.

Nothing in a body names its event. A call with `changes` was modified, one without a duration has not ended:
somebody has answered it, or it is on its way. The old copy of the fields in the query counts only without a
body.
"""

import base64
import hmac
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from app.forms.vendors.base import (
    Delivery,
    FormEvent,
    FormRequest,
    FormTerms,
    Meaning,
    PlainForm,
    Proof,
    Unreadable,
    Verified,
)
from app.forms.vendors.bodies import first_text, read_body
from app.forms.vendors.fields import MappedFields, map_fields
from app.forms.vendors.form_field import FormField, fields_of
from app.forms.vendors.proof import check_signature
from app.values.booleans import read_boolean
from app.values.dates import read_date
from app.values.folding import fold
from app.webhooks.vendors.payloads import dedupe_key, identifier, mapping

_OLD_NAMES: Final = {
    "callernum": "customer_phone_number", "callername": "customer_name", "callercity": "customer_city",
    "callerstate": "customer_state", "callercountry": "customer_country", "callerzip": "zip_code",
    "landingpage": "landing_page_url", "referrer": "referring_url", "datetime": "start_time",
    "trackingnum": "tracking_phone_number", "destinationnum": "business_phone_number",
    "callsource": "source", "referrermedium": "medium",
}  # fmt: skip
_KNOWN: Final[Mapping[str, str]] = {
    "customer_phone_number": "phone", "customer_name": "name", "customer_city": "city",
    "customer_state": "state", "customer_country": "country", "zip_code": "postal_code",
    "gclid": "click_ids.gclid", "campaign": "campaign", "content": "attributes.message", "ip": "ip",
    **{f"utm_{each}": f"utm.{each}" for each in ("source", "medium", "campaign", "term", "content")},
}  # fmt: skip
_KEPT: Final = (
    "source", "source_name", "medium", "keywords", "lead_status", "tags", "note", "value", "call_type",
    "direction", "duration", "first_call", "voicemail", "tracking_phone_number", "business_phone_number",
    "company_id", "company_name", "company_resource_id", "device_type", "call_summary", "message_type",
    "first_form", "form_name",
)  # fmt: skip
_WHEN_ENDED: Final = (
    "duration", "recording", "recording_duration", "recording_player", "transcription",
)  # fmt: skip
_NOBODY: Final = re.compile(r"\b(?:caller|unknown|wireless|anonymous|unavailable|private|restricted)\b", re.I)
"""What a telephone company shows in place of a name."""


class CallRail(PlainForm):
    """Implements FormKind. The option `pre_call` is `lead` or, as without it, `ignore`."""

    kind = "callrail"
    proof: Proof = "when_configured"

    def verify(self, request: FormRequest, terms: FormTerms, now: datetime) -> Verified:
        del now
        return check_signature(
            terms.secrets,
            request.headers.get("signature"),
            lambda secret: [base64.b64encode(hmac.digest(secret, request.body, "sha1"))],
        )

    def parse(self, request: FormRequest, terms: FormTerms) -> Sequence[Delivery]:
        """One delivery."""
        sent = read_body(request).fields
        id_ = identifier(sent.get("resource_id")) or identifier(sent.get("id"))
        if id_ is None:
            raise Unreadable("has no id")
        names = {_OLD_NAMES.get(name, name): value for name, value in sent.items()}
        if isinstance(names.get("form_data"), dict | list):
            return [_form(names, id_, terms)]
        if "content" in names and {"source_number", "conversation_id", "message_type"} & names.keys():
            return [_text(names, id_, terms)]
        return [_call(names, id_, terms)]


def _call(call: Mapping[str, Any], id_: str, terms: FormTerms) -> Delivery:
    answered = read_boolean(call.get("answered"))
    outbound = "outbound" in (_word(call, "direction"), _word(call, "call_type"))
    at = _at(call, "start_time", "created_at", "timestamp")
    found = _mapped(call, terms)
    meaning: Meaning
    if call.get("changes") is not None:
        # The same call may be modified several times.
        said = dedupe_key("callrail", call.get("changes"), *(call.get(each) for each in _KEPT))
        meaning, event = "update", f"modified:{said[:16]}"
    elif _has_ended(call, answered):
        meaning, event = ("event" if outbound else "lead"), "post"
    elif answered:
        meaning, event = ("ignore" if outbound else "lead"), "answered"
    else:
        meaning = "lead" if terms.options.get("pre_call") == "lead" and not outbound else "ignore"
        event = "pre" if answered is None else "routed"
    if outbound and meaning == "update":
        meaning = "ignore"
    events: tuple[FormEvent, ...] = ()
    if event in ("post", "answered"):
        type_ = "reached" if answered else "first_touch"
        events = (FormEvent(type_, f"{id_}:{type_}", at, {"via": "phone"}),)
    return Delivery(
        meaning,
        f"{id_}:{event}",
        record=id_,
        lead=found.lead if meaning != "ignore" else {},
        at=at,
        events=events,
        flags=found.flags,
        unmapped=found.unmapped if meaning != "ignore" else {},
        trigger="inbound_call",
    )


def _has_ended(call: Mapping[str, Any], answered: bool | None) -> bool:
    """Whether a call is over. Until then it has no duration, and nothing was recorded."""
    if any(first_text(call.get(name)) for name in _WHEN_ENDED) or read_boolean(call.get("voicemail")):
        return True
    # An abridged body of a missed call has no place for a duration.
    return answered is False and "duration" not in call


def _text(message: Mapping[str, Any], id_: str, terms: FormTerms) -> Delivery:
    """A message of a person is a lead; one of ours is a try to reach them."""
    sent = "agent" in message or _word(message, "direction") in ("outbound", "outgoing")
    number = message.get("destination_number" if sent else "source_number")
    at = _at(message, "timestamp", "sent_at", "created_at")
    if sent:
        found = _mapped({"customer_phone_number": number}, terms)
        touch = FormEvent("first_touch", f"{id_}:first_touch", at, {"via": "sms"})
        return Delivery("event", f"{id_}:sent", record=id_, lead=found.lead, at=at, events=(touch,))
    found = _mapped({**message, "customer_phone_number": number}, terms)
    return Delivery(
        "lead",
        f"{id_}:received",
        record=id_,
        lead=found.lead,
        at=at,
        flags=found.flags,
        unmapped=found.unmapped,
    )


def _form(form: Mapping[str, Any], id_: str, terms: FormTerms) -> Delivery:
    data = form["form_data"]
    answers = data if isinstance(data, dict) else _pairs(data)
    found = _mapped(form, terms, answers)
    return Delivery(
        "lead",
        f"{id_}:form",
        record=id_,
        lead=found.lead,
        at=_at(form, "submitted_at", "timestamp"),
        flags=found.flags,
        unmapped=found.unmapped,
    )


def _pairs(data: Any) -> dict[str, Any]:
    pairs = [mapping(each) for each in data] if isinstance(data, list) else []
    return {name: each.get("value") for each in pairs if (name := identifier(each.get("name")))}


def _mapped(
    sent: Mapping[str, Any], terms: FormTerms, answers: Mapping[str, Any] | None = None
) -> MappedFields:
    known = {name: sent[name] for name in (*_KNOWN, *_KEPT) if name in sent}
    name = first_text(known.get("customer_name"))
    if _NOBODY.search(name) or _is_place(name, known):
        known.pop("customer_name")
    if "customer_phone_number" in known:
        # A number in JSON is as good as its text.
        known["customer_phone_number"] = identifier(known["customer_phone_number"])
    fields = [*(FormField(name, value) for name, value in known.items()), *fields_of(answers or {})]
    kept = {name: f"attributes.{name}" for name in _KEPT}
    found = map_fields(fields, terms.mapping, {**_KNOWN, **kept})
    referrer = first_text(sent.get("referring_url"))
    page = first_text(sent.get("landing_page_url")) or first_text(sent.get("form_url"))
    return found.with_page(page, referrer if "." in referrer else None)


def _is_place(name: str, known: Mapping[str, Any]) -> bool:
    """Whether the telephone company shows a place, such as `DENVER CO`, for want of a name."""
    city, state = (fold(first_text(known.get(place))) for place in ("customer_city", "customer_state"))
    return bool(city) and fold(name) in (city, f"{city} {state}", f"{city}, {state}")


def _word(sent: Mapping[str, Any], name: str) -> str:
    return first_text(sent.get(name)).lower()


def _at(sent: Mapping[str, Any], *names: str) -> datetime | None:
    read = (read_date(first_text(sent.get(name))).within(UTC) for name in names)
    return next((each for each in read if each is not None), None)
