"""Intercom: which deliveries are let in, and what its topics say."""

import hmac
from typing import Any

import pytest

from app.forms.vendors import FORM_KINDS
from app.forms.vendors.base import FormAnswer, FormRequest
from tests.forms.vendors.sent import SECRET, TERMS, accepts, is_unreadable, one, refusal, sent

CONTACT: dict[str, Any] = {
    "type": "contact", "id": "c1", "role": "lead", "email": "ida@kundin.example", "phone": None,
    "name": "Ida Berg",
    "external_id": "u-9", "location": {"country": "Ireland", "country_code": "IRL", "region": "Leinster",
    "city": "Dublin"},
    "companies": {"type": "list", "data": [{"id": "1", "name": "Kunde"}, {"id": "2", "name": "Kunde"}]},
    "custom_attributes": {"plan": "pro", "job_title": "CTO"}, "utm_source": "ads", "browser_language": "en",
}  # fmt: skip


def notice(topic: str = "contact.lead.created", **more: Any) -> FormRequest:
    item = {**CONTACT, **more}
    return sent(
        {
            "type": "notification_event",
            "id": "n1",
            "topic": topic,
            "created_at": 1764578220,
            "data": {"item": item},
        }
    )


def test_the_signature_covers_the_body() -> None:
    raw = notice().body
    code = b"sha1=" + hmac.digest(SECRET, raw, "sha1").hex().encode()
    assert accepts("intercom", sent(raw, {"x-hub-signature": code})) == 0
    assert refusal("intercom", sent(raw + b" ", {"x-hub-signature": code})) == "signature_mismatch"
    assert refusal("intercom", sent(raw)) == "signature_missing"


def test_the_address_answers_to_head() -> None:
    assert FORM_KINDS["intercom"].handshake(FormRequest("HEAD"), TERMS) == FormAnswer(200)
    assert FORM_KINDS["intercom"].handshake(notice(), TERMS) is None


def test_a_new_contact_is_a_lead() -> None:
    found = one("intercom", notice())
    assert (found.meaning, found.id, found.record, found.trigger) == ("lead", "n1", "c1", "chat")
    assert found.lead == {
        "external_id": "c1", "email": "ida@kundin.example", "first_name": "Ida", "last_name": "Berg",
        "company": "Kunde", "country": "IRL", "state": "Leinster", "city": "Dublin", "language": "en",
        "title": "CTO", "utm": {"source": "ads"}, "attributes": {"role": "lead", "user_id": "u-9"},
    }  # fmt: skip
    assert found.unmapped == {"plan": "pro"}


def test_of_several_companies_all_are_kept() -> None:
    companies = {
        "data": [{"id": "1", "name": "A"}, {"id": "2", "name": "B"}, {"id": "3", "name": "A"}, {"id": "4"}]
    }
    lead = one("intercom", notice(companies=companies)).lead
    assert (lead["company"], lead["attributes"]["companies"]) == ("A", ["A", "B"])


@pytest.mark.parametrize(
    ("topic", "meaning", "types"),
    [
        ("lead.created", "lead", []),
        ("contact.user.created", "lead", []),
        ("contact.lead.added_email", "update", []),
        ("contact.email.updated", "update", []),
        ("contact.lead.signed_up", "update", []),
        ("contact.unsubscribed", "event", ["unsubscribed"]),
        ("contact.merged", "update", []),
        ("ping", "ignore", []),
        ("conversation.user.created", "ignore", []),
        ("contact.deleted", "ignore", []),
    ],
)
def test_topics_mean(topic: str, meaning: str, types: list[str]) -> None:
    found = one("intercom", notice(topic))
    assert (found.meaning, [each.type for each in found.events]) == (meaning, types)


LEFT, KEPT = (
    {"type": "contact", "id": "left"},
    {"type": "contact", "id": "kept", "email": "ida@kundin.example"},
)


@pytest.mark.parametrize(
    "item",
    [
        {**KEPT, "merged_from": LEFT},
        {**KEPT, "merged_contact_ids": ["left", "kept"]},
        {"type": "contact_merge", "from": "left", "into": KEPT},
        {"type": "contact.merged", "lead": LEFT, "user": KEPT},
        {"duplicate": LEFT, "contact": KEPT},
        {"source_contact": {"data": [LEFT]}, "target_contact": KEPT},
        {"contacts": [KEPT, LEFT]},
    ],
)
def test_two_contacts_that_became_one_are_both_named(item: Any) -> None:
    found = one("intercom", sent({"topic": "contact.merged", "id": "n1", "data": {"item": item}}))
    assert (found.meaning, found.record, found.merges) == ("merge", "kept", ("left",))
    assert found.lead["email"] == "ida@kundin.example"


def test_missing_parts_are_no_failure() -> None:
    found = one(
        "intercom",
        notice(location=None, companies=None, custom_attributes=None, name=None, role=None, external_id=None),
    )
    assert found.lead == {
        "external_id": "c1", "email": "ida@kundin.example", "language": "en", "utm": {"source": "ads"},
    }  # fmt: skip


@pytest.mark.parametrize(
    "body", [{}, [], {"topic": "contact.lead.created"}, {"topic": "contact.merged", "data": 1}, b""]
)
def test_other_bodies_are_unreadable(body: Any) -> None:
    assert is_unreadable("intercom", sent(body))
