"""Gravity Forms: what entries say, with numbers or names for keys."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.forms.vendors.sent import form, is_unreadable, one, parsed, sent

ENTRY = {
    "1.3": "Ida", "1.6": "Berg", "2": "ida@kundin.example", "3": "", "5.1": "Demo", "5.2": "",
    "5.3": "Preise", "7": "51-200", "date_created": "2026-11-30 08:15:00", "id": "811", "form_id": "4",
    "ip": "203.0.113.9", "source_url": "https://kunde.example/?utm_source=fair", "is_read": "0",
}  # fmt: skip
MAPPING = {"product_interest": ["5"], "employees": ["7"]}


@pytest.mark.parametrize("request_", [sent(ENTRY), form(ENTRY), sent(dict(reversed(ENTRY.items())))])
def test_numbered_keys_are_a_lead(request_: Any) -> None:
    found = one("gravity_forms", request_, MAPPING)
    assert found.lead == {
        "first_name": "Ida", "last_name": "Berg", "email": "ida@kundin.example",
        "product_interest": ["Demo", "Preise"], "employees": "51-200", "utm": {"source": "fair"},
        "pages": ["https://kunde.example/?utm_source=fair"],
        "attributes": {"form_id": "4"},
        "ip": "203.0.113.9",
    }  # fmt: skip
    assert (found.id, found.unmapped) == ("4:811", {})
    assert found.at == datetime(2026, 11, 30, 8, 15, tzinfo=UTC)


def test_a_label_beside_the_number_changes_nothing() -> None:
    assert one("gravity_forms", sent({**ENTRY, "Email": "ida@kundin.example"}), MAPPING).unmapped == {}


def test_without_a_mapping_numbers_are_kept() -> None:
    assert one("gravity_forms", sent(ENTRY)).unmapped == {"5": ["Demo", "Preise"], "7": "51-200"}


def test_chosen_fields_have_names() -> None:
    body = {"email": "ida@kundin.example", "Firma": "Kunde AG", "entry_id": 5, "form_id": 4}
    found = one("gravity_forms", form(body))
    assert found.id == "4:5"
    assert (found.lead["email"], found.lead["company"]) == ("ida@kundin.example", "Kunde AG")


def test_without_an_id_the_same_body_repeats_for_ten_minutes() -> None:
    first, second = (one("gravity_forms", sent({"email": f"{name}@kundin.example"})) for name in "ab")
    assert first.id != second.id
    assert first.repeats_for == timedelta(minutes=10)
    assert one("gravity_forms", sent({"email": "a@kundin.example"})).id == first.id


def test_addresses_and_consents_have_parts() -> None:
    address = {"4.1": "Weg 1", "4.2": "", "4.3": "Graz", "4.4": "Steiermark", "4.5": "8010", "4.6": "Austria"}
    consent = {"9.1": "1", "9.2": "I agree to receive e-mails", "9.3": "12"}
    lead = one("gravity_forms", sent({"2": "a@kundin.example", **address, **consent})).lead
    assert (lead["city"], lead["postal_code"], lead["country"]) == ("Graz", "8010", "Austria")
    assert lead["consent"] == {"email": "1"}


def test_a_mapping_may_name_one_part() -> None:
    assert one("gravity_forms", sent(ENTRY), {"lead_type": ["5.1"]}).lead["lead_type"] == "Demo"


def test_a_list_holds_several_entries() -> None:
    assert [each.id for each in parsed("gravity_forms", sent([ENTRY, {**ENTRY, "id": "812"}]))] == [
        "4:811",
        "4:812",
    ]


@pytest.mark.parametrize("body", [[], [1], b"", b"\xff"])
def test_other_bodies_are_unreadable(body: Any) -> None:
    assert is_unreadable("gravity_forms", sent(body))
