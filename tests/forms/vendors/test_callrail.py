"""CallRail: calls in their stages, text messages and forms."""

import base64
import hmac
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

import pytest

from app.forms.vendors.base import FormRequest
from tests.forms.vendors.sent import SECRET, accepts, is_unreadable, one, parsed, refusal, sent

CALL = {
    "resource_id": "CAL1", "answered": True, "duration": 61, "direction": "inbound", "first_call": True,
    "customer_phone_number": "+12015550123", "formatted_customer_phone_number": "201-555-0123",
    "customer_name": "Ida Berg", "customer_city": "Newark", "customer_state": "NJ", "customer_country": "US",
    "start_time": "2026-11-30T03:15:00.000-05:00", "source_name": "Ads", "utm_source": "", "gclid": "g1",
    "landing_page_url": "https://k.example/?utm_medium=cpc", "referring_url": "https://r.example/a",
}  # fmt: skip


def test_the_signature_covers_the_body() -> None:
    raw = sent(CALL).body
    code = base64.b64encode(hmac.digest(SECRET, raw, "sha1"))
    assert accepts("callrail", sent(raw, {"signature": code})) == 0
    assert refusal("callrail", sent(raw + b" ", {"signature": code})) == "signature_mismatch"
    assert refusal("callrail", sent(raw)) == "signature_missing"


def test_an_answered_call_is_a_lead_that_was_reached() -> None:
    found = one("callrail", sent(CALL))
    assert (found.meaning, found.id, found.record, found.trigger) == (
        "lead",
        "CAL1:post",
        "CAL1",
        "inbound_call",
    )
    assert found.lead == {
        "phone": "+12015550123", "first_name": "Ida", "last_name": "Berg", "city": "Newark", "state": "NJ",
        "country": "US", "click_ids": {"gclid": "g1"}, "utm": {"medium": "cpc"}, "referrer": "https://r.example/a",
        "pages": ["https://k.example/?utm_medium=cpc"],
        "attributes": {"source_name": "Ads", "direction": "inbound", "duration": 61, "first_call": True},
    }  # fmt: skip
    assert [(each.type, each.fields) for each in found.events] == [("reached", {"via": "phone"})]
    assert found.at == datetime(2026, 11, 30, 8, 15, tzinfo=UTC)
    assert found.unmapped == {}


@pytest.mark.parametrize(
    ("more", "meaning", "event", "types"),
    [
        ({"answered": False}, "lead", "post", ["first_touch"]),
        ({"answered": "false", "duration": "0"}, "lead", "post", ["first_touch"]),
        ({"answered": None, "duration": None}, "ignore", "pre", []),
        ({"answered": True, "duration": None}, "lead", "answered", ["reached"]),
        ({"answered": False, "duration": None}, "ignore", "routed", []),
        ({"answered": False, "duration": None, "voicemail": True}, "lead", "post", ["first_touch"]),
        ({"answered": True, "duration": None, "direction": "outbound"}, "ignore", "answered", ["reached"]),
        ({"direction": "outbound"}, "event", "post", ["reached"]),
        ({"call_type": "outbound", "answered": False}, "event", "post", ["first_touch"]),
        ({"changes": ["note"], "note": "x"}, "update", "modified", []),
    ],
)
def test_a_call_in_its_stages(more: Any, meaning: str, event: str, types: list[str]) -> None:
    found = one("callrail", sent({**CALL, **more}))
    assert (found.meaning, found.id.split(":")[1], [each.type for each in found.events]) == (
        meaning,
        event,
        types,
    )


def test_a_call_may_be_a_lead_before_it_is_answered() -> None:
    (found,) = parsed("callrail", sent({**CALL, "answered": None, "duration": None}), pre_call="lead")
    assert (found.meaning, found.id) == ("lead", "CAL1:pre")


def test_each_modification_has_an_id_of_its_own() -> None:
    notes = [
        one("callrail", sent({**CALL, "changes": ["note"], "note": note})).id for note in ("a", "b", "a")
    ]
    assert notes[0] == notes[2] != notes[1]


@pytest.mark.parametrize(
    "name", ["WIRELESS CALLER", "Unknown", "SKYPE CALLER", "Anonymous", "NEWARK NJ", "Newark, NJ", "newark"]
)
def test_what_the_telephone_company_shows_is_no_name(name: str) -> None:
    assert "first_name" not in one("callrail", sent({**CALL, "customer_name": name})).lead


def test_the_old_copy_in_the_query_counts_only_without_a_body() -> None:
    query = urlencode(
        {"id": "9", "callernum": "+12015550199", "callername": "Ben Tor", "answered": "true"}
    ).encode()
    assert one("callrail", replace(sent(CALL), query=query)).record == "CAL1"
    old = one("callrail", FormRequest("POST", query=query))
    assert (old.record, old.lead["phone"], old.lead["last_name"]) == ("9", "+12015550199", "Tor")


TEXT = {
    "resource_id": "MSG1", "source_number": "+12015550123", "destination_number": "+12015550000",
    "content": "Call me", "message_type": "sms", "media_urls": [], "timestamp": "2026-11-30T08:15:00Z",
}  # fmt: skip


def test_a_message_of_a_person_is_a_lead_and_ours_is_a_touch() -> None:
    received, ours = one("callrail", sent(TEXT)), one("callrail", sent({**TEXT, "agent": "Ana"}))
    assert (received.meaning, received.id) == ("lead", "MSG1:received")
    assert (received.lead["phone"], received.lead["attributes"]["message"]) == ("+12015550123", "Call me")
    assert (ours.meaning, ours.lead["phone"]) == ("event", "+12015550000")
    assert [(each.type, each.fields) for each in ours.events] == [("first_touch", {"via": "sms"})]


def test_a_form_is_a_lead() -> None:
    body = {
        "id": "FRM1", "form_url": "https://k.example/contact", "submitted_at": "2026-11-30T08:15:00Z",
        "form_data": {"your-name": "Ida Berg", "E-Mail": "ida@kundin.example", "budget": "5k"},
        "utm_source": "ads",
    }  # fmt: skip
    found = one("callrail", sent(body))
    assert (found.id, found.lead["email"], found.lead["utm"]) == (
        "FRM1:form",
        "ida@kundin.example",
        {"source": "ads"},
    )
    assert (found.unmapped, found.lead["pages"]) == ({"budget": "5k"}, ["https://k.example/contact"])
    assert found.trigger == "form"


@pytest.mark.parametrize("body", [{}, [], {"answered": True}, b""])
def test_other_bodies_are_unreadable(body: Any) -> None:
    assert is_unreadable("callrail", sent(body))
