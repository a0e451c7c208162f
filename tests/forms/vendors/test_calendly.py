"""Calendly: bookings that are made, moved and canceled, no-shows, and routing forms."""

import hmac
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from app.forms.vendors.base import FormRequest
from tests.forms.vendors.sent import NOW, SECRET, accepts, is_unreadable, one, refusal, sent

FIRST, SECOND = "https://api.calendly.com/invitees/1", "https://api.calendly.com/invitees/2"
INVITEE: dict[str, Any] = {
    "uri": FIRST, "email": "mj@kundin.example", "name": "María José de la Cruz Ortiz", "first_name": None,
    "last_name": None, "timezone": "Europe/Madrid", "rescheduled": False, "old_invitee": None,
    "new_invitee": None,
    "questions_and_answers": [{"question": "Empresa", "answer": "Kunde SA", "position": 0},
                              {"question": "Why now?", "answer": "Growth", "position": 1}],
    "tracking": {"utm_source": "ads", "utm_medium": None, "salesforce_uuid": None},
    "text_reminder_number": "+34600000001",
    "scheduled_event": {
        "uri": "https://api.calendly.com/scheduled_events/1", "name": "Demo",
        "start_time": "2026-12-10T10:00:00Z",
        "event_memberships": [{"user": "https://api.calendly.com/users/A", "user_email": "ana@we.example"}],
    },
}  # fmt: skip


def event(
    topic: str = "invitee.created", /, said: str = "2026-11-30T08:15:00.000000Z", **more: Any
) -> FormRequest:
    return sent({"event": topic, "created_at": said, "payload": {**INVITEE, **more}})


def signed(age: timedelta = timedelta(), more: bytes = b"") -> FormRequest:
    raw, stamp = event().body, str(int((NOW - age).timestamp())).encode()
    code = hmac.digest(SECRET, stamp + b"." + raw, "sha256").hex().encode()
    return sent(raw + more, {"calendly-webhook-signature": b"t=" + stamp + b",v1=" + code})


def test_the_signature_covers_time_and_body() -> None:
    assert accepts("calendly", signed()) == accepts("calendly", signed(timedelta(minutes=3))) == 0
    assert refusal("calendly", signed(timedelta(seconds=181))) == "timestamp_out_of_range"
    assert refusal("calendly", signed(more=b" ")) == "signature_mismatch"
    assert refusal("calendly", event()) == "signature_missing"
    for header, code in ((b"v1=a", "timestamp_missing"), (b"t=a,v1=b", "timestamp_invalid")):
        assert refusal("calendly", sent({}, {"calendly-webhook-signature": header})) == code


def test_a_booking_is_a_lead_with_a_meeting_and_a_host() -> None:
    found = one("calendly", event())
    assert (found.meaning, found.id, found.record) == ("lead", f"{FIRST}:created", FIRST)
    assert found.host == "ana@we.example"
    assert found.lead == {
        "email": "mj@kundin.example", "company": "Kunde SA", "phone": "+34600000001",
        "utm": {"source": "ads"},
        "attributes": {
            "full_name": "María José de la Cruz Ortiz", "timezone": "Europe/Madrid", "event_name": "Demo",
        },
    }  # fmt: skip
    assert found.unmapped == {"Why now?": "Growth"}
    (meeting,) = found.events
    assert (meeting.type, meeting.id, meeting.fields["for_at"]) == (
        "meeting",
        FIRST,
        "2026-12-10T10:00:00+00:00",
    )
    assert found.at == datetime(2026, 11, 30, 8, 15, tzinfo=UTC)


@pytest.mark.parametrize(
    ("name", "lead"),
    [
        ({"name": "Ida Berg"}, {"first_name": "Ida", "last_name": "Berg"}),
        (
            {"name": "x", "first_name": "Ida María", "last_name": "Berg Sol"},
            {"first_name": "Ida María", "last_name": "Berg Sol"},
        ),
    ],
)
def test_names_that_are_certain_have_parts(name: Any, lead: Any) -> None:
    assert lead.items() <= one("calendly", event(**name)).lead.items()


def test_a_move_is_one_meeting_with_another_time() -> None:
    canceled = one("calendly", event("invitee.canceled", rescheduled=True, new_invitee=SECOND))
    made = one(
        "calendly",
        event(uri=SECOND, old_invitee=FIRST, scheduled_event={"start_time": "2026-12-12T10:00:00Z"}),
    )
    assert canceled.meaning == "ignore"
    assert (made.record, made.events[0].id) == (FIRST, FIRST)
    assert made.events[0].fields["for_at"] == "2026-12-12T10:00:00+00:00"
    assert made.host is None


@pytest.mark.parametrize(
    ("name", "more", "type_"),
    [
        ("invitee.canceled", {"cancellation": {"reason": "Ill"}}, "x-meeting_canceled"),
        ("invitee_no_show.created", {"no_show": {"uri": "n"}}, "x-no_show"),
        ("invitee_no_show.deleted", {}, "x-no_show_undone"),
    ],
)
def test_what_happens_to_a_booking_is_an_event_of_it(name: str, more: Any, type_: str) -> None:
    found = one("calendly", event(name, **more))
    assert (found.meaning, found.record, [each.type for each in found.events]) == ("event", FIRST, [type_])
    moved = one("calendly", event(name, uri=SECOND, old_invitee=FIRST, **more))
    assert moved.record == FIRST
    assert found.events[0].fields == ({"note": "Ill"} if "cancellation" in more else {})


def test_a_no_show_may_name_nothing_but_the_invitee() -> None:
    body = {"event": "invitee_no_show.created", "payload": {"uri": "n", "invitee": FIRST}}
    assert one("calendly", sent(body)).record == FIRST


def test_a_routing_form_is_a_lead_without_a_meeting() -> None:
    payload = {
        "uri": "r1", "routing_form": "f", "submitter": None, "tracking": {},
        "questions_and_answers": [{"question_uuid": "q", "question": "E-Mail", "answer": "a@kundin.example"}],
        "result": {"type": "external_url", "value": "https://k.example"},
    }  # fmt: skip
    found = one("calendly", sent({"event": "routing_form_submission.created", "payload": payload}))
    assert (found.meaning, found.id, found.events, found.host) == ("lead", "r1", (), None)
    assert found.lead == {"email": "a@kundin.example", "attributes": {"routing_form": "f"}}


def test_other_events_are_ignored() -> None:
    assert one("calendly", event("user.updated")).meaning == "ignore"


@pytest.mark.parametrize("body", [{}, [], {"event": "invitee.created"}, {"payload": {}}, b""])
def test_other_bodies_are_unreadable(body: Any) -> None:
    assert is_unreadable("calendly", sent(body))
