"""What intake says of an address, a phone number and a place."""

from typing import Any

import pytest

from app.intake.accounts import keys_of_lead
from app.intake.arrival import normalize
from app.intake.lead_keys import look_ups
from app.intake.mail_domains import mail_classes
from app.intake.merging import merged


def contact(**sent: Any) -> dict[str, Any]:
    found: dict[str, Any] = normalize(sent).values["contact"]
    return found


@pytest.mark.parametrize(
    ("address", "verdict", "flags"),
    [
        ("mara@kunde.example", "valid", []),
        ("mara.lind@gmail.com", "valid", ["free"]),
        ("INFO@kunde.example", "valid", ["role"]),
        ("sales@gmail.com", "valid", ["role", "free"]),
        ("x@10minutemail.com", "valid", ["disposable"]),
        ("x@deep.10minutemail.com", "valid", ["disposable"]),
        ("x@not10minutemail.com", "valid", []),
        ("x@gawab.com", "valid", ["free", "list_conflict"]),
        ("x@gmial.com", "valid", ["free", "misspelled"]),
        ("comptabilite@kunde.example", "valid", ["role"]),
        ("x@kunde.example; y@kunde.example", "valid", []),
        ("9f2_k@privaterelay.appleid.com", "valid", ["relay"]),
        ("mara@appleid.com", "valid", []),
        ("mara@duck.com", "valid", ["relay"]),
        ("mara@sub.mozmail.com", "valid", ["relay"]),
        ("mara@kunde", "invalid", []),
        ("mara at kunde.example", "invalid", []),
        (None, "missing", []),
        ("  ", "missing", []),
    ],
)
def test_address_has_a_verdict_and_flags(address: str | None, verdict: str, flags: list[str]) -> None:
    found = contact(email=address, company="ACME")
    assert (found["email"], found["email_flags"]) == (verdict, flags)


@pytest.mark.parametrize(
    ("phone", "country", "verdict"),
    [
        ("+49 30 901820", None, "valid"),
        ("030 901820", "DE", "valid"),
        ("030 901820", None, "invalid"),
        ("call me", "DE", "invalid"),
        ("+1 212 555 0142", None, "implausible"),
        ("0000000000", "DE", "implausible"),
        ("+1 212 55", "US", "implausible"),
        (None, "DE", "missing"),
    ],
)
def test_phone_has_a_verdict(phone: str | None, country: str | None, verdict: str) -> None:
    assert contact(phone=phone, country=country, company="ACME")["phone"] == verdict


@pytest.mark.parametrize(
    ("sent", "parts"),
    [
        ({"country": "DE", "phone": "+49 30 901820", "postal_code": "10115", "state": "Berlin"}, []),
        ({"country": "DE", "phone": "+44 121 234 5678"}, ["phone"]),
        ({"country": "CA", "phone": "+1 212 736 5000"}, []),
        ({"country": "KZ", "phone": "+7 727 250 0000"}, []),
        ({"country": "FR", "phone": "+800 1234 5678"}, []),
        ({"country": "DE", "postal_code": "SW1A 1AA"}, ["postal_code"]),
        ({"country": "DE", "postal_code": "A-1010"}, ["postal_code"]),
        ({"country": "CZ", "postal_code": "1010"}, []),
        ({"country": "CZ", "postal_code": "1010", "phone": "+43 1 5130000"}, ["postal_code", "phone"]),
        ({"country": "US", "state": "CA", "postal_code": "94103"}, []),
        ({"country": "US", "state": "California", "postal_code": "10001"}, ["postal_code"]),
        ({"country": "US", "state": "New York", "postal_code": "10001-1234"}, []),
        ({"country": "CA", "state": "ON", "postal_code": "V6B 1A1"}, ["postal_code"]),
        ({"country": "DE", "state": "BY", "postal_code": "20095"}, ["postal_code"]),
        ({"country": "AU", "state": "NSW", "postal_code": "3000"}, ["postal_code"]),
        ({"country": "BR", "state": "SP", "postal_code": "20040-002"}, ["postal_code"]),
        ({"country": "DE", "state": "California"}, ["state"]),
        ({"state": "Texas", "phone": "+49 30 901820"}, ["phone"]),
        ({"phone": "+49 30 901820", "postal_code": "K1A 0B1"}, ["postal_code"]),
        ({"country": "Atlantis", "phone": "+49 30 901820"}, []),
        ({"country": "DE"}, []),
        ({}, []),
    ],
)
def test_places_that_contradict_are_named(sent: dict[str, Any], parts: list[str]) -> None:
    values = normalize({"company": "ACME", **sent}).values
    assert values["geo_conflict"] is bool(parts)
    assert values.get("geo_conflict_parts", []) == parts


def test_relay_is_known_by_the_whole_address_and_is_no_company() -> None:
    arrival = normalize({"email": "K3x@privaterelay.appleid.com"})
    assert ("email", "k3x@privaterelay.appleid.com", "") in look_ups(arrival.keys)
    assert [key.free_email_domain for key in keys_of_lead(arrival.values)] == [True]


def test_verdicts_follow_the_fields_of_a_returning_lead() -> None:
    first = normalize({"email": "mara@kunde.example", "phone": "030 901820"}).values
    assert first["contact"]["phone"] == "invalid"
    both = merged(first, normalize({"email": "mara@kunde.example", "country": "DE"}).values)
    assert both["contact"] == {"email": "valid", "email_flags": [], "phone": "valid"}
    worse = merged(both, normalize({"email": "mara", "phone": "+44 121 234 5678"}).values)
    assert worse["contact"]["email"] == "valid"
    assert worse["unreadable"] == {"email": "mara"}
    assert worse["geo_conflict_parts"] == ["phone"]


def test_lists_are_looked_up_by_whole_labels() -> None:
    assert mail_classes("gmail.com") == ("free",)
    assert mail_classes("ygmail.com") == ()
    assert mail_classes("mail.gmail.com") == ("free",)
