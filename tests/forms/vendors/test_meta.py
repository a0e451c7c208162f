"""Meta Lead Ads: the handshake, notifications, and leads as they are fetched."""

import hmac
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

import pytest

from app.forms.vendors import FORM_KINDS
from app.forms.vendors.base import FormAnswer, FormRequest, FormTerms
from app.forms.vendors.meta import read_fetched
from tests.forms.vendors.sent import SECRET, TERMS, accepts, is_unreadable, one, parsed, refusal, sent

VALUE = {"leadgen_id": "1111", "page_id": "7", "form_id": "8", "created_time": 1764578220}
BODY = {
    "object": "page",
    "entry": [
        {"id": "7", "time": 1, "changes": [{"field": "leadgen", "value": VALUE}, {"field": "leadgen"}]},
        {"id": "9", "time": 2, "changes": [
            {"field": "leadgen", "value": {"leadgen_id": 2222, "ad_id": 5}}, {"field": "feed",
            "value": {"x": 1}},
        ]},
    ],
}  # fmt: skip


def asked(query: dict[str, str], **options: Any) -> FormAnswer | None:
    request = FormRequest("GET", query=urlencode(query).encode())
    return FORM_KINDS["meta"].handshake(request, FormTerms((SECRET,), options=options))


QUERY = {"hub.mode": "subscribe", "hub.verify_token": "word", "hub.challenge": "1158201444"}


def test_the_challenge_comes_back_for_the_right_word() -> None:
    assert asked(QUERY, verify_token="word") == FormAnswer(200, b"1158201444")
    assert asked(QUERY | {"hub.verify_token": SECRET.decode()}) == FormAnswer(200, b"1158201444")
    assert asked(QUERY, verify_token="other") == FormAnswer(403)
    assert asked(QUERY | {"hub.challenge": "<script>"}, verify_token="word") is None
    assert asked({}, verify_token="word") is None
    assert FORM_KINDS["meta"].handshake(sent(BODY), TERMS) is None


def test_the_signature_covers_the_body() -> None:
    raw = sent(BODY).body
    code = b"sha256=" + hmac.digest(SECRET, raw, "sha256").hex().encode()
    assert accepts("meta", sent(raw, {"x-hub-signature-256": code})) == 0
    assert refusal("meta", sent(raw + b" ", {"x-hub-signature-256": code})) == "signature_mismatch"
    assert refusal("meta", sent(raw)) == "signature_missing"


def test_one_body_names_several_leads() -> None:
    first, missing, second = parsed("meta", sent(BODY))
    assert (first.meaning, first.id, first.fetch) == (
        "fetch", "1111", {"leadgen_id": "1111", "page_id": "7", "form_id": "8"},
    )  # fmt: skip
    assert first.at == datetime.fromtimestamp(1764578220, UTC)
    assert (missing.code, missing.fetch) == ("value_missing", {})
    assert (second.id, second.fetch) == ("2222", {"leadgen_id": "2222", "page_id": "9", "ad_id": "5"})


def test_the_same_lead_twice_in_one_body_is_one() -> None:
    assert len(parsed("meta", sent({"entry": [BODY["entry"][0], BODY["entry"][0]]}))) == 2


def test_the_test_button_names_a_lead_that_nobody_can_fetch() -> None:
    value = {"field": "leadgen", "value": {"leadgen_id": "444444444444", "form_id": "444444444444"}}
    found = one("meta", sent({"entry": [{"id": "0", "changes": [value]}]}))
    assert (found.meaning, found.is_test, found.fetch) == ("ignore", True, {})


def fetched(*answers: tuple[str, Any], **more: Any) -> dict[str, Any]:
    data = [{"name": name, "values": values} for name, values in answers]
    return {"id": "1111", "created_time": "2026-11-30T08:15:00+0000", "field_data": data, **more}


def test_a_fetched_lead_says() -> None:
    lead = fetched(
        ("full_name", ["Ida Berg"]), ("email", ["ida@home.example"]), ("work_email", ["ida@kundin.example"]),
        ("phone_number", ["+493012345678"]), ("company_name", ["Kunde AG"]), ("zip_code", ["10115"]),
        ("wie_viele_plätze?", ["10", "20"]), ("empty", []),
        campaign_id="6", campaign_name="Fall", ad_id=None, is_organic=False, platform="fb",
        custom_disclaimer_responses=[{"checkbox_key": "email_consent", "is_checked": "1"}],
    )  # fmt: skip
    found = read_fetched(lead, FormTerms(), {"form_id": "8", "page_id": "7"})
    assert found.lead == {
        "first_name": "Ida", "last_name": "Berg", "email": "ida@kundin.example", "phone": "+493012345678",
        "company": "Kunde AG", "postal_code": "10115", "campaign": "Fall", "consent": {"email": True},
        "submission_id": "1111",
        "attributes": {"form_id": "8", "page_id": "7", "campaign_id": "6", "is_organic": False,
        "platform": "fb"},
    }  # fmt: skip
    assert found.unmapped == {"email": "ida@home.example", "wie_viele_plätze?": ["10", "20"]}
    assert (found.id, found.is_test) == ("1111", False)
    assert found.at == datetime(2026, 11, 30, 8, 15, tzinfo=UTC)
    assert one("meta", sent(lead)).id == found.id


@pytest.mark.parametrize(
    "values",
    [
        ["<test lead: dummy data for full_name>"], ["test lead: dummy data for full_name"],
        ["&lt;test lead: dummy data for full_name&gt;"], ["\\u003ctest lead: dummy data for city\\u003e"],
        ["dummy data for full_name"], ["test@meta.com"], ["Test@FB.com"],
    ],
)  # fmt: skip
def test_dummy_texts_mark_a_test(values: list[str]) -> None:
    assert read_fetched(fetched(("full_name", values)), FormTerms()).is_test


@pytest.mark.parametrize("values", [["My dummy data for testing"], ["x@meta.com"], [None], [4444]])
def test_other_texts_mark_none(values: list[Any]) -> None:
    assert not read_fetched(fetched(("full_name", values)), FormTerms()).is_test


@pytest.mark.parametrize(
    "body", [{}, [], {"entry": {}}, {"field_data": 1}, {"id": "1", "field_data": None}, b""]
)
def test_other_bodies_are_unreadable(body: Any) -> None:
    assert is_unreadable("meta", sent(body))
