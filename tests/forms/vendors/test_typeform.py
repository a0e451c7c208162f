"""Typeform: which deliveries are let in, and what they say."""

import base64
import hmac
from datetime import UTC, datetime
from typing import Any

import pytest

from app.forms.vendors.base import FormRequest, FormTerms
from tests.forms.vendors.sent import OLD_SECRET, SECRET, accepts, is_unreadable, one, refusal, sent

UUID = "01234567-89ab-cdef-0123-456789abcdef"


def answer(key: str, type_: str, value: Any, ref: str = UUID, declared: str = "") -> dict[str, Any]:
    return {"type": type_, type_: value, "field": {"id": key, "ref": ref, "type": declared or type_}}


def response(*answers: Any, **more: Any) -> dict[str, Any]:
    questions = [
        {"id": "n", "ref": UUID, "title": "Your name", "type": "short_text"},
        {"id": "m", "title": "How do we reach you?", "type": "short_text"},
        {"id": "p", "title": "Which plan?", "type": "multiple_choice"},
        {"id": "g", "type": "group", "properties": {"fields": [{"id": "t", "title": "Telefon"}]}},
    ]
    whole = {
        "form_id": "form1", "token": "tok1", "submitted_at": "2026-12-01T08:17:02Z",
        "definition": {"id": "form1", "title": "Demo", "fields": questions}, "answers": list(answers),
    }  # fmt: skip
    return {"event_id": "ev1", "event_type": "form_response", "form_response": {**whole, **more}}


NAME = answer("n", "text", "Lena Kurz")
MAIL = answer("m", "text", "lena@kundin.example ", ref="m")
BODY = response(
    NAME, MAIL, answer("p", "choice", {"label": "Pro"}, ref="plan"), hidden={"utm_source": "news"}
)


def signed(secret: bytes = SECRET, body: Any = BODY, encode: Any = base64.b64encode) -> FormRequest:
    request = sent(body)
    code = b"sha256=" + encode(hmac.digest(secret, request.body, "sha256"))
    return sent(request.body, {"typeform-signature": code})


def test_the_signature_lets_a_delivery_in() -> None:
    assert (accepts("typeform", signed()), accepts("typeform", signed(OLD_SECRET))) == (0, 1)


@pytest.mark.parametrize(
    ("request_", "code"),
    [
        (sent(BODY), "signature_missing"),
        (signed(encode=lambda code: code.hex().encode()), "signature_mismatch"),
        (signed(b"other"), "signature_mismatch"),
        (FormRequest("POST", signed().headers, body=signed().body + b" "), "signature_mismatch"),
        (sent(BODY, {"typeform-signature": "sha256=ü".encode()}), "signature_mismatch"),
    ],
)
def test_other_deliveries_are_refused(request_: FormRequest, code: str) -> None:
    assert refusal("typeform", request_) == code
    assert refusal("typeform", signed(), FormTerms((b"",))) == "signature_mismatch"


def test_a_response_is_a_lead() -> None:
    found = one("typeform", sent(BODY))
    assert (found.meaning, found.id, found.is_test) == ("lead", "form1:tok1", False)
    assert found.lead == {
        "first_name": "Lena", "last_name": "Kurz", "email": "lena@kundin.example",
        "utm": {"source": "news"}, "attributes": {"form_id": "form1", "form_name": "Demo"},
    }  # fmt: skip
    assert found.unmapped == {"plan": "Pro"}
    assert found.at == datetime(2026, 12, 1, 8, 17, 2, tzinfo=UTC)


def test_the_event_and_the_order_of_parts_do_not_change_the_id() -> None:
    again = {**dict(reversed(BODY.items())), "event_id": "ev2"}
    again["form_response"] = dict(reversed(BODY["form_response"].items()))
    assert one("typeform", sent(again)) == one("typeform", sent(BODY))


def test_response_id_stands_for_the_token() -> None:
    body = response(MAIL, token=None, response_id="tok1")
    assert one("typeform", sent(body)).id == "form1:tok1"


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        (answer("x", "choices", {"labels": ["A", "B"], "other": "C"}, ref="x"), ["A", "B", "C"]),
        (answer("x", "choice", {"other": "mine"}, ref="x"), "mine"),
        (answer("x", "boolean", True, ref="x"), True),
        (answer("x", "number", 7, ref="x"), 7),
        (answer("x", "date", "2026-12-24", ref="x"), "2026-12-24"),
        (answer("x", "file_url", "https://f.example/a.pdf", ref="x"), "https://f.example/a.pdf"),
        ({"text": "no type", "field": {"ref": "x"}}, "no type"),
    ],
)
def test_values_stand_under_their_type(given: Any, kept: Any) -> None:
    assert one("typeform", sent(response(MAIL, given))).unmapped == {"x": kept}


def test_types_and_questions_in_groups_say_what_answers_mean() -> None:
    body = response(
        answer("q", "email", "a@kundin.example", ref="q"),
        answer("t", "text", "0301234567", ref="t"),
        answer("c", "boolean", True, ref="newsletter_consent", declared="legal"),
    )
    lead = one("typeform", sent(body)).lead
    assert (lead["email"], lead["phone"], lead["consent"]) == (
        "a@kundin.example",
        "0301234567",
        {"email": True},
    )


def test_missing_parts_are_no_failure() -> None:
    found = one("typeform", sent(response(None, {"field": None}, MAIL, definition=None, submitted_at=None)))
    assert found.lead == {"email": "lena@kundin.example", "attributes": {"form_id": "form1"}}
    assert found.at is None


def test_variables_and_score_are_kept() -> None:
    variables = [{"key": "plan_points", "type": "number", "number": 4}]
    found = one("typeform", sent(response(MAIL, variables=variables, calculated={"score": 9})))
    assert found.lead["attributes"] == {"form_id": "form1", "form_name": "Demo", "plan_points": 4}
    assert found.unmapped == {"score": 9}


def test_the_names_of_variables_mean_nothing() -> None:
    variables = [{"key": "name", "type": "text", "text": "typeform"}]
    found = one("typeform", sent(response(MAIL, variables=variables)))
    assert "first_name" not in found.lead
    assert found.lead["attributes"]["name"] == "typeform"


def test_the_mapping_names_answers_by_reference_or_title() -> None:
    for place in ("plan", "Which plan?"):
        found = one("typeform", sent(BODY), {"product_interest": [place]})
        assert (found.lead["product_interest"], found.unmapped) == (["Pro"], {})


def test_incomplete_responses_are_ignored() -> None:
    assert one("typeform", sent({**BODY, "event_type": "form_response_partial"})).meaning == "ignore"


@pytest.mark.parametrize("body", [{}, [], {"event_type": "form_response"}, b"", b"{", b"null"])
def test_other_bodies_are_unreadable(body: Any) -> None:
    assert is_unreadable("typeform", sent(body))
