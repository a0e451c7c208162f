"""Webflow: `form_submission` of version 2, and the flat body of version 1.

Webhooks that an app or the API made are signed; those of the dashboard are not. Webflow takes no other status
than 200 for success, and switches a webhook off after a few failures.
"""

import hmac
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from app.forms.vendors.base import Delivery, FormRequest, FormTerms, PlainForm, Proof, Unreadable, Verified
from app.forms.vendors.bodies import read_json
from app.forms.vendors.fields import CONTEXT, context, map_fields
from app.forms.vendors.form_field import FormField
from app.forms.vendors.proof import check_signature, check_time
from app.webhooks.vendors.payloads import dedupe_key, identifier, listed, mapping, moment, text

TOLERANCE: Final = timedelta(minutes=5)


class Webflow(PlainForm):
    """Implements FormKind."""

    kind = "webflow"
    proof: Proof = "when_configured"

    def verify(self, request: FormRequest, terms: FormTerms, now: datetime) -> Verified:
        signature = request.headers.get("x-webflow-signature")
        if not signature:
            return check_signature(terms.secrets, None, lambda _: [])
        stamp = check_time(
            request.headers.get("x-webflow-timestamp"),
            timedelta(milliseconds=1),
            now,
            TOLERANCE,
            TOLERANCE,
        )
        signed = stamp + b":" + request.body
        return check_signature(
            terms.secrets, signature, lambda secret: [hmac.digest(secret, signed, "sha256").hex().encode()]
        )

    def parse(self, request: FormRequest, terms: FormTerms) -> Sequence[Delivery]:
        """One lead. Other triggers are ignored."""
        document = mapping(read_json(request))
        trigger = text(document.get("triggerType"))
        payload = mapping(document.get("payload")) or document
        data = payload.get("data")
        id_ = identifier(payload.get("id")) or identifier(payload.get("_id"))
        at = moment(payload.get("submittedAt")) or moment(payload.get("d"))
        if trigger not in ("", "form_submission"):
            return [Delivery("ignore", f"{trigger[:80]}:{id_ or dedupe_key('webflow', payload)}")]
        if not isinstance(data, dict):
            raise Unreadable("has no data")
        form_id = identifier(payload.get("formId"))
        fields = [*context(form_id=form_id, form_name=payload.get("name")), *_fields(data, payload)]
        found = map_fields(fields, terms.mapping, CONTEXT).with_page(payload.get("pageUrl"))
        return [
            Delivery(
                "lead",
                id_ or dedupe_key("webflow", form_id, at, sorted(map(str, data.items()))),
                lead=found.lead,
                at=at,
                flags=found.flags,
                unmapped=found.unmapped,
            )
        ]


def _fields(data: Mapping[str, Any], payload: Mapping[str, Any]) -> list[FormField]:
    """The fields by the labels of the designer. A dot in a label arrives as its full-width form."""
    types = {
        text(each.get("fieldName")): text(each.get("fieldType"))
        for each in map(mapping, listed(payload.get("schema")))
    }
    return [
        FormField(name, value, label=name.replace("．", "."), type=types.get(name, ""))
        for name, value in data.items()
    ]
