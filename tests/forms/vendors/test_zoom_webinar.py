"""Zoom webinars: the validation of the address, and what registrations say."""

import hmac
import json
from datetime import timedelta
from typing import Any

import pytest

from app.forms.vendors import FORM_KINDS
from app.forms.vendors.base import FormRequest, FormTerms
from tests.forms.vendors.sent import NOW, SECRET, TERMS, accepts, is_unreadable, one, refusal, sent

REGISTRANT = {
    "id": "r1", "first_name": "Ida", "last_name": "Berg", "email": "ida@kundin.example", "org": "Kunde AG",
    "job_title": "CTO", "no_of_employees": "1-20", "phone": "5550100", "country": "US", "city": "", "zip": "",
    "custom_questions": [{"title": "Which product?", "value": "Both"}, {"title": "", "value": "x"}],
    "join_url": "https://zoom.example/j/1?tk=secret", "comments": "See you",
}  # fmt: skip


def event(name: str = "registration_created", **more: Any) -> FormRequest:
    webinar = {"id": 987654321, "uuid": "u", "topic": "Intro", "registrant": REGISTRANT, **more}
    return sent(
        {
            "event": f"webinar.{name}",
            "event_ts": 1764578220000,
            "payload": {"account_id": "a", "object": webinar},
        }
    )


def signed(age: timedelta = timedelta(), more: bytes = b"") -> FormRequest:
    raw, stamp = event().body, str(int((NOW - age).timestamp())).encode()
    code = b"v0=" + hmac.digest(SECRET, b"v0:" + stamp + b":" + raw, "sha256").hex().encode()
    return sent(raw + more, {"x-zm-signature": code, "x-zm-request-timestamp": stamp})


def test_the_signature_covers_time_and_body_also_of_a_late_repeat() -> None:
    assert accepts("zoom_webinar", signed()) == accepts("zoom_webinar", signed(timedelta(minutes=60))) == 0
    assert refusal("zoom_webinar", signed(timedelta(hours=3))) == "timestamp_out_of_range"
    assert refusal("zoom_webinar", signed(more=b" ")) == "signature_mismatch"
    assert refusal("zoom_webinar", event()) == "timestamp_missing"


def validation(token: Any = "qgg8vlvZRS6UYooatFL8Aw") -> FormRequest:
    return sent({"payload": {"plainToken": token}, "event_ts": 1, "event": "endpoint.url_validation"})


def test_the_validation_is_answered() -> None:
    answer = FORM_KINDS["zoom_webinar"].handshake(validation(), TERMS)
    assert answer is not None
    token = "qgg8vlvZRS6UYooatFL8Aw"
    assert json.loads(answer.body) == {
        "plainToken": token, "encryptedToken": hmac.digest(SECRET, token.encode(), "sha256").hex(),
    }  # fmt: skip


@pytest.mark.parametrize("token", ["", None, 'v0:1:{"event":"x"}', "a" * 101, "a b"])
def test_nothing_but_a_token_is_signed(token: Any) -> None:
    assert FORM_KINDS["zoom_webinar"].handshake(validation(token), TERMS) is None
    assert FORM_KINDS["zoom_webinar"].handshake(validation(), FormTerms()) is None
    assert FORM_KINDS["zoom_webinar"].handshake(event(topic="endpoint.url_validation"), TERMS) is None


def test_a_registration_is_a_lead() -> None:
    found = one("zoom_webinar", event())
    assert (found.meaning, found.record, found.trigger) == ("lead", "987654321:r1", "webinar")
    assert found.lead == {
        "first_name": "Ida", "last_name": "Berg", "email": "ida@kundin.example", "company": "Kunde AG",
        "title": "CTO", "employees": "1-20", "phone": "5550100", "country": "US",
        "attributes": {"webinar_id": "987654321", "webinar": "Intro", "message": "See you"},
    }  # fmt: skip
    assert found.unmapped == {"Which product?": "Both"}
    assert "secret" not in str(found)


@pytest.mark.parametrize(
    ("name", "meaning", "types"),
    [
        ("registration_approved", "update", []),
        ("registration_cancelled", "event", ["x-registration_canceled"]),
        ("registration_denied", "event", ["x-registration_denied"]),
        ("started", "ignore", []),
    ],
)
def test_events_mean(name: str, meaning: str, types: list[str]) -> None:
    found = one("zoom_webinar", event(name))
    assert (found.meaning, [each.type for each in found.events]) == (meaning, types)
    assert meaning == "ignore" or found.record == "987654321:r1"


def test_who_joins_is_known_by_their_registration() -> None:
    person = {"registrant_id": "r1", "user_id": "5", "user_name": "Ida", "email": "ida@kundin.example"}
    found = one("zoom_webinar", event("participant_joined", registrant=None, participant=person))
    assert (found.meaning, found.record) == ("event", "987654321:r1")
    assert [each.type for each in found.events] == ["x-webinar_joined"]


def test_a_repeat_has_the_same_id_and_each_event_its_own() -> None:
    assert one("zoom_webinar", event()).id == one("zoom_webinar", signed()).id
    assert one("zoom_webinar", event()).id != one("zoom_webinar", event("registration_approved")).id


@pytest.mark.parametrize("body", [{}, [], {"event": "webinar.registration_created"}, b""])
def test_other_bodies_are_unreadable(body: Any) -> None:
    assert is_unreadable("zoom_webinar", sent(body))
