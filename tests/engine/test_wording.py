"""The sentence a rep reads."""

from datetime import UTC, datetime
from typing import Any

import pytest

from app.engine.conditions.condition import compile_condition
from app.engine.explain import sentences
from app.plan.language.conditions import parse_condition
from app.plan.language.fields import PIPELINE

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
PERSON: dict[str, Any] = {
    "external_id": "form-1931",
    "email": "jane.doe@acme.example",
    "email_domain": "acme.example",
    "phone": "+4930123456",
    "first_name": "Jane",
    "last_name": "Doe",
    "title": "VP Sales",
    "company": "ACME GmbH",
    "website": "https://acme.example",
    "website_domain": "acme.example",
    "city": "Berlin",
    "postal_code": "10115",
    "referrer": "https://ref.example/jane",
    "crm": {"lead_id": "00Q1", "account_id": "0011", "owner_id": "005A"},
    "attributes": {"nickname": "Janey"},
}
LEAD = PERSON | {
    "country": "DE",
    "state": "BE",
    "employees": 1500,
    "lead_type": "demo_request",
    "customer_status": "active",
    "consent": {"email": True},
    "trial_ends_at": NOW,
    "pages": ["pricing"],
    "source": "jane@acme.example",
    "campaign": "x" * 100,
    "utm": {"{}": "odd"},
}


def sentence(when: object = None, **more: Any) -> str:
    because = compile_condition(parse_condition(when, PIPELINE)).satisfied(LEAD, NOW) if when else ()
    told = {
        "strategy": "rule",
        "step": "dach",
        "kind": "team",
        "target": "dach",
        "owner": "Ana",
        "pick": "least_loaded",
    }
    return sentences.settled(because=because, **{**told, **more})


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({}, "Rule dach: Ana has the fewest open leads in dach."),
        ({"when": {"country": "DE"}}, "Rule dach: from Germany; Ana has the fewest open leads in dach."),
        ({"pick": "longest_idle"}, "Rule dach: Ana has waited longest in dach."),
        ({"pick": "round_robin"}, "Rule dach: it is Ana's turn in dach."),
        ({"kind": "owner", "target": "ana", "pick": None}, "Rule dach: goes to Ana."),
        ({"kind": "queue", "target": "desk", "owner": None}, "Rule dach: waits in queue desk."),
        ({"kind": "path", "target": "newsletter", "owner": None}, "Rule dach: takes path newsletter."),
        ({"kind": "block", "target": "students", "owner": None}, "Rule dach: blocked by students."),
        (
            {
                "strategy": "round_robin",
                "step": "inbound",
                "target": "inbound",
                "owner": "Ben",
                "pick": "round_robin",
            },
            "Round robin in inbound: it is Ben's turn.",
        ),
        (
            {"strategy": "round_robin", "step": "inbound", "target": "inbound", "owner": "Ben"},
            "Round robin inbound: Ben has the fewest open leads in inbound.",
        ),
        (
            {"strategy": "round_robin", "step": "inbound", "kind": "queue", "target": "late", "owner": None},
            "Round robin inbound: waits in queue late.",
        ),
        (
            {"strategy": "queue", "step": "unrouted", "kind": "queue", "target": "unrouted", "owner": None},
            "No earlier step took it; it waits in queue unrouted.",
        ),
        (
            {
                "strategy": "queue",
                "step": "q",
                "kind": "queue",
                "target": "q",
                "owner": None,
                "when": {"country": "DE"},
            },
            "Queue q: from Germany.",
        ),
        (
            {"strategy": "manual", "step": "manual", "pick": "round_robin"},
            "By hand: it is Ana's turn in dach.",
        ),
        ({"strategy": "nearest", "step": "near"}, "Step near: Ana has the fewest open leads in dach."),
    ],
)
def test_settled(more: dict[str, Any], expected: str) -> None:
    assert sentence(**more) == expected


@pytest.mark.parametrize(
    ("when", "reasons"),
    [
        ({"country": ["AT", "DE"]}, "from Germany"),
        ({"country": "DE", "state": "BE"}, "from Germany and in BE"),
        ({"employees": {"gt": 5, "lt": 2_000}}, "1,500 employees"),
        ({"lead_type": {"ne": "support"}}, "lead type demo_request"),
        (
            {"customer_status": "active", "consent.email": True},
            "customer status active and consent.email yes",
        ),
        ({"trial_ends_at": {"lte": "now"}}, "trial ends at 2026-11-20"),
        ({"pages": {"contains": "pricing"}}, "looked at pricing"),
        ({"tier": None, "phone": {"exists": True}}, "without tier and with phone"),
        ({"title": {"matches": "VP"}, "company": {"prefix": "acme"}}, "by title and by company"),
        ({"attributes.nickname": "janey"}, "by attributes.nickname"),
        ({"source": {"contains": "@"}}, "by source"),
        ({"campaign": {"prefix": "x"}}, "by campaign"),
        ({"utm.{}": "odd"}, "utm.{} odd"),
        (
            {
                "country": "DE",
                "state": "BE",
                "lead_type": {"ne": "x"},
                "employees": {"gt": 1},
                "title": {"ne": "x"},
            },
            "from Germany, in BE, lead type demo_request and 2 more",
        ),
    ],
)
def test_reasons(when: object, reasons: str) -> None:
    assert sentence(when) == f"Rule dach: {reasons}; Ana has the fewest open leads in dach."


def test_no_personal_value_is_told_whatever_a_rule_asks() -> None:
    flat = {name: value for name, value in PERSON.items() if isinstance(value, str)}
    nested = {
        f"{outer}.{name}": value for outer in ("crm", "attributes") for name, value in PERSON[outer].items()
    }
    for name, value in {**flat, **nested}.items():
        for test in (
            {"eq": value},
            {"prefix": value[:3]},
            {"contains": value[1:]},
            {"in": [value]},
            {"exists": True},
        ):
            said = sentence({name: test})
            assert value not in said
            assert name.replace("_", " ") in said


def test_other_ways_to_an_owner() -> None:
    assert sentences.returning_lead("duplicate", "Ana") == "Submitted twice: Ana has this lead already."
    assert sentences.returning_lead("reengaged", "Ana") == "Known person: stays with Ana."
    assert sentences.known_in_queue("q") == "Known person: keeps the place in queue q."
    assert sentences.claimed("Ana", "q") == "Ana claimed it from queue q."
    assert sentences.manual("Ana") == "Given to Ana by hand."
    assert sentences.fallback_queue("unrouted") == "No step of the plan took it; it waits in queue unrouted."
