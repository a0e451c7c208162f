"""Google Ads lead forms: the key in the body, and what a lead says."""

import json
from typing import Any

import pytest

from app.forms.vendors import FORM_KINDS
from app.forms.vendors.base import FormTerms
from tests.forms.vendors.sent import OLD_SECRET, SECRET, accepts, is_unreadable, one, refusal, sent

COLUMNS = [
    {"column_id": "FULL_NAME", "column_name": "Full Name", "string_value": "Ida Berg"},
    {"column_id": "EMAIL", "column_name": "User Email", "string_value": "ida@home.example"},
    {"column_id": "WORK_EMAIL", "string_value": "ida@kundin.example"},
    {"column_id": "PHONE_NUMBER", "string_value": "+493012345678"},
    {"column_id": "REGION", "string_value": "Berlin"},
    {"column_id": "which_car?", "column_name": "Which car?", "string_value": "Van"},
]
LEAD: dict[str, Any] = {
    "lead_id": 9007199254740993, "user_column_data": COLUMNS, "api_version": "1.0", "form_id": 40000000000,
    "campaign_id": 9223372036854775807, "google_key": SECRET.decode(), "gcl_id": "click-1", "adgroup_id": 2,
    "lead_submit_time": "2026-11-30T08:15:00Z",
}  # fmt: skip


def test_any_live_key_lets_a_lead_in() -> None:
    assert accepts("google_ads", sent(LEAD)) == 0
    assert accepts("google_ads", sent({**LEAD, "google_key": OLD_SECRET.decode()})) == 1
    assert accepts("google_ads", sent({"data": LEAD})) == 0
    assert refusal("google_ads", sent({**LEAD, "google_key": "123"})) == "key_mismatch"
    bodies: list[Any] = [{**LEAD, "google_key": None}, {}, [], b"", b"{"]
    for body in bodies:
        assert refusal("google_ads", sent(body)) == "key_missing"


def test_a_lead_says() -> None:
    found = one("google_ads", sent(LEAD))
    assert (found.meaning, found.record, found.is_test) == ("lead", "9007199254740993", False)
    assert found.lead == {
        "first_name": "Ida", "last_name": "Berg", "email": "ida@kundin.example", "phone": "+493012345678",
        "state": "Berlin", "click_ids": {"gclid": "click-1"}, "submission_id": "9007199254740993",
        "attributes": {"form_id": "40000000000", "campaign_id": "9223372036854775807", "adgroup_id": "2"},
    }  # fmt: skip
    assert found.unmapped == {"User Email": "ida@home.example", "Which car?": "Van"}


def test_other_values_of_the_same_lead_have_an_id_of_their_own() -> None:
    first, again = one("google_ads", sent(LEAD)), one("google_ads", sent({**LEAD, "gcl_id": "other"}))
    changed = [*COLUMNS[:3], {**COLUMNS[3], "string_value": "+493099999999"}]
    corrected = one("google_ads", sent({**LEAD, "user_column_data": changed}))
    assert first.id == again.id != corrected.id
    assert first.record == corrected.record
    assert one("google_ads", sent({**LEAD, "user_column_data": COLUMNS[::-1]})).id == first.id


@pytest.mark.parametrize(("mark", "is_test"), [(True, True), ("true", True), (False, False), (None, False)])
def test_a_test_is_marked(mark: Any, is_test: bool) -> None:
    assert one("google_ads", sent({**LEAD, "is_test": mark})).is_test is is_test


def test_unknown_fields_are_kept() -> None:
    found = one("google_ads", sent({**LEAD, "lead_source": "CONVERSATIONAL_AGENT", "new_thing": [1]}))
    assert found.lead["attributes"]["lead_source"] == "CONVERSATIONAL_AGENT"
    assert found.unmapped["new_thing"] == [1]


@pytest.mark.parametrize(
    "wrapped", [{"body": LEAD}, [LEAD], {"event": {"payload": LEAD}}, {"data": json.dumps(LEAD)}]
)
def test_a_bridge_may_put_an_object_around_it(wrapped: Any) -> None:
    assert one("google_ads", sent(wrapped)) == one("google_ads", sent(LEAD))


@pytest.mark.parametrize(
    "body",
    [
        LEAD,
        {"body": LEAD},
        {"data": json.dumps(LEAD)},
        json.dumps(LEAD)[:-1].encode(),
        json.dumps(LEAD).replace('": "', '":\t"').encode(),
        [{"lead_id": "1", "GOOGLE_KEY": SECRET.decode()}],
    ],
)
def test_the_key_is_never_kept(body: Any) -> None:
    request = FORM_KINDS["google_ads"].redact(sent(body))
    assert SECRET not in request.body
    assert b"[redacted]" in request.body


def test_answers_are_json() -> None:
    kind = FORM_KINDS["google_ads"]
    accepted = kind.accepted(sent(LEAD), FormTerms())
    assert (accepted.status, accepted.body, accepted.media_type) == (200, b"{}", "application/json")
    refused = kind.refused("key_mismatch")
    assert 400 <= refused.status < 500
    assert json.loads(refused.body).keys() == {"message"}
    assert kind.not_stored().status == 503
    assert kind.retries == frozenset()


def test_missing_parts_are_no_failure() -> None:
    columns = [None, {}, {"column_name": "E-Mail", "string_value": "a@kundin.example"}, {"column_id": "CITY"}]
    found = one("google_ads", sent({"user_column_data": columns}))
    assert (found.lead, found.record) == ({"email": "a@kundin.example"}, "")
    assert (
        one("google_ads", sent({"lead_id": "x", "user_column_data": {"CITY": "Graz"}})).lead["city"] == "Graz"
    )


@pytest.mark.parametrize("body", [{}, [], {"google_key": "x"}, b"", b"\xff\xfe"])
def test_other_bodies_are_unreadable(body: Any) -> None:
    assert is_unreadable("google_ads", sent(body))
