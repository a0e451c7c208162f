"""What is sent as text is read; what cannot be read is kept and flagged."""

from datetime import UTC, datetime
from typing import Any

import pytest

from app.contract.requests import LeadInput
from app.intake.arrival import normalize, with_declared
from app.intake.readings import Hints
from app.plan.document.own_fields import declare_fields
from tests.intake.own_fields import own


def read(fields: dict[str, Any], hints: Hints | None = None) -> tuple[dict[str, Any], tuple[str, ...]]:
    """The values and flags of a lead sent through the API."""
    lead = LeadInput.model_validate({"company": "ACME", **fields}).model_dump(exclude_none=True)
    arrival = normalize(lead, hints=hints or Hints())
    values = {name: value for name, value in own(arrival.values).items() if name not in ("company", "flags")}
    return values, arrival.flags


@pytest.mark.parametrize(
    ("fields", "values", "flags"),
    [
        ({"employees": "250"}, {"employees": 250}, ()),
        ({"employees": 250.0}, {"employees": 250}, ()),
        ({"employees": "51-200"}, {"employees": "51-200"}, ()),
        ({"employees": "about fifty"}, {"employees": "about fifty"}, ("number_unreadable",)),
        ({"employees": "1,200"}, {"employees": 1200}, ("number_ambiguous",)),
        ({"employees": "1,200", "visits": "x"}, {"employees": 1200, "visits": "x"}, ("number_unreadable",)),
        ({"annual_revenue": "$1,250,000"}, {"annual_revenue": 1_250_000}, ()),
        ({"country": "DE", "annual_revenue": "1.250"}, {"country": "DE", "annual_revenue": 1250}, ()),
        ({"country": "US", "annual_revenue": "1.250"}, {"country": "US", "annual_revenue": 1.25}, ()),
        ({"consent": {"email": "on", "sms": "no"}}, {"consent": {"email": True, "sms": False}}, ()),
        ({"consent": {"email": "I agree"}}, {"consent": {"email": "I agree"}}, ("consent_unreadable",)),
        ({"last_seen_at": "31.12.2026"}, {"last_seen_at": datetime(2026, 12, 31, tzinfo=UTC)}, ()),
        ({"last_seen_at": "03/04/2026"}, {"last_seen_at": "03/04/2026"}, ("date_ambiguous",)),
        ({"last_seen_at": "soon"}, {"last_seen_at": "soon"}, ("date_unreadable",)),
        ({"engagement": [{"at": "x", "count": "2"}]}, {"engagement": [{"at": "x", "count": 2}]},
        ("date_unreadable",)),
        ({"country": "US", "state": "Atlantis"}, {"country": "US", "state": "Atlantis"}, ("state_unknown",)),
        ({"country": "US", "postal_code": "K1A"}, {"country": "US", "postal_code": "K1A"},
        ("postal_code_invalid",)),
        ({"country": "US", "postal_code": 2139}, {"country": "US", "postal_code": "02139"}, ()),
        ({"country": "n/a"}, {"country": "n/a"}, ("country_unknown",)),
        ({"language": "German, Plattsprech"}, {"language": ["de", "Plattsprech"]}, ("language_unknown",)),
    ],
)  # fmt: skip
def test_value_is_read_or_kept_and_flagged(
    fields: dict[str, Any], values: dict[str, Any], flags: tuple[str, ...]
) -> None:
    got, said = read(fields)
    assert got == values
    assert said == flags or set(said) >= set(flags)


def test_file_says_how_it_writes_numbers_and_dates() -> None:
    sent = {"country": "US", "annual_revenue": "1.250", "last_seen_at": "03/04/2026"}
    values, flags = read(sent, Hints(decimal="comma", dates="dmy"))
    assert (values["annual_revenue"], values["last_seen_at"]) == (1250, datetime(2026, 4, 3, tzinfo=UTC))
    assert flags == ()


def test_declared_attributes_have_their_types() -> None:
    declared = declare_fields(
        {
            "attributes.seats": {"type": "integer"},
            "attributes.vip": {"type": "boolean"},
            "attributes.since": {"type": "timestamp"},
            "attributes.code": {"type": "string"},
            "attributes.tags": {"type": "string[]"},
            "attributes.deal.size": {"type": "number"},
            "attributes.absent": {"type": "number"},
        }
    )
    sent = {"seats": "51-200", "vip": "yes", "since": "31.12.2026", "code": 7, "tags": "a; b",
            "deal": {"size": "$1.5M", "x": 1}, "other": "7"}  # fmt: skip
    arrival = normalize({"attributes": sent})
    typed = with_declared(arrival, declared)
    assert typed.values["attributes"] == {
        "seats": "51-200", "vip": True, "since": "2026-12-31T00:00:00Z", "code": "7", "tags": ["a", "b"],
        "deal": {"size": 1_500_000, "x": 1}, "other": "7",
    }  # fmt: skip
    assert typed.flags == ()
    assert arrival.values["attributes"] == sent
    unread = with_declared(
        normalize({"attributes": {"seats": "many", "vip": "perhaps", "since": "x"}}), declared
    )
    assert unread.flags == ("number_unreadable", "boolean_unreadable", "date_unreadable")
    assert unread.values["flags"] == list(unread.flags)
