"""The sentence that a sales rep reads."""

from datetime import UTC, datetime
from typing import Any

import pytest

from app.engine.conditions.condition import compile_condition
from app.engine.explain import sentences
from app.engine.lookup.tables import RowMatch
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


QUEUE = {"kind": "queue", "target": "desk", "owner": None, "pick": None}
ROUND_ROBIN = {"strategy": "round_robin", "step": "inbound"}
ACCOUNT = {"strategy": "account", "step": "account", "kind": "owner", "pick": None}


def sentence(when: object = None, **more: Any) -> str:
    because = compile_condition(parse_condition(when, PIPELINE)).satisfied(LEAD, NOW) if when else ()
    plain = {
        "strategy": "rule",
        "step": "dach",
        "kind": "team",
        "target": "DACH",
        "owner": "Ana",
        "pick": "least_loaded",
    }
    return sentences.settled(because=because, **{**plain, **more})


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({}, "Assigned by rule dach. Ana has the fewest open leads in team DACH."),
        (
            {"when": {"country": "DE"}},
            "Assigned by rule dach (country Germany). Ana has the fewest open leads in team DACH.",
        ),
        (
            {"pick": "longest_idle"},
            "Assigned by rule dach. Ana has waited longest for a lead in team DACH.",
        ),
        ({"pick": "round_robin"}, "Assigned by rule dach. Ana is next in team DACH."),
        ({"kind": "owner", "target": "ana", "pick": None}, "Assigned to Ana by rule dach."),
        ({**QUEUE, "when": {"country": "DE"}}, "Sent to queue desk by rule dach (country Germany)."),
        ({**QUEUE, "kind": "path", "target": "newsletter"}, "Sent to path newsletter by rule dach."),
        ({**QUEUE, "kind": "block", "target": "students"}, "Blocked by rule dach. Block list: students."),
        ({**ROUND_ROBIN, "pick": "round_robin"}, "Assigned by round robin. Ana is next in team DACH."),
        (
            {**ROUND_ROBIN, "pick": "round_robin", "when": {"country": "DE"}},
            "Assigned by round robin (country Germany). Ana is next in team DACH.",
        ),
        (ROUND_ROBIN, "Assigned by step inbound. Ana has the fewest open leads in team DACH."),
        ({**ROUND_ROBIN, **QUEUE}, "Sent to queue desk by step inbound."),
        ({**QUEUE, "strategy": "queue"}, "No earlier step assigned it, so it waits in queue desk."),
        (
            {**QUEUE, "strategy": "queue", "when": {"country": "DE"}},
            "Sent to queue desk (country Germany).",
        ),
        (
            {"strategy": "manual", "step": "manual", "pick": "round_robin"},
            "Assigned manually. Ana is next in team DACH.",
        ),
        ({**QUEUE, "strategy": "manual", "step": "manual"}, "Sent to queue desk manually."),
        ({**QUEUE, "strategy": "score", "step": "score"}, "Sent to queue desk by lead score."),
        ({**QUEUE, "strategy": "score", "step": "fit"}, "Sent to queue desk by score fit."),
        ({**QUEUE, "strategy": "product", "step": "product"}, "Sent to queue desk by product interest."),
        ({**QUEUE, "strategy": "product", "step": "new"}, "Sent to queue desk by product step new."),
        (
            {"strategy": "nearest", "step": "near"},
            "Assigned by step near. Ana has the fewest open leads in team DACH.",
        ),
        ({**ACCOUNT, "code": "account_owner"}, "Assigned to Ana, who owns the account."),
        (
            {**ACCOUNT, "code": "account_owner", "when": {"country": "DE"}},
            "Assigned to Ana, who owns the account. Matched: country Germany.",
        ),
        (
            {**ACCOUNT, "code": "account_delegate"},
            "Account owner unavailable, so it went to their delegate, Ana.",
        ),
        (
            {**ACCOUNT, "kind": "team", "pick": "least_loaded", "code": "account_team"},
            "Account owner unavailable, so it went to Ana, who has the fewest open leads in team DACH.",
        ),
        (
            {**ACCOUNT, "kind": "team", "pick": "round_robin", "code": "customer_team"},
            "The account is a customer, so it went to Ana, who is next in team DACH.",
        ),
        (ACCOUNT, "Account owner unavailable, so it went to Ana."),
        ({**ACCOUNT, **QUEUE, "strategy": "account"}, "Account owner unavailable, so it went to queue desk."),
        (
            {**ACCOUNT, "kind": "block", "target": "spam"},
            "Account owner unavailable, so it was blocked. Block list: spam.",
        ),
    ],
)
def test_a_settled_lead_is_explained_in_one_or_two_sentences(more: dict[str, Any], expected: str) -> None:
    assert sentence(**more) == expected


@pytest.mark.parametrize(
    ("when", "reasons"),
    [
        ({"country": ["AT", "DE"]}, "country Germany"),
        ({"country": "DE", "state": "BE"}, "country Germany, state BE"),
        ({"employees": {"gt": 5, "lt": 2_000}}, "1,500 employees"),
        ({"lead_type": {"ne": "support"}}, "lead type demo_request"),
        ({"customer_status": "active", "consent.email": True}, "customer status active, consent.email yes"),
        ({"trial_ends_at": {"lte": "now"}}, "trial ends at 2026-11-20"),
        ({"pages": {"contains": "pricing"}}, "viewed pricing"),
        ({"tier": None, "phone": {"exists": True}}, "without tier, with phone"),
        ({"title": {"matches": "VP"}, "company": {"prefix": "acme"}}, "title matches, company matches"),
        ({"attributes.nickname": "janey"}, "attributes.nickname matches"),
        ({"source": {"contains": "@"}}, "source matches"),
        ({"campaign": {"prefix": "x"}}, "campaign matches"),
        ({"utm.{}": "odd"}, "utm.{} odd"),
        (
            {
                "country": "DE",
                "state": "BE",
                "lead_type": {"ne": "x"},
                "employees": {"gt": 1},
                "title": {"ne": "x"},
            },
            "country Germany, state BE, lead type demo_request, and 2 more",
        ),
    ],
)
def test_the_reasons_of_a_rule_name_at_most_three_comparisons(when: object, reasons: str) -> None:
    expected = f"Assigned by rule dach ({reasons}). Ana has the fewest open leads in team DACH."
    assert sentence(when) == expected


def test_a_sentence_never_shows_a_personal_value() -> None:
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


def test_a_row_of_a_table_comes_first_among_the_reasons() -> None:
    match = RowMatch("zips", 1, 5)
    said = sentence({"country": "DE"}, kind="owner", target="ana", pick=None, row=match)
    assert said == "Assigned to Ana by rule dach (row 5 of table zips, country Germany)."


@pytest.mark.parametrize(
    ("why", "strategy", "target", "expected"),
    [
        ("off_shift", "rule", "Ana", "Ana is off shift (rule vip)"),
        ("absent", "rule", "Ana", "Ana is absent (rule vip)"),
        ("paused", "manual", "Ana", "Ana is paused"),
        ("cap_open", "account", "Ana", "Ana is at a cap (step vip)"),
        ("share_taken", "rule", "team DACH", "more members of team DACH start their shift soon (rule vip)"),
    ],
)
def test_a_held_lead_says_until_when_and_why(why: str, strategy: str, target: str, expected: str) -> None:
    said = sentences.held(strategy=strategy, step="vip", target=target, why=why, until=NOW)
    assert said == f"Held until 2026-11-20 12:00 UTC because {expected}."


def test_a_lead_settled_without_the_pipeline_says_how() -> None:
    assert sentences.returning_lead("duplicate", "Ana") == "Duplicate submission. Ana already has this lead."
    assert sentences.returning_lead("reengaged", "Ana") == "Returning lead. It stays with Ana."
    assert sentences.returning_lead_by_account("Ana") == (
        "Returning lead. It goes to Ana, who owns the account."
    )
    assert sentences.returning_lead_in_queue("q") == "Returning lead. It keeps its place in queue q."
    assert sentences.claimed("Ana", "q") == "Claimed by Ana from queue q."
    assert sentences.imported("Ana") == "Imported. Ana already owns it."
    assert sentences.manual("Ana") == "Assigned to Ana manually."
    assert sentences.fallback_queue("unrouted", published=True) == (
        "No step of the plan took it, so it waits in queue unrouted."
    )
    assert sentences.fallback_queue("unrouted", published=False) == (
        "No plan is published, so it waits in queue unrouted."
    )
    assert sentences.left_product(["crm", "erp"], "Eva") == (
        "One of your leads moved from crm and erp to another product. Eva has it now."
    )


@pytest.mark.parametrize(
    ("when", "expected"),
    [
        ({"not": {"country": "US"}}, "(country is not United States)"),
        ({"not": {"source": "fair"}}, "(source is not fair)"),
        ({"not": {"employees": {"lt": 50}}}, "(employees does not match)"),
        ({"not": {"pages": {"exists": True}}}, None),
        ({"not": {"any": [{"country": "US"}, {"country": "CA"}]}}, "(country is not United States)"),
        ({"country": "DE", "not": {"source": "fair"}}, "(country Germany)"),
    ],
)
def test_a_rule_of_not_alone_still_gives_its_reason(when: object, expected: str | None) -> None:
    assert expected is None or expected in sentence(when)


def test_the_name_of_a_custom_field_is_quoted_as_it_is() -> None:
    because = (("attributes.i2i_Coupon_Code_Pass__c", "eq", None), ("product_interest", "eq", "crm"))
    text = sentences.settled(
        strategy="rule", step="coupon", because=because, kind="queue", target="desk", owner=None, pick=None
    )
    assert "attributes.i2i_Coupon_Code_Pass__c matches" in text


def test_a_moved_lead_in_the_built_in_queue_says_why_it_was_moved() -> None:
    assert sentences.moved_to_fallback("unrouted", "escalated") == "Sent to queue unrouted as an escalation."
