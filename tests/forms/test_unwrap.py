"""Bodies inside of what a bridge has put around them."""

import json
from typing import Any
from urllib.parse import urlencode

import pytest

from app.forms.receive import parsed
from app.forms.unwrap import UNWRAPPED
from app.forms.vendors import FORM_KINDS
from app.forms.vendors.base import Delivery, FormRequest, FormTerms, Unreadable
from tests.forms.vendors import (
    test_calendly,
    test_callrail,
    test_google_ads,
    test_hubspot_form,
    test_typeform,
    test_webflow,
    test_zoom_webinar,
)
from tests.forms.vendors.sent import FORM, sent

BODIES = {
    "calendly": json.loads(test_calendly.event().body),
    "callrail": test_callrail.CALL,
    "contact_form_7": {"your-email": "ida@kundin.example"},
    "google_ads": test_google_ads.LEAD,
    "html": {"email": "ida@kundin.example"},
    "hubspot_form": test_hubspot_form.CONTACT,
    "intercom": {
        "topic": "contact.lead.created",
        "data": {"item": {"id": "1", "email": "ida@kundin.example"}},
    },
    "linkedin": {"leadAction": "CREATED", "leadGenFormResponse": "urn:li:leadGenFormResponse:5c1f"},
    "meta": {"entry": [{"changes": [{"field": "leadgen", "value": {"leadgen_id": "5512345"}}]}]},
    "typeform": test_typeform.BODY,
    "webflow": test_webflow.BODY,
    "zoom_webinar": json.loads(test_zoom_webinar.event().body),
}


def told(kind: str, request: FormRequest) -> list[tuple[str, Any]]:
    found: list[Delivery] = list(parsed(FORM_KINDS[kind], request, FormTerms()))
    return [(each.meaning, each.lead) for each in found]


@pytest.mark.parametrize("kind", BODIES)
def test_a_body_is_found_inside_of_what_is_around_it(kind: str) -> None:
    body = BODIES[kind]
    whole = told(kind, sent(body))
    for around in (
        [body],
        [[body]],
        {"data": body},
        {"event": {"body": body}},
        {"body": json.dumps(body)},
        json.dumps(body),
        {"meta": {"source": "bridge"}, "items": [body]},
    ):
        assert told(kind, sent(around)) == whole, around
    form = FormRequest("POST", {"content-type": FORM}, body=urlencode({"payload": json.dumps(body)}).encode())
    assert told(kind, form) == whole


def test_what_is_inside_has_a_flag_and_what_is_nowhere_stays_unreadable() -> None:
    (found,) = parsed(FORM_KINDS["typeform"], sent({"data": test_typeform.BODY}), FormTerms())
    assert UNWRAPPED in found.flags
    (found,) = parsed(FORM_KINDS["typeform"], sent(test_typeform.BODY), FormTerms())
    assert UNWRAPPED not in found.flags
    empty: list[Any] = [{"data": {"data": [1, "{", None]}}, [], "x", b"", {"a": {"b": {"c": {"d": {}}}}}]
    for nothing in empty:
        with pytest.raises(Unreadable):
            parsed(FORM_KINDS["typeform"], sent(nothing), FormTerms())
