"""The fields of a lead that came again."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.intake.arrival import normalize, with_declared
from app.intake.merging import merged
from app.plan.language.fields import Field, Kind

DECLARED = (Field("attributes.seats", Kind.INTEGER, ""), Field("attributes.vip", Kind.BOOLEAN, ""))


def after(*submissions: dict[str, Any]) -> dict[str, Any]:
    """The fields of a lead after these submissions."""
    fields: dict[str, Any] = {}
    for sent in submissions:
        fields = merged(fields, with_declared(normalize(sent), DECLARED).values, DECLARED)
    return fields


@pytest.mark.parametrize(
    ("sent", "read"),
    [
        ({"state": "California", "country": "US"}, {"state": "CA"}),
        ({"state": "Noord-Holland", "country": "NL"}, {"state": "Noord-Holland"}),
        ({"state": "California", "country": "DE"}, {"state": "US-CA", "flags": ["state_unknown"]}),
        ({"postal_code": "2139", "country": "US"}, {"postal_code": "02139"}),
        ({"postal_code": "D-80331", "country": "DE"}, {"postal_code": "80331"}),
        ({"postal_code": "2139", "country": "Germany"}, {"postal_code": "02139"}),
        ({"phone": "030 123456", "country": "DE"}, {"phone": "+4930123456"}),
        (
            {"phone": "12", "country": "DE"},
            {"phone": "12", "flags": ["phone_malformed"]},
        ),
    ],
)
@pytest.mark.parametrize("country_first", [True, False], ids=["country first", "country last"])
def test_country_that_comes_apart_reads_what_depends_on_it(
    sent: dict[str, Any], read: dict[str, Any], country_first: bool
) -> None:
    parts = [{"country": sent["country"]}, {name: sent[name] for name in sent if name != "country"}]
    fields = after(*(parts if country_first else reversed(parts)))
    assert {name: fields.get(name) for name in read} == read
    assert ("flags" in fields) is ("flags" in read)


@pytest.mark.parametrize(
    ("good", "bad", "flags", "kept"),
    [
        ({"email": "a@acme.example"}, {"email": "a@acme"}, ["email_malformed"],
         {"email_domain": "acme.example"}),
        ({"phone": "+49 30 123456"}, {"phone": "12x"}, ["phone_malformed"], {"phone": "+4930123456"}),
        ({"phone": "+49 30 901820"}, {"phone": "+1 212 555 0123"}, ["phone_implausible"], {}),
        ({"website": "acme.example"}, {"website": "soon!"}, ["website_malformed"],
         {"website_domain": "acme.example"}),
        ({"country": "DE"}, {"country": "Atlantis"}, ["country_unknown"], {"country": "DE"}),
        ({"country": "DE", "state": "Bayern"}, {"state": "Foo"}, ["state_unknown"], {"state": "BY"}),
        ({"country": "US", "postal_code": "02139"}, {"postal_code": "x"}, ["postal_code_invalid"], {}),
        ({"language": "de"}, {"language": "Plattdüütsch"}, ["language_unknown"], {"language": "de"}),
        ({"employees": 50}, {"employees": "many"}, ["number_unreadable"], {"employees": 50}),
        ({"employees": "51-200"}, {"employees": "many"}, ["number_unreadable"], {"employees": "51-200"}),
        ({"last_seen_at": "2026-11-20"}, {"last_seen_at": "soon"}, ["date_unreadable"], {}),
    ],
)  # fmt: skip
def test_unreadable_value_replaces_no_readable_one_and_stays_visible(
    good: dict[str, Any], bad: dict[str, Any], flags: list[str], kept: dict[str, Any]
) -> None:
    fields = after(good, bad)
    before = after(good)
    assert set(flags) <= set(fields["flags"])
    [name] = bad
    assert fields["unreadable"] == {name: normalize(bad).values[name]}
    assert {each: fields[each] for each in before} == before
    assert {each: fields[each] for each in kept} == kept
    assert after(good, bad, {"city": "Kiel"})["unreadable"] == fields["unreadable"]
    assert after(good, bad, good) == before
    assert after(bad, good) == before


@pytest.mark.parametrize(
    ("submissions", "flags"),
    [
        (({"employees": "many", "visits": "51-200"}, {"employees": 5}), []),
        (({"employees": "many", "attributes": {"color": "red"}}, {"employees": 5}), []),
        (({"employees": "many", "annual_revenue": "much"}, {"employees": 5}), ["number_unreadable"]),
        (({"attributes": {"seats": "many"}}, {"attributes": {"color": "red"}}), ["number_unreadable"]),
        (({"attributes": {"seats": "many"}}, {"attributes": {"seats": "5"}}), []),
        (({"attributes": {"vip": "perhaps"}}, {"attributes": {"vip": "yes"}}), []),
        (({"engagement": [{"type": "visit", "count": "many"}]}, {"city": "Kiel"}), ["number_unreadable"]),
        (
            ({"engagement": [{"type": "visit", "count": "many"}]}, {"engagement": [{"type": "call"}]}),
            ["number_unreadable"],
        ),
        (
            (
                {"engagement": [{"type": "visit", "count": "many"}]},
                {"engagement": [{"type": "visit", "count": 5}]},
            ),
            [],
        ),
        (({"engagement": [{"type": "visit", "at": "soon"}]}, {"employees": 5}), ["date_unreadable"]),
        (({"annual_revenue": "1.234"}, {"employees": 5}), ["number_ambiguous"]),
        (({"annual_revenue": "1.234"}, {"annual_revenue": 5}), []),
        (({"consent": {"email": "perhaps"}}, {"consent": {"sms": True}}), ["consent_unreadable"]),
        (({"consent": {"email": "perhaps"}}, {"consent": {"email": True}}), []),
    ],
)
def test_flag_goes_when_the_value_it_is_about_is_replaced(
    submissions: tuple[dict[str, Any], ...], flags: list[str]
) -> None:
    assert normalize_flags(submissions[0]) != []
    assert after(*submissions).get("flags", []) == flags


def normalize_flags(sent: dict[str, Any]) -> list[str]:
    return list(with_declared(normalize(sent), DECLARED).flags)


values = st.fixed_dictionaries(
    {},
    optional={
        "country": st.sampled_from(["US", "DE", "Atlantis"]),
        "state": st.sampled_from(["California", "BY", "Foo"]),
        "postal_code": st.sampled_from(["2139", "80331", "?"]),
        "phone": st.sampled_from(["030 123456", "+1 212 600 0100", "0000000000", "x"]),
        "email": st.sampled_from(["a@acme.example", "a@acme"]),
        "employees": st.sampled_from([5, "51-200", "many"]),
        "attributes": st.sampled_from([{"seats": "5"}, {"seats": "many"}, {"vip": "on"}]),
    },
)


@given(values, values)
def test_submission_that_comes_twice_changes_nothing(first: dict[str, Any], second: dict[str, Any]) -> None:
    fields = after(first, second)
    again = after(first, second, second)
    assert {**again, "flags": set(again.get("flags", ()))} == {
        **fields,
        "flags": set(fields.get("flags", ())),
    }


@given(values, values)
def test_lead_of_two_submissions_is_read_as_one_that_says_everything_at_once(
    first: dict[str, Any], second: dict[str, Any]
) -> None:
    """As long as the two name different fields, it does not matter in how many parts a lead comes."""
    second = {name: value for name, value in second.items() if name not in first}
    together = with_declared(normalize({**first, **second}), DECLARED).values
    fields = after(first, second)
    flags = fields.pop("flags", ())
    assert set(flags) == set(together.pop("flags", ()))
    if "state_unknown" in flags:
        fields.pop("state"), together.pop("state")  # without its country, California was US-CA
    assert fields == together
