"""Whatever the bytes, a kind of form raises nothing but Refused and Unreadable; what it says can be kept."""

import contextlib
import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.contract.requests import LeadFields
from app.forms.vendors import FORM_KINDS
from app.forms.vendors.base import FormMap, FormRequest, FormTerms, Refused, Unreadable
from tests.forms.vendors import (
    test_calendly,
    test_callrail,
    test_google_ads,
    test_gravity_forms,
    test_hubspot_form,
    test_intercom,
    test_jotform,
    test_linkedin,
    test_meta,
    test_typeform,
    test_unbounce,
    test_webflow,
    test_wordpress,
    test_zoom_webinar,
)
from tests.forms.vendors.sent import FORM, NOW, form, sent

SAMPLES: dict[str, list[FormRequest]] = {
    "calendly": [
        test_calendly.event(),
        test_calendly.event("invitee.canceled"),
        test_calendly.event("invitee_no_show.created"),
    ],
    "callrail": [sent(test_callrail.CALL), sent(test_callrail.TEXT)],
    "contact_form_7": [form({"your-email": "a@kundin.example", "_wpcf7": "5"})],
    "elementor": [form(test_wordpress.ADVANCED)],
    "google_ads": [sent(test_google_ads.LEAD), sent({"body": test_google_ads.LEAD})],
    "gravity_forms": [sent(test_gravity_forms.ENTRY), form(test_gravity_forms.ENTRY)],
    "hubspot_form": [
        sent(test_hubspot_form.CONTACT),
        sent(test_hubspot_form.SUBMISSION),
        sent(test_hubspot_form.READ),
    ],
    "intercom": [test_intercom.notice(), test_intercom.notice("contact.merged")],
    "jotform": [test_jotform.posted()],
    "linkedin": [sent(test_linkedin.NOTICE), sent({**test_linkedin.RESPONSE, "form": test_linkedin.FORM})],
    "meta": [sent(test_meta.BODY), sent(test_meta.fetched(("full_name", ["Ida Berg"])))],
    "typeform": [sent(test_typeform.BODY)],
    "unbounce": [
        test_unbounce.posted(),
        test_unbounce.posted("{", test_unbounce.XML),
        sent(test_unbounce.DATA),
    ],
    "webflow": [sent(test_webflow.BODY)],
    "wpforms": [form({"wpforms[fields][0][first]": "Ida", "fields[1][value]": "a@kundin.example"})],
    "zoom_webinar": [test_zoom_webinar.event(), test_zoom_webinar.validation()],
}
HOSTILE: list[Any] = [
    None, True, 0, -1, 2**70, 1e308, "", " ", "x" * 9000, "\x00", "\ud800", "<a>", "{", '{"a":', [], {}, [[]],
    [None], {"": {}}, {"value": {"value": []}}, [{"name": {}}], "2026-13-45", "9" * 400, "=&%zz", "a@b", "𝔘",
]  # fmt: skip
WRAPS: list[Callable[[Any, Any], Any]] = [
    lambda old, new: new,
    lambda old, new: [old, new],
    lambda old, new: {"x": old, "y": new},
]
HEADERS = (
    "typeform-signature", "x-webflow-signature", "x-webflow-timestamp", "x-hubspot-signature",
    "x-hubspot-signature-v3", "x-hubspot-request-timestamp", "x-hub-signature-256", "x-hub-signature",
    "x-li-signature", "signature", "calendly-webhook-signature", "x-zm-signature", "x-zm-request-timestamp",
    "authorization",
)  # fmt: skip
TERMS = FormTerms(
    (b"secret", b""), FormMap({"employees": ["budget", "5"], "name": ["x"]}, {"source": "fair"}, ["y"])
)


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The paths of all parts of a document."""
    found = [path]
    pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return found + [place for key, each in pairs for place in places(each, (*path, key))]


def changed(document: Any, path: tuple[Any, ...], value: Any, wrap: Callable[[Any, Any], Any]) -> Any:
    """The document with another value at this place."""
    if not path:
        return wrap(document, value)
    copied = dict(document) if isinstance(document, dict) else list(document)
    copied[path[0]] = changed(document[path[0]], path[1:], value, wrap)
    return copied


def mutated(request: FormRequest, data: st.DataObject) -> bytes:
    """The body with any part replaced, left out, wrapped or cut."""
    if request.content_type == FORM.decode() or data.draw(st.integers(0, 3)) == 0:
        start, length = data.draw(st.integers(0, len(request.body))), data.draw(st.integers(0, 40))
        return request.body[:start] + data.draw(st.binary(max_size=10)) + request.body[start + length :]
    document = json.loads(request.body)
    for _ in range(data.draw(st.integers(1, 3))):
        path = data.draw(st.sampled_from(places(document)))
        value, wrap = data.draw(ANY_HOSTILE), data.draw(ANY_WRAP)
        document = changed(document, path, value, wrap)
    return json.dumps(document).encode()


ANY_HEADERS = st.dictionaries(st.sampled_from(HEADERS), st.binary(max_size=20), max_size=3)
ANY_QUERY = st.binary(max_size=20) | st.just(b"hub.mode=subscribe&challengeCode=%ff")
ANY_HOSTILE, ANY_WRAP = st.sampled_from(HOSTILE), st.sampled_from(WRAPS)


@pytest.mark.parametrize("kind", SAMPLES)
@settings(max_examples=120, deadline=None)
@given(data=st.data())
def test_no_body_makes_a_kind_fail(kind: str, data: st.DataObject) -> None:
    request = data.draw(st.sampled_from(SAMPLES[kind]))
    headers = data.draw(ANY_HEADERS)
    type_ = data.draw(
        st.sampled_from([request.headers["content-type"], b"text/plain", FORM, b"application/xml"])
    )
    query = data.draw(ANY_QUERY)
    hostile = FormRequest("POST", {**headers, "content-type": type_}, query, mutated(request, data))
    check(kind, hostile)


@pytest.mark.parametrize("kind", SAMPLES)
@settings(max_examples=60, deadline=None)
@given(body=st.binary(max_size=60))
def test_no_noise_makes_a_kind_fail(kind: str, body: bytes) -> None:
    check(kind, sent(body))


@pytest.mark.parametrize("kind", SAMPLES)
@pytest.mark.parametrize(
    "body", [b"[" * 100_000, b'{"a":' * 2_000, b"<a>" * 500, b"a[" * 500 + b"=1", b"a=1&" * 5_000]
)
def test_no_deep_body_makes_a_kind_fail(kind: str, body: bytes) -> None:
    check(kind, sent(body))
    check(kind, FormRequest("POST", {"content-type": FORM}, body=body))


def check(kind: str, request: FormRequest) -> None:
    """Everything that is done with a delivery. What it says can be stored, and is what a lead may hold."""
    form_kind = FORM_KINDS[kind]
    form_kind.handshake(request, TERMS)
    for query in (request.query, b"challengeCode=1&" + b"hub.mode=subscribe&" * 3000):
        form_kind.handshake(FormRequest("GET", request.headers, query), TERMS)
    with contextlib.suppress(Refused):
        form_kind.verify(request, TERMS, NOW)
    kept = form_kind.redact(request)
    with contextlib.suppress(Unreadable):
        for each in form_kind.parse(kept, TERMS):
            assert isinstance(each.id, str)
            assert each.id
            each.id.encode()
            assert each.at is None or each.at.utcoffset() is not None
            assert each.repeats_for > timedelta()
            lead = {name: value for name, value in each.lead.items() if name != "attributes"}
            LeadFields.model_validate(lead)
            orjson.dumps(
                [
                    dict(each.lead),
                    dict(each.unmapped),
                    dict(each.fetch),
                    [dict(one.fields) for one in each.events],
                ]
            )


@pytest.mark.parametrize("kind", SAMPLES)
def test_a_genuine_delivery_is_read_the_same_every_time(kind: str) -> None:
    for request in SAMPLES[kind]:
        kept = FORM_KINDS[kind].redact(request)
        with contextlib.suppress(Unreadable):
            assert FORM_KINDS[kind].parse(kept, FormTerms()) == FORM_KINDS[kind].parse(kept, FormTerms())


def test_every_kind_has_a_sample() -> None:
    assert FORM_KINDS.keys() - SAMPLES.keys() <= {"generic", "html"}
