"""Jotform: what `rawRequest` says, and that our own address is not kept."""

import json
from typing import Any

import pytest

from app.forms.vendors import FORM_KINDS
from app.forms.vendors.base import FormRequest
from tests.forms.vendors.sent import form, is_unreadable, one, sent

ANSWERS: dict[str, Any] = {
    "slug": "submit/1", "jsExecutionTracker": "x", "submitDate": "1764578220000", "event_id": "e",
    "q3_name": {"first": "Ida", "last": "Berg"}, "q4_email": "ida@kundin.example",
    "q5_phoneNumber": {"full": "(201) 555-0155"}, "q6_company": "Kunde AG", "q7_interests": ["A", "B"],
    "q8_address": {"addr_line1": "Weg 1", "addr_line2": "", "city": "Graz", "state": "Steiermark",
    "postal": "8010",
                   "country": "Austria"},
    "q9_budget": "5, or: 6", "q10_typeA": "",
}  # fmt: skip
ADDRESS = "https://leads.example/forms/random-part"


def posted(raw: str | None = None, **more: str) -> FormRequest:
    answers = json.dumps(ANSWERS) if raw is None else raw
    parts = {
        "formID": "11", "submissionID": "5511", "formTitle": "Demo", "ip": "203.0.113.9",
        "webhookURL": ADDRESS,
        "rawRequest": answers, "pretty": "Name:Ida Berg, Budget:5, or: 6", **more,
    }  # fmt: skip
    return form(parts)


def test_the_answers_are_a_lead() -> None:
    found = one("jotform", posted())
    assert found.lead == {
        "first_name": "Ida", "last_name": "Berg", "email": "ida@kundin.example", "phone": "(201) 555-0155",
        "company": "Kunde AG", "product_interest": ["A", "B"], "city": "Graz", "state": "Steiermark",
        "postal_code": "8010", "country": "Austria",
        "attributes": {"form_id": "11", "form_name": "Demo"},
        "ip": "203.0.113.9",
    }  # fmt: skip
    assert found.unmapped == {"address_addr_line1": "Weg 1", "budget": "5, or: 6"}
    assert found.id == "5511"
    assert found.at is not None


def test_our_address_is_kept_nowhere() -> None:
    kept = FORM_KINDS["jotform"].redact(posted())
    assert b"random-part" not in kept.body
    assert b"webhookURL=[redacted]" in kept.body
    as_json = FORM_KINDS["jotform"].redact(sent({"webhookURL": ADDRESS, "rawRequest": ANSWERS}))
    assert b"random-part" not in as_json.body


@pytest.mark.parametrize("place", ["q9_budget", "budget"])
def test_the_mapping_names_questions_by_key_or_name(place: str) -> None:
    assert one("jotform", posted(), {"lead_type": [place]}).lead["lead_type"] == "5, or: 6"


@pytest.mark.parametrize(
    ("phone", "read"),
    [
        ({"area": "201", "phone": "555-0155"}, "201 555-0155"),
        ("2015550155", "2015550155"),
        ({"full": "+1 201"}, "+1 201"),
    ],
)
def test_phones_have_several_shapes(phone: Any, read: str) -> None:
    assert one("jotform", posted(json.dumps({"q1_telefon": phone}))).lead["phone"] == read


def test_without_a_submission_id_the_answers_are_one() -> None:
    first, again = (one("jotform", posted(submissionID="")) for _ in range(2))
    assert first.id == again.id != "5511"


def test_raw_line_breaks_are_read() -> None:
    assert one("jotform", posted('{"q1_email":"a@kundin.example","q2_x":"a\nb",}')).unmapped == {"x": "a\nb"}


@pytest.mark.parametrize("raw", [json.dumps(ANSWERS)[:90], "", "[]", "null", "3"])
def test_a_broken_part_is_unreadable(raw: str) -> None:
    assert is_unreadable("jotform", posted(raw))
    assert is_unreadable("jotform", form({"formID": "1", "pretty": "Name:Ida"}))


def test_the_parts_of_a_phone_number_and_of_a_date_are_joined() -> None:
    raw = {
        "q1_phone": {"country": "49", "area": "30", "phone": "901820"},
        "q2_start": {"day": "4", "month": "12", "year": "2026"},
    }
    found = one("jotform", form({"submissionID": "9", "rawRequest": json.dumps(raw)}))
    assert found.lead["phone"] == "+49 30 901820"
    assert found.unmapped == {"start": "2026-12-04"}
