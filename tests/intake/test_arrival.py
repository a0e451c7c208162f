"""Leads are normalized. What cannot be read is kept and flagged, and nothing raises."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.contract.requests import LeadInput
from app.intake.arrival import normalize, with_declared
from app.intake.website import website_domain
from app.plan.language.fields import DERIVED, Field, Kind
from tests.intake.own_fields import own

FROM_OTHERS = ("email_domain", "website_domain", "flags", *DERIVED)


def test_whole_lead_is_normalized() -> None:
    arrival = normalize(
        {
            "external_id": " Form-1931 ",
            "email": "Jane.Doe@ACME.example",
            "phone": "030 123456",
            "company": "Cafe\u0301 Zo\u0308e ",
            "website": "https://www.acme.example/jobs?x=1",
            "country": "Germany",
            "language": "de-AT",
            "annual_revenue": 40_000_000.0,
            "state": "  ",
            "crm": {"lead_id": "00Q1", "owner_id": ""},
        }
    )
    assert own(arrival.values) == {
        "external_id": "Form-1931",
        "email": "jane.doe@acme.example",
        "email_domain": "acme.example",
        "phone": "+4930123456",
        "company": "Café Zöe",
        "website": "https://www.acme.example/jobs?x=1",
        "website_domain": "acme.example",
        "country": "DE",
        "language": "de",
        "annual_revenue": 40_000_000,
        "crm": {"lead_id": "00Q1"},
    }
    assert isinstance(arrival.values["annual_revenue"], int)
    assert arrival.flags == ()
    assert arrival.keys == (
        ("external_id", "Form-1931", ""),
        ("crm_lead", "00Q1", ""),
        ("email", "jane.doe@acme.example", ""),
        ("phone", "+4930123456", ""),
    )
    assert own(arrival.normalized) == {
        "email": "jane.doe@acme.example",
        "email_domain": "acme.example",
        "phone": "+4930123456",
        "country": "DE",
        "language": "de",
        "website_domain": "acme.example",
        "flags": [],
    }


@pytest.mark.parametrize(
    ("sent", "reported"),
    [
        (
            {"email": '"Mara Lind" <mara@kunde.example>'},
            {"email": "mara@kunde.example", "first_name": "Mara", "last_name": "Lind"},
        ),
        (
            {"email": '"Mara Lind" <mara@kunde.example>', "last_name": "Berg"},
            {"email": "mara@kunde.example"},
        ),
        ({"attributes": {"seats": "5", "color": "red"}}, {"attributes": {"seats": 5}}),
        ({"attributes": {"crm": {"vip": "on", "color": "red"}}}, {"attributes": {"crm": {"vip": True}}}),
        ({"attributes": {"seats": 5, "color": "red", "crm": {"vip": True}}}, {}),
        ({"attributes": {"seats": "many"}}, {"flags": ["number_unreadable"]}),
    ],
)
def test_everything_that_intake_changes_is_reported(sent: dict[str, Any], reported: dict[str, Any]) -> None:
    declared = (Field("attributes.seats", Kind.INTEGER, ""), Field("attributes.crm.vip", Kind.BOOLEAN, ""))
    normalized = with_declared(normalize(sent), declared).normalized
    normalized.pop("email_domain", None)
    assert own(normalized) == {"flags": [], **reported}


@pytest.mark.parametrize(
    ("sent", "kept", "flag"),
    [
        ({"email": " jane@acme "}, "jane@acme", "email_malformed"),
        ({"phone": "12 "}, "12", "phone_malformed"),
        ({"country": "Atlantis"}, "Atlantis", "country_unknown"),
        ({"website": "soon!"}, "soon!", "website_malformed"),
        ({"language": "Plattdüütsch"}, "Plattdüütsch", "language_unknown"),
        ({"language": "A\u0130"}, "A\u0130", "language_unknown"),
    ],
)
def test_unreadable_value_is_kept_and_flagged_and_identifies_nobody(
    sent: dict[str, str], kept: str, flag: str
) -> None:
    arrival = normalize(sent)
    [name] = sent
    assert own(arrival.values) == {name: kept, "flags": [flag]}
    assert arrival.flags == (flag,)
    assert arrival.normalized["flags"] == [flag]
    assert arrival.keys == ()


def test_phone_is_parsed_in_the_country_of_the_lead() -> None:
    assert normalize({"phone": "030 123456", "country": "Deutschland"}).keys == (
        ("phone", "+4930123456", ""),
    )
    assert normalize({"phone": "030 123456"}).flags == ("phone_malformed",)
    assert normalize({"phone": "030 123456", "country": "Atlantis"}).flags == (
        "country_unknown",
        "phone_malformed",
    )


@pytest.mark.parametrize(
    ("first", "second", "same"),
    [
        ({"email": "Jane@ACME.example"}, {"email": " jane@acme.example"}, True),
        ({"email": "jane+a@acme.example"}, {"email": "jane@acme.example"}, False),
        ({"external_id": "a1 "}, {"external_id": "a1"}, True),
        ({"external_id": "a1"}, {"external_id": "A1"}, False),
        ({"external_id": "e\u0301"}, {"external_id": "\u00e9"}, True),
        ({"crm": {"lead_id": "00Qa"}}, {"crm": {"lead_id": "00QA"}}, False),
        ({"phone": "+49 30 123456"}, {"phone": "030123456", "country": "DE"}, True),
        ({"phone": "+49 30 123456 ext 1"}, {"phone": "+49 30 123456 ext 2"}, False),
        ({"external_id": "x"}, {"crm": {"lead_id": "x"}}, False),
    ],
)
def test_keys_match_only_for_the_same_lead(first: dict[str, Any], second: dict[str, Any], same: bool) -> None:
    assert (set(normalize(first).keys) == set(normalize(second).keys)) is same


@pytest.mark.parametrize(
    ("sent", "code"),
    [
        ("DE", "DE"), ("de", "DE"), (" Germany ", "DE"), ("UK", "GB"), ("USA", "US"), ("Deutschland", "DE"),
        ("NO", "NO"), ("France", "FR"), ("CÔTE D'IVOIRE", "CI"), ("Österreich", "AT"),
    ],
)  # fmt: skip
def test_country_becomes_its_code(sent: str, code: str) -> None:
    assert own(normalize({"country": sent}).values) == {"country": code}


@pytest.mark.parametrize(
    ("sent", "code"),
    [("de", "de"), ("DE", "de"), ("de-DE", "de"), ("pt_BR", "pt"), ("zh-Hant-TW", "zh"), ("gsw", "gsw")],
)
def test_language_becomes_its_primary_subtag(sent: str, code: str) -> None:
    assert own(normalize({"language": sent}).values) == {"language": code}


@pytest.mark.parametrize(
    ("sent", "host"),
    [
        ("https://www.acme.example", "acme.example"),
        ("acme.example", "acme.example"),
        ("WWW.ACME.example.", "acme.example"),
        ("//acme.example:8080/x", "acme.example"),
        ("http://jane:secret@acme.example/", "acme.example"),
        ("http://acme.example\\@evil.example", "acme.example"),
        ("https://stock.acme.co.uk?q=a.b", "stock.acme.co.uk"),
        ("https://bücher.de", "xn--bcher-kva.de"),
        ("www.de", "www.de"),
        ("", None),
        ("acme", None),
        ("http://", None),
        ("http://[::1", None),
        ("https://192.0.2.1", None),
        ("javascript:alert(1)", None),
        ("not yet", None),
        ("http://" + "a." * 200 + "example", None),
    ],
)
def test_website_is_identified_by_its_host(sent: str, host: str | None) -> None:
    assert website_domain(sent) == host


def test_times_are_converted_to_utc() -> None:
    east = timezone(timedelta(hours=2))
    arrival = normalize(
        {
            "last_seen_at": datetime(2026, 11, 20, 12, tzinfo=east),
            "engagement": [{"at": datetime(2026, 11, 20, 12, tzinfo=east)}],
        }
    )
    at = datetime(2026, 11, 20, 10, tzinfo=UTC)
    assert own(arrival.values) == {"last_seen_at": at, "engagement": [{"at": at}]}


def test_empty_values_are_dropped_at_every_level() -> None:
    sent = {
        "first_name": " ",
        "pages": ["", "pricing"],
        "utm": {"source": ""},
        "attributes": {"a": {"b": "\u00a0"}},
    }
    assert own(normalize(sent).values) == {"pages": ["pricing"]}


def test_false_and_zero_are_kept() -> None:
    sent = {"visits": 0, "consent": {"email": False}, "attributes": {"n": 0.0, "f": False}}
    assert own(normalize(sent).values) == sent


_TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=40)
_PIECES = st.lists(
    st.sampled_from(["@", ".", "+", "00", "www.", "://", "xn--", "ß", "İ", "é", "１", "[", "]", "ext", "/"])
)
_ODD = _TEXT | _PIECES.map("".join)
_LEAVES = _ODD | st.none() | st.booleans() | st.floats(-1e15, 1e15)
_FREE = st.recursive(_LEAVES, lambda inner: st.lists(inner) | st.dictionaries(_TEXT, inner), max_leaves=5)
_NAMED = ("external_id", "email", "phone", "website", "country", "language", "city")


@settings(max_examples=600, deadline=None)
@given(
    st.fixed_dictionaries(
        {"company": st.just("ACME")},
        optional={
            **dict.fromkeys(_NAMED, _ODD),
            "attributes": st.dictionaries(_TEXT, _FREE, max_size=3),
            "pages": st.lists(_ODD, max_size=3),
            "utm": st.dictionaries(_TEXT, _ODD, max_size=3),
        },
    )
)
def test_every_valid_lead_is_normalized_and_normalizing_again_changes_nothing(sent: dict[str, Any]) -> None:
    lead = LeadInput.model_validate(sent).model_dump(exclude_none=True)
    arrival = normalize(lead)
    orjson.dumps(arrival.normalized)
    assert len({key.kind for key in arrival.keys}) == len(arrival.keys)
    assert all(key and key == key.strip() for _, key, _ in arrival.keys)
    again = normalize({name: value for name, value in arrival.values.items() if name not in FROM_OTHERS})
    assert again == arrival


@pytest.mark.parametrize(
    "sent",
    [
        "mara@kunde.example;",
        "\ufeffmara@kunde.example",
        "mara@kunde.example\u200b",
        "<mailto:mara@kunde.example>",
    ],
)
def test_what_a_paste_leaves_around_an_address_is_no_part_of_it(sent: str) -> None:
    arrival = normalize({"email": sent})
    assert (arrival.values["email"], arrival.flags) == ("mara@kunde.example", ())
