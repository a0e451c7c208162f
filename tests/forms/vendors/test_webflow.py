"""Webflow: which deliveries are let in, and what they say."""

import hmac
from datetime import timedelta
from typing import Any

import pytest

from app.forms.vendors import FORM_KINDS
from app.forms.vendors.base import FormRequest, FormTerms
from tests.forms.vendors.sent import NOW, OLD_SECRET, SECRET, accepts, is_unreadable, one, refusal, sent

DATA = {"Name": "Ida Berg", "Email 2": "ida@kundin.example", "Phone": 301234567, "Nr．": "5", "Empty 6": ""}
PAYLOAD = {
    "name": "Kontakt", "siteId": "s1", "data": DATA, "submittedAt": "2026-12-01T08:59:00.117Z", "id": "wf-77",
    "formId": "f1", "schema": [{"fieldName": "Email 2", "fieldType": "FormTextInput", "fieldElementId": "e"}],
}  # fmt: skip
BODY = {"triggerType": "form_submission", "payload": PAYLOAD}


def signed(age: timedelta = timedelta(), secret: bytes = SECRET, more: bytes = b"") -> FormRequest:
    request = sent(BODY)
    stamp = str(int((NOW - age).timestamp() * 1000)).encode()
    code = hmac.digest(secret, stamp + b":" + request.body, "sha256").hex().encode()
    return sent(request.body + more, {"x-webflow-signature": code, "x-webflow-timestamp": stamp})


def test_the_signature_covers_time_and_body() -> None:
    assert accepts("webflow", signed()) == 0
    assert accepts("webflow", signed(timedelta(milliseconds=300_000), OLD_SECRET)) == 1
    assert refusal("webflow", signed(timedelta(milliseconds=300_001))) == "timestamp_out_of_range"
    assert refusal("webflow", signed(-timedelta(milliseconds=300_001))) == "timestamp_out_of_range"
    assert refusal("webflow", signed(more=b" ")) == "signature_mismatch"
    assert refusal("webflow", signed(secret=b"x")) == "signature_mismatch"
    assert refusal("webflow", sent(BODY)) == "signature_missing"
    assert refusal("webflow", sent(BODY, {"x-webflow-signature": b"a"})) == "timestamp_missing"
    late = {"x-webflow-signature": b"a", "x-webflow-timestamp": b"1e9"}
    assert refusal("webflow", sent(BODY, late)) == "timestamp_invalid"


def test_a_submission_is_a_lead() -> None:
    found = one("webflow", sent(BODY))
    assert (found.meaning, found.id, found.flags) == ("lead", "wf-77", ("phone_from_number",))
    assert found.lead == {
        "first_name": "Ida", "last_name": "Berg", "email": "ida@kundin.example", "phone": "301234567",
        "attributes": {"form_id": "f1", "form_name": "Kontakt"},
    }  # fmt: skip
    assert found.unmapped == {"Nr.": "5"}


def test_version_1_is_flat() -> None:
    found = one(
        "webflow", sent({"_id": "v1-1", "name": "Old", "d": "2022-09-14T12:35:16.117Z", "data": DATA})
    )
    assert (found.id, found.lead["email"]) == ("v1-1", "ida@kundin.example")
    assert found.at is not None


@pytest.mark.parametrize("place", ["Nr．", "Nr."])
def test_a_mapping_may_write_a_dot_either_way(place: str) -> None:
    assert one("webflow", sent(BODY), {"employees": [place]}).lead["employees"] == "5"


def test_missing_parts_are_no_failure() -> None:
    found = one(
        "webflow", sent({"payload": {"data": {"E-Mail": "a@kundin.example", "x": None}, "schema": [None]}})
    )
    assert found.lead == {"email": "a@kundin.example"}
    assert (
        found.id == one("webflow", sent({"payload": {"data": {"E-Mail": "a@kundin.example", "x": None}}})).id
    )


def test_other_triggers_are_ignored() -> None:
    assert one("webflow", sent({"triggerType": "site_publish", "payload": {"id": "1"}})).meaning == "ignore"


@pytest.mark.parametrize("body", [{}, {"payload": {}}, {"payload": {"data": []}}, b"x"])
def test_other_bodies_are_unreadable(body: Any) -> None:
    assert is_unreadable("webflow", sent(body))


def test_every_answer_of_success_is_200() -> None:
    kind = FORM_KINDS["webflow"]
    assert kind.accepted(sent(BODY), FormTerms()).status == 200
    assert kind.retries == frozenset()
