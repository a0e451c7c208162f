"""Elementor, WPForms and Contact Form 7: labels, numbers and details as keys."""

from datetime import timedelta
from typing import Any

import pytest

from tests.forms.vendors.sent import form, is_unreadable, one, sent

KINDS = ("elementor", "wpforms", "contact_form_7")
ADVANCED = {
    "form[id]": "f1", "form[name]": "Kontakt",
    **{f"fields[name][{name}]": value for name, value in
       {"id": "name", "type": "text", "title": "", "value": "Ida Berg", "raw_value": "Ida Berg"}.items()},
    **{f"fields[field_a1][{name}]": value for name, value in
       {"id": "field_a1", "type": "email", "title": "Wohin?", "value": "ida@kundin.example"}.items()},
    **{f"fields[field_b2][{name}]": value for name, value in
       {"id": "field_b2", "type": "acceptance", "title": "I agree to get e-mails", "value": "on"}.items()},
    **{f"fields[field_c3][{name}]": value for name, value in
       {"id": "field_c3", "type": "checkbox", "title": "Budget", "value": "", "raw_value": "5k"}.items()},
    "meta[page_url][title]": "Page URL", "meta[page_url][value]": "https://k.example/?utm_source=ads",
    "meta[remote_ip][value]": "203.0.113.9",
}  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
def test_details_of_fields(kind: str) -> None:
    found = one(kind, form(ADVANCED))
    assert found.lead == {
        "first_name": "Ida", "last_name": "Berg", "email": "ida@kundin.example", "consent": {"email": "on"},
        "pages": ["https://k.example/?utm_source=ads"], "utm": {"source": "ads"},
        "attributes": {"form_id": "f1", "form_name": "Kontakt"},
        "ip": "203.0.113.9",
    }  # fmt: skip
    assert found.unmapped == {"Budget": "5k"}


def test_elementor_with_labels_for_keys() -> None:
    body = [
        ("Name", "Ida Berg"), ("No Label field_x", "ida@kundin.example"), ("Interessen[]", "A"),
        ("Interessen[]", "B"), ("Date", "30. November 2026"), ("Time", "08:15"), ("User Agent", "x"),
        ("Page URL", "https://k.example/"), ("Remote IP", "203.0.113.9"), ("Powered by", "Elementor"),
        ("form_id", "f1"), ("form_name", "Kontakt"),
    ]  # fmt: skip
    found = one("elementor", form(body))
    assert found.lead == {
        "first_name": "Ida", "last_name": "Berg", "email": "ida@kundin.example", "product_interest": ["A",
        "B"],
        "pages": ["https://k.example/"],
        "attributes": {"form_id": "f1", "form_name": "Kontakt"},
        "ip": "203.0.113.9",
    }  # fmt: skip
    assert found.unmapped == {}


def test_wpforms_with_numbers_for_keys() -> None:
    body = [
        ("wpforms[fields][0][first]", "Ida"), ("wpforms[fields][0][last]", "Berg"),
        ("wpforms[fields][1]", "ida@kundin.example"), ("wpforms[fields][2][]", "A"),
        ("wpforms[fields][2][]", "B"),
        ("wpforms[fields][3][city]", "Graz"), ("wpforms[id]", "9"), ("wpforms[nonce]", "n"),
        ("wpforms[submit]", "x"),
    ]  # fmt: skip
    found = one("wpforms", form(body), {"product_interest": ["2"]})
    assert found.lead == {
        "first_name": "Ida", "last_name": "Berg", "email": "ida@kundin.example", "city": "Graz",
        "product_interest": ["A", "B"], "attributes": {"form_id": "9"},
    }  # fmt: skip


def test_wpforms_as_json_with_an_entry() -> None:
    fields = {"1": {"name": "E-Mail", "value": "ida@kundin.example", "id": 1, "type": "email"}}
    found = one("wpforms", sent({"form_id": 9, "entry_id": 77, "fields": fields}))
    assert (found.id, found.lead["email"]) == ("9:77", "ida@kundin.example")
    assert found.repeats_for == timedelta(days=180)


def test_contact_form_7_with_tags_for_keys() -> None:
    body = {
        "your-name": "Ida Berg", "your-email": "ida@kundin.example", "tel-953": "0301234567",
        "your-message": "Hi",
        "menu-12": "A", "_wpcf7": "5", "_wpcf7_version": "6", "_wpcf7_unit_tag": "t", "date": "2026-12-24",
    }  # fmt: skip
    found = one("contact_form_7", form(body))
    assert found.lead == {
        "first_name": "Ida", "last_name": "Berg", "email": "ida@kundin.example", "phone": "0301234567",
        "attributes": {"form_id": "5", "message": "Hi"},
    }  # fmt: skip
    assert found.unmapped == {"menu-12": "A", "date": "2026-12-24"}


@pytest.mark.parametrize("kind", KINDS)
def test_without_an_id_the_same_answers_repeat_for_ten_minutes(kind: str) -> None:
    first, again, other = (one(kind, form({"email": f"{name}@kundin.example"})) for name in "aab")
    assert first.id == again.id != other.id
    assert first.repeats_for == timedelta(minutes=10)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("body", [{}, [], b"", b"\xff\xfe\x00", b"[" * 300])
def test_other_bodies_are_unreadable(kind: str, body: Any) -> None:
    assert is_unreadable(kind, sent(body))


def test_the_parts_of_names_and_addresses_and_several_ticks_are_read() -> None:
    fields = {
        "0": {"id": 0, "type": "name", "name": "Name", "value": "Ada Roe", "first": "Ada", "last": "Roe"},
        "1": {"id": 1, "type": "email", "name": "E-Mail", "value": "ada@kunde.example"},
        "2": {"id": 2, "type": "checkbox", "name": "Topics", "value": "A\nB"},
        "3": {
            "id": 3,
            "type": "address",
            "name": "Address",
            "value": "Rue 1",
            "postal": "75001",
            "country": "FR",
        },
    }
    found = one("wpforms", sent({"entry_id": "4", "fields": fields}))
    assert found.lead == {
        "first_name": "Ada", "last_name": "Roe", "email": "ada@kunde.example", "postal_code": "75001",
        "country": "FR",
    }  # fmt: skip
    assert found.unmapped == {"Topics": ["A", "B"], "Address": "Rue 1"}
