"""Google Ads lead forms.

The key stands in the body, as `google_key`. The same `lead_id` may come again, with other values. A status of
the 400s is shown to the advertiser with its message, and not repeated.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from app.forms.vendors.base import (
    REDACTED,
    Delivery,
    FormAnswer,
    FormRequest,
    FormTerms,
    PlainForm,
    Proof,
    Refused,
    Unreadable,
    Verified,
)
from app.forms.vendors.bodies import first_text, read_body
from app.forms.vendors.fields import map_fields
from app.forms.vendors.form_field import FormField
from app.values.booleans import read_boolean
from app.webhooks.vendors.base import equal, fitting_secret
from app.webhooks.vendors.payloads import dedupe_key, identifier, listed, mapping, moment

KEY: Final = "google_key"
_COLUMNS: Final[Mapping[str, str]] = {
    "FULL_NAME": "name", "FIRST_NAME": "first_name", "LAST_NAME": "last_name", "EMAIL": "email",
    "WORK_EMAIL": "email", "PHONE_NUMBER": "phone", "WORK_PHONE": "phone", "COMPANY_NAME": "company",
    "JOB_TITLE": "title", "CITY": "city", "REGION": "state", "COUNTRY": "country",
    "POSTAL_CODE": "postal_code",
}  # fmt: skip
_IDS: Final = (
    "form_id", "campaign_id", "adgroup_id", "creative_id", "asset_group_id", "lead_stage", "lead_source",
)  # fmt: skip
_KNOWN: Final[Mapping[str, str]] = {
    **_COLUMNS,
    **{f"\0{name}": f"attributes.{name}" for name in _IDS},
    "\0gcl_id": "click_ids.gclid",
}
_READ: Final = frozenset(
    (*_IDS, "lead_id", "user_column_data", "api_version", KEY, "is_test", "gcl_id", "lead_submit_time")
)
_KEY_IN_TEXT: Final = re.compile(
    rb'(google_key(?:\\*"|%22)?\s*[:=]\s*(?:\\*"|%22)?)[^"&\\,}\s]+', re.IGNORECASE
)
_JSON: Final = "application/json"
MAX_WRAPPING: Final = 4


class GoogleAds(PlainForm):
    """Implements FormKind."""

    kind = "google_ads"
    proof: Proof = "required"

    def verify(self, request: FormRequest, terms: FormTerms, now: datetime) -> Verified:
        """Codes: `key_missing`, `key_mismatch`."""
        del now
        try:
            key = identifier(_lead(request).get(KEY))
        except Unreadable:
            key = None
        if key is None:
            raise Refused("key_missing")
        given = key.encode("utf-8", "replace")
        return Verified(fitting_secret(terms.secrets, lambda each: equal(given, each), "key_mismatch"))

    def redact(self, request: FormRequest) -> FormRequest:
        """Without the key, wherever it stands."""
        try:
            document = read_body(request).document
        except Unreadable:
            document = None
        body = request.body
        if isinstance(document, dict | list) and request.body.strip():
            body = json.dumps(_without_key(document), ensure_ascii=False).encode("utf-8", "replace")
        body = _KEY_IN_TEXT.sub(rb"\1" + REDACTED, body)
        query = _KEY_IN_TEXT.sub(rb"\1" + REDACTED, request.query)
        headers = {**request.headers, "content-type": b"application/json"} if document else request.headers
        return FormRequest(request.method, headers, query, body)

    def parse(self, request: FormRequest, terms: FormTerms) -> Sequence[Delivery]:
        """One lead. Other values of the same lead have an id of their own."""
        lead = _lead(request)
        columns = list(_columns(lead.get("user_column_data")))
        lead_id = identifier(lead.get("lead_id"))
        if lead_id is None and not columns:
            raise Unreadable("has neither lead_id nor user_column_data")
        fields = [
            *(FormField(f"\0{name}", identifier(lead.get(name)), name=name) for name in (*_IDS, "gcl_id")),
            # Somebody who gives both addresses is a lead by the one at work.
            *sorted(columns, key=lambda each: not each.key.startswith("WORK_")),
            *(FormField(f"\0{name}", value, name=name) for name, value in lead.items() if name not in _READ),
        ]
        found = map_fields(fields, terms.mapping, _KNOWN)
        said = sorted((each.key, each.label, str(each.value)) for each in columns)
        digest = dedupe_key("google", said)[:16]
        return [
            Delivery(
                "lead",
                f"{lead_id}:{digest}" if lead_id else digest,
                record=lead_id or "",
                lead={**found.lead, "submission_id": lead_id} if lead_id else found.lead,
                at=moment(lead.get("lead_submit_time")),
                is_test=read_boolean(lead.get("is_test")) is True,
                flags=found.flags,
                unmapped=found.unmapped,
            )
        ]

    def accepted(self, request: FormRequest, terms: FormTerms) -> FormAnswer:
        del request, terms
        return FormAnswer(200, b"{}", _JSON)

    def refused(self, code: str) -> FormAnswer:
        message = "The key is missing." if code == "key_missing" else "The key is not the one of this form."
        return FormAnswer(401, json.dumps({"message": message}).encode(), _JSON)

    def not_stored(self) -> FormAnswer:
        return FormAnswer(503, b'{"message": "Please send it again."}', _JSON)


def _lead(request: FormRequest) -> Mapping[str, Any]:
    """The lead, also inside of an object or a list that a bridge put around it."""
    found = _find(read_body(request).document, 0)
    if found is None:
        raise Unreadable("has no lead of Google Ads")
    return found


def _find(value: Any, depth: int) -> Mapping[str, Any] | None:
    if isinstance(value, str) and value.lstrip()[:1] == "{":
        try:
            value = read_body(
                FormRequest(body=value.encode(), headers={"content-type": b"application/json"})
            ).document
        except Unreadable:
            return None
    if isinstance(value, dict) and {"user_column_data", "lead_id", KEY} & value.keys():
        return value
    if depth == MAX_WRAPPING or not isinstance(value, dict | list):
        return None
    # A bridge may have made a form of it: then the document is the name of a field.
    inner = (
        [*value.values(), *(name for name in value if name.lstrip()[:1] == "{")]
        if isinstance(value, dict)
        else value
    )
    return next((found for each in inner[:50] if (found := _find(each, depth + 1)) is not None), None)


def _columns(columns: Any) -> Iterator[FormField]:
    if isinstance(columns, dict) and not {"column_id", "column_name"} & columns.keys():
        for name, value in columns.items():
            yield FormField(
                name, mapping(value).get("string_value", value) if isinstance(value, dict) else value
            )
        return
    for each in map(mapping, listed(columns)):
        id_, name = first_text(each.get("column_id")), first_text(each.get("column_name"))
        if id_ or name:
            yield FormField(id_ or name, each.get("string_value"), label=name, name=name or id_)


def _without_key(value: Any) -> Any:
    if isinstance(value, list):
        return [_without_key(each) for each in value]
    if isinstance(value, dict):
        return {
            name: REDACTED.decode() if name.strip().lower() == KEY else _without_key(each)
            for name, each in value.items()
        }
    return value
