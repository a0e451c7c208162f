"""HubSpot forms: which deliveries are let in, and what their three shapes say."""

import base64
import hashlib
import hmac
from dataclasses import replace
from typing import Any

import pytest

from app.forms.vendors import FORM_KINDS
from app.forms.vendors.base import FormRequest
from tests.forms.vendors.sent import (
    NOW,
    OLD_SECRET,
    SECRET,
    accepts,
    is_unreadable,
    one,
    parsed,
    refusal,
    sent,
)

CONTACT = {
    "vid": 5, "properties": {
        "email": {"value": "ana@kundin.example"}, "firstname": {"value": "Ana"},
        "lastname": {"value": "Ruiz"}, "topics": {"value": "a;b"}, "ok": {"value": "true"},
        "hs_object_id": {"value": "5"}, "hs_analytics_source": {"value": "PAID_SEARCH"},
        "newsletter_consent": {"value": "true"},
    },
    "form-submissions": [
        {"conversion-id": "c-1", "timestamp": 1764500000000, "form-id": "f", "page-url": "https://k.example"},
        {"conversion-id": "c-2", "timestamp": 1764578220000, "title": "Demo",
         "page-url": "https://k.example/?utm_source=ads"},
    ],
}  # fmt: skip
FIELDS = [
    {"objectTypeId": "0-1", "name": "email", "value": "ana@kundin.example"},
    {"objectTypeId": "0-1", "name": "topics", "value": "a;b"},
    {"objectTypeId": "0-1", "name": "message", "value": "Hello; please call"},
]
SUBMISSION: dict[str, Any] = {
    "submittedAt": "1764578220000", "fields": FIELDS,
    "context": {"hutk": "h1", "pageUri": "https://k.example/?utm_source=ads", "ipAddress": "203.0.113.9"},
}  # fmt: skip
READ = {"conversionId": "c-2", "submittedAt": 1764578220000, "values": FIELDS, "pageUrl": "https://k.example"}
ADDRESS = "https://leads.example/forms/abc?x=1"


def test_signatures_and_keys_let_a_delivery_in() -> None:
    request = replace(sent(CONTACT), address=ADDRESS)
    whole = b"POST" + ADDRESS.encode() + request.body
    stamp = str(int(NOW.timestamp() * 1000)).encode()
    v3 = base64.b64encode(hmac.digest(SECRET, whole + stamp, "sha256"))
    for headers in (
        {"x-hubspot-signature": hashlib.sha256(SECRET + whole).hexdigest().encode()},
        {"x-hubspot-signature": hashlib.sha256(SECRET + request.body).hexdigest().encode()},
        {"x-hubspot-signature-v3": v3, "x-hubspot-request-timestamp": stamp},
        {"x-api-key": SECRET},
        {"authorization": b"Bearer " + SECRET},
    ):
        assert accepts("hubspot_form", replace(request, headers=headers)) == 0
    assert accepts("hubspot_form", replace(request, query=b"key=" + OLD_SECRET)) == 1


def test_other_deliveries_are_refused() -> None:
    assert refusal("hubspot_form", sent(CONTACT)) == "signature_missing"
    assert refusal("hubspot_form", sent(CONTACT, {"x-hubspot-signature": b"a"})) == "signature_mismatch"
    assert refusal("hubspot_form", sent(CONTACT, {"x-hubspot-signature-v3": b"a"})) == "timestamp_missing"
    assert refusal("hubspot_form", sent(CONTACT, {"x-api-key": b"other"})) == "signature_missing"


def test_a_key_in_the_query_is_not_kept() -> None:
    kept = FORM_KINDS["hubspot_form"].redact(FormRequest(query=b"a=1&api_key=" + SECRET))
    assert kept.query == b"a=1&api_key=[redacted]"


def test_the_contact_of_a_workflow_is_a_lead() -> None:
    found = one("hubspot_form", sent(CONTACT))
    assert (found.id, found.record) == ("5:c-2", "5")
    assert found.lead == {
        "email": "ana@kundin.example", "first_name": "Ana", "last_name": "Ruiz", "utm": {"source": "ads"},
        "pages": ["https://k.example/?utm_source=ads"], "attributes": {"form_name": "Demo"},
    }  # fmt: skip
    assert found.unmapped == {
        "topics": ["a", "b"], "ok": "true", "hs_analytics_source": "PAID_SEARCH",
        "newsletter_consent": "true",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("options", "consent"),
    [
        (None, None),
        ({"consent": {"consentToProcess": True, "communications": []}}, None),
        (
            {"consent": {"communications": [{"value": True, "subscriptionTypeId": 9, "text": "News"}]}},
            {"email": True},
        ),
        ({"consent": {"communications": [{"value": "Yes, news"}]}}, {"email": False}),
        ({"legitimateInterest": {"value": True, "subscriptionTypeId": 9}}, None),
    ],
)
def test_a_submission_is_a_lead_with_the_consent_that_was_asked_for(options: Any, consent: Any) -> None:
    found = one("hubspot_form", sent({**SUBMISSION, "legalConsentOptions": options}))
    assert found.id == "h1:1764578220000"
    assert found.lead.get("consent") == consent
    assert (found.lead["email"], found.lead["utm"]) == ("ana@kundin.example", {"source": "ads"})
    assert found.lead["ip"] == "203.0.113.9"
    assert found.lead["attributes"] == {"message": "Hello; please call"}
    assert found.unmapped == {"topics": ["a", "b"]}


def test_an_item_of_the_read_api_is_a_lead() -> None:
    assert one("hubspot_form", sent(READ)).id == "c-2"
    assert [
        each.id for each in parsed("hubspot_form", sent({"results": [READ, {**READ, "conversionId": "c-3"}]}))
    ] == ["c-2", "c-3"]


def test_missing_parts_are_no_failure() -> None:
    profile = [{"identities": [{"type": "EMAIL", "value": "b@kundin.example"}, None]}]
    found = one("hubspot_form", sent({"vid": 6, "properties": {}, "identity-profiles": profile}))
    assert found.lead == {"email": "b@kundin.example"}
    several = [{"name": "topics", "value": "a"}, {"name": "topics", "value": "b"}, {"value": 1}, None]
    assert one("hubspot_form", sent({"fields": several})).unmapped == {"topics": ["a", "b"]}


def test_a_form_may_ask_for_properties_of_the_company() -> None:
    fields = [{"objectTypeId": "0-2", "name": "name", "value": "Kunde AG"}, *FIELDS]
    lead = one("hubspot_form", sent({**SUBMISSION, "fields": fields})).lead
    assert (lead["company"], "first_name" in lead) == ("Kunde AG", False)


def test_overload_is_told_in_milliseconds() -> None:
    kind = FORM_KINDS["hubspot_form"]
    assert kind.not_now(429, 3).headers == {"Retry-After": "3000"}
    assert kind.retries == {429}


@pytest.mark.parametrize("body", [{}, [], {"results": []}, 3, b"<a/>"])
def test_other_bodies_are_unreadable(body: Any) -> None:
    assert is_unreadable("hubspot_form", sent(body))


def test_the_company_of_a_contact_is_read_where_the_contact_says_nothing() -> None:
    company = {"name": {"value": "Kundin AG"}, "numberofemployees": {"value": "500"}, "x": {"value": "1"}}
    contact = {
        **CONTACT,
        "properties": {"email": {"value": "ana@kundin.example"}, "numemployees": {"value": "25-50"}},
        "associated-company": {"company-id": 7, "properties": company},
    }
    lead = one("hubspot_form", sent(contact)).lead
    assert (lead["company"], lead["employees"]) == ("Kundin AG", "25-50")


def test_the_type_of_an_object_may_stand_before_the_name() -> None:
    values = [{"name": "0-1/email", "value": "ana@kundin.example"}, {"name": "0-2/name", "value": "Kundin"}]
    lead = one("hubspot_form", sent({"conversionId": "c-9", "values": values})).lead
    assert (lead["email"], lead["company"]) == ("ana@kundin.example", "Kundin")
    assert "last_name" not in lead
