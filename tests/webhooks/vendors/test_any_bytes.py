"""Whatever the bytes, a vendor's file raises nothing but Refused and Unreadable."""

import contextlib
import string
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.webhooks.crm_events import CrmEvent, EndpointTerms, Refused, Unreadable, WebhookRequest
from app.webhooks.vendors import VENDORS
from tests.webhooks.vendors.deliveries import BASE_URL, NOW
from tests.webhooks.vendors.genuine import GENUINE, WORDS

SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=12)
    | st.sampled_from(WORDS)
)
VALUES: st.SearchStrategy[Any] = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(WORDS) | st.text(max_size=6), inner, max_size=6)
    ),
    max_leaves=25,
)
HEADERS = st.dictionaries(
    st.sampled_from(
        (
            "x-hubspot-signature-v3", "x-hubspot-signature", "x-hubspot-signature-version",
            "x-hubspot-request-timestamp", "webhook-id", "webhook-timestamp", "webhook-signature",
            "authorization", "content-type", "x-ms-dynamics-msg-size-exceeded",
        )
    ),
    st.binary(max_size=30) | st.sampled_from([b"Basic ", b"Basic !!", b"Bearer", b"v1,", b"v1", b"1" * 5000]),
)  # fmt: skip
PATHS = st.sampled_from(["/", "/w?code=", "/w?code=%", "/w?%ff=\ud800", "?", "", "//[", "/w?a=b&code=x#y"])
OPTIONS: list[dict[str, Any]] = [{}, {"allow_v1": True}, {"user": "crm"}, {"user": None, "allow_v1": 1}]
SECRETS = st.lists(st.binary(max_size=12) | st.just(b"whsec_"), max_size=3)


DEEP = b'[{"a":' * 40 + b"1" + b"}]" * 40
NO_DOCUMENTS = [b"", DEEP, b"\xff\xfe", b"[" * 100_000, b'{"a":' * 2_000, b"3", b'"x"', b"null", b"<a>"]


def body_with_changes(kind: str) -> st.SearchStrategy[bytes]:
    """Real bodies of the vendor with any part cut out or replaced, JSON of its words, and noise."""
    real = st.sampled_from([request.body for request, _ in GENUINE[kind]])
    changed = st.builds(
        lambda body, start, length, put: body[:start] + put + body[start + length :],
        real, st.integers(0, 3000), st.integers(0, 40), st.binary(max_size=10),
    )  # fmt: skip
    return changed | VALUES.map(orjson.dumps) | st.lists(VALUES, max_size=3).map(orjson.dumps) | st.binary()


@pytest.mark.parametrize("kind", VENDORS)
@settings(max_examples=100, deadline=None)
@given(data=st.data())
def test_no_delivery_makes_a_vendor_fail(kind: str, data: st.DataObject) -> None:
    vendor = VENDORS[kind]
    request = WebhookRequest("POST", data.draw(PATHS), data.draw(HEADERS), data.draw(body_with_changes(kind)))
    options = data.draw(st.sampled_from(OPTIONS))
    organization = data.draw(st.none() | st.sampled_from(["", "4737818", "00D1I000003qqqE", "\ud800"]))
    terms = EndpointTerms(data.draw(SECRETS), BASE_URL, organization, options)
    with contextlib.suppress(Refused):
        vendor.verify(request, terms, NOW)
    with contextlib.suppress(Unreadable):
        for event in vendor.parse(request, terms):
            check(event)
    vendor.to_store(request.body)


def check(event: CrmEvent) -> None:
    """What every event keeps, so that it can be stored."""
    assert 0 < len(event.dedupe_key) <= 200
    assert set(event.dedupe_key) <= set(string.ascii_letters + string.digits + ":._-")
    for record in (event.record, *event.others):
        assert record.object == record.object.strip() != ""
        assert len(record.object) <= 200
        assert 0 < len(record.id) <= 200
        assert "\0" not in record.object + record.id
    assert event.at is None or event.at.utcoffset() is not None
    assert event.record not in event.others
    orjson.dumps([dict(event.fields), dict(event.previous), event.actor])


@pytest.mark.parametrize("kind", VENDORS)
def test_a_genuine_delivery_is_verified_and_read(kind: str) -> None:
    for request, terms in GENUINE[kind]:
        VENDORS[kind].verify(request, terms, NOW)
        events = VENDORS[kind].parse(request, terms)
        assert events
        for event in events:
            check(event)


@pytest.mark.parametrize("kind", VENDORS)
def test_events_of_one_delivery_have_keys_of_their_own_that_never_change(kind: str) -> None:
    for request, terms in GENUINE[kind]:
        keys = [event.dedupe_key for event in VENDORS[kind].parse(request, terms)]
        assert len(set(keys)) == len(keys)
        assert keys == [event.dedupe_key for event in VENDORS[kind].parse(request, terms)]


@pytest.mark.parametrize("kind", VENDORS)
def test_what_is_stored_means_the_same(kind: str) -> None:
    for request, terms in GENUINE[kind]:
        stored = WebhookRequest(
            request.method, request.path, request.headers, VENDORS[kind].to_store(request.body)
        )
        assert VENDORS[kind].parse(stored, terms) == VENDORS[kind].parse(request, terms)


@pytest.mark.parametrize("kind", VENDORS)
@pytest.mark.parametrize("body", NO_DOCUMENTS)
def test_a_body_that_is_no_document_is_unreadable(kind: str, body: bytes) -> None:
    request, terms = GENUINE[kind][0]
    with pytest.raises(Unreadable):
        VENDORS[kind].parse(WebhookRequest("POST", request.path, request.headers, body), terms)


@pytest.mark.parametrize("kind", VENDORS)
def test_answers_say_stored_or_send_again(kind: str) -> None:
    assert VENDORS[kind].accepted().status == 200
    assert VENDORS[kind].not_stored().status == 503
