"""LinkedIn: the challenge, notifications, and responses with the questions of their form."""

import hmac
import json
from datetime import UTC, datetime
from typing import Any

import pytest

from app.forms.vendors import FORM_KINDS
from app.forms.vendors.base import FormRequest, FormTerms
from app.forms.vendors.linkedin import read_fetched
from tests.forms.vendors.sent import SECRET, TERMS, accepts, is_unreadable, one, parsed, refusal, sent

CODE = "890e4665-4dfe-4ab1-b689-ed553bceeed0"
NOTICE = {
    "type": "LEAD_ACTION", "leadGenFormResponse": "urn:li:leadGenFormResponse:abc-4",
    "leadGenForm": "urn:li:versionedLeadGenForm:(urn:li:leadGenForm:3,1)", "leadType": "SPONSORED",
    "owner": {"sponsoredAccount": "urn:li:sponsoredAccount:9"}, "leadAction": "CREATED",
    "occurredAt": 1764578220,
}  # fmt: skip


def test_the_challenge_is_signed_with_the_newest_secret() -> None:
    request = FormRequest("GET", query=f"challengeCode={CODE}&applicationId=5".encode())
    answer = FORM_KINDS["linkedin"].handshake(request, TERMS)
    assert answer is not None
    assert (answer.status, answer.media_type) == (200, "application/json")
    assert json.loads(answer.body) == {
        "challengeCode": CODE, "challengeResponse": hmac.digest(SECRET, CODE.encode(), "sha256").hex(),
    }  # fmt: skip


@pytest.mark.parametrize("code", ["", "x", 'hmacsha256={"type":"LEAD_ACTION"}', CODE + "0"])
def test_nothing_but_a_uuid_is_signed(code: str) -> None:
    request = FormRequest("GET", query=b"challengeCode=" + code.encode())
    assert FORM_KINDS["linkedin"].handshake(request, TERMS) is None
    assert FORM_KINDS["linkedin"].handshake(FormRequest("GET", query=CODE.encode()), FormTerms()) is None


@pytest.mark.parametrize("prefix", [b"hmacsha256=", b""])
def test_the_signature_may_or_may_not_cover_the_prefix(prefix: bytes) -> None:
    raw = sent(NOTICE).body
    code = hmac.digest(SECRET, prefix + raw, "sha256").hex().encode()
    assert accepts("linkedin", sent(raw, {"x-li-signature": code})) == 0
    assert accepts("linkedin", sent(raw, {"x-li-signature": b"hmacsha256=" + code})) == 0
    assert refusal("linkedin", sent(raw + b" ", {"x-li-signature": code})) == "signature_mismatch"
    assert refusal("linkedin", sent(raw)) == "signature_missing"


@pytest.mark.parametrize("at", [1764578220, 1764578220000, "1764578220000"])
def test_a_created_response_is_fetched(at: Any) -> None:
    found = one("linkedin", sent({**NOTICE, "occurredAt": at}))
    assert (found.meaning, found.id, found.record) == ("fetch", "abc-4:CREATED", "abc-4")
    assert found.fetch == {
        "response": "urn:li:leadGenFormResponse:abc-4", "lead_type": "SPONSORED",
        "form": "urn:li:versionedLeadGenForm:(urn:li:leadGenForm:3,1)",
        "owner": {"sponsoredAccount": "urn:li:sponsoredAccount:9"},
    }  # fmt: skip
    assert found.at == datetime.fromtimestamp(1764578220, UTC)


def test_a_deleted_response_is_erased() -> None:
    found = one("linkedin", sent({**NOTICE, "leadAction": "DELETED"}))
    assert (found.meaning, found.id, found.record) == ("erase", "abc-4:DELETED", "abc-4")


def test_several_notifications_and_other_types() -> None:
    other = {"type": "ORGANIZATION_SOCIAL_ACTION_NOTIFICATIONS", "notifications": [{"notificationId": 4}]}
    assert [each.meaning for each in parsed("linkedin", sent([NOTICE, NOTICE, {"type": "OTHER"}]))] == [
        "fetch",
        "ignore",
    ]
    assert one("linkedin", sent(other)).meaning == "ignore"
    assert one("linkedin", sent({**NOTICE, "leadGenFormResponse": None})).code == "response_missing"


def text(question: int, answer: str) -> dict[str, Any]:
    return {"questionId": question, "answerDetails": {"textQuestionAnswer": {"answer": answer}}}


def words(value: str) -> dict[str, Any]:
    return {"localized": {"en_US": value}}


SIZES = {
    "multipleChoiceQuestionDetails": {
        "options": [{"id": 7, "text": words("11-50")}, {"id": 8, "text": words("51+")}]
    }
}
QUESTIONS = [
    {"questionId": 1, "predefinedField": "FIRST_NAME", "question": words("First name")},
    {"questionId": 2, "predefinedField": "EMAIL", "question": words("Email address")},
    {"questionId": 3, "predefinedField": "WORK_EMAIL", "question": words("Work email")},
    {"questionId": 4, "predefinedField": "COMPANY_SIZE", "question": words("Size"), "questionDetails": SIZES},
    {"questionId": 5, "name": "budget", "question": words("What is your budget?")},
]
LEGAL = {"consents": [{"id": 1, "consent": words("I agree to receive e-mails")}]}
FORM = {"id": 3, "name": "Demo", "content": {"questions": QUESTIONS, "legalInfo": LEGAL},
        "hiddenFields": [{"name": "utm_source", "value": "li"}]}  # fmt: skip
CHOICE = {"questionId": 4, "answerDetails": {"multipleChoiceAnswer": {"options": [7]}}}
RESPONSE = {
    "id": "abc-4", "submittedAt": 1764578220000, "leadType": "SPONSORED", "testLead": False,
    "versionedLeadGenFormUrn": "urn:li:versionedLeadGenForm:(urn:li:leadGenForm:3,1)",
    "formResponse": {
        "answers": [text(1, "Ida"), text(2, "ida@home.example"), text(3, "ida@kundin.example"), CHOICE,
        text(5, "5k")],
        "consentResponses": [{"consentId": 1, "accepted": True}],
    },
}  # fmt: skip


def test_the_form_says_what_the_answers_mean() -> None:
    found = read_fetched(RESPONSE, FORM, FormTerms())
    assert found.lead == {
        "first_name": "Ida", "email": "ida@kundin.example", "employees": "11-50", "consent": {"email": True},
        "utm": {"source": "li"}, "submission_id": "abc-4",
        "attributes": {
            "form_id": "urn:li:versionedLeadGenForm:(urn:li:leadGenForm:3,1)", "form_name": "Demo",
            "lead_type": "SPONSORED",
        },
    }  # fmt: skip
    assert found.unmapped == {"Email address": "ida@home.example", "budget": "5k"}
    assert (found.id, found.record, found.is_test) == ("abc-4:CREATED", "abc-4", False)


def test_a_response_without_its_form_keeps_the_ids_of_questions() -> None:
    found = read_fetched({**RESPONSE, "testLead": True}, {}, FormTerms())
    assert found.is_test
    assert found.lead["email"] == "ida@home.example"
    assert found.unmapped["4"] == "7"


@pytest.mark.parametrize(
    "body", [[], 3, b"", {"formResponse": {}}, {"id": "a", "formResponse": {"answers": 1}}]
)
def test_other_bodies_are_unreadable(body: Any) -> None:
    assert is_unreadable("linkedin", sent(body))
