"""The actions of a decision."""

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from app.engine.follow_up import FollowUp, compile_follow_up
from app.engine.model import Decision, Owner
from tests.plan.plans import document

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
ANA = Owner("ana", "Ana", email="ana@us.example", crm={"salesforce": "005A"}, zone=ZoneInfo("Europe/Berlin"))
DACH = Decision("assigned", "rule", "…", step="dach", strategy="rule", owner=ANA, team="dach")


def follow_up(*blocks: dict[str, Any]) -> FollowUp:
    plan = document({"pipeline": [{"queue": {"name": "q"}}], "follow_up": list(blocks)})
    return compile_follow_up(plan.follow_up)


def title(template: str, values: dict[str, Any], decision: Decision = DACH) -> object:
    (action,) = follow_up({"do": [{"type": "task", "title": template}]}).actions(decision, values, NOW)
    return action["params"].get("title")


def test_actions_of_every_block_that_fits_in_order() -> None:
    plan = follow_up(
        {
            "when": {"team": "DACH"},
            "do": [{"type": "notify", "via": "slack"}, {"type": "x-own", "n": 5, "on": True}],
        },
        {"when": {"team": "emea"}, "do": [{"type": "chat"}]},
        {
            "when": {"outcome": "assigned", "rule": "dach", "country": "DE"},
            "do": [{"type": "tag", "due": "15m"}],
        },
        {"do": [{"type": "set_owner", "id": "{owner.crm.salesforce}"}]},
    )
    assert plan.actions(DACH, {"country": "DE"}, NOW) == [
        {"type": "notify", "params": {"via": "slack"}, "due_at": None},
        {"type": "x-own", "params": {"n": 5, "on": True}, "due_at": None},
        {"type": "tag", "params": {}, "due_at": NOW + timedelta(minutes=15)},
        {"type": "set_owner", "params": {"id": "005A"}, "due_at": None},
    ]


@pytest.mark.parametrize(
    ("when", "decision"),
    [
        (
            {"outcome": "queued", "queue": "q", "step": "q"},
            Decision("queued", "queue", "", step="q", strategy="queue", queue="q"),
        ),
        (
            {"outcome": "automated", "path": "p"},
            Decision("automated", "rule", "", step="r", strategy="rule", path="p"),
        ),
        (
            {"rule": None, "step": "inbound"},
            Decision("assigned", "round_robin", "", step="inbound", strategy="round_robin"),
        ),
    ],
)
def test_a_block_may_ask_how_the_lead_was_settled(when: dict[str, object], decision: Decision) -> None:
    plan = follow_up({"when": when, "do": [{"type": "chat"}]})
    assert len(plan.actions(decision, {}, NOW)) == 1
    assert plan.actions(DACH, {}, NOW) == []


def test_a_plan_without_follow_up_asks_nothing() -> None:
    assert follow_up().actions(DACH, {}, NOW) == []


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ("Call {lead.first_name} now", "Call Jane now"),
        ("{owner.name} <{owner.email}> in {owner.timezone}", "Ana <ana@us.example> in Europe/Berlin"),
        ("{team}/{rule}/{step}/{outcome}/{trigger}", "dach/dach/dach/assigned/form"),
        ("{lead.employees} at {lead.attributes.site}", "500 at Berlin"),
        ("{lead.pages}", "pricing, home"),
        ("{lead.consent.email}", "true"),
        ("{lead.trial_ends_at}", "2026-11-20T12:00:00+00:00"),
        ("{{owner.name}}", "{owner.name}"),
        ("kept  as   written", "kept  as   written"),
    ],
)
def test_templates_are_filled(template: str, expected: str) -> None:
    values = {
        "first_name": "Jane",
        "employees": 500,
        "attributes": {"site": "Berlin"},
        "pages": ["pricing", "home"],
        "consent": {"email": True},
        "trial_ends_at": NOW,
        "trigger": "form",
    }
    assert title(template, values) == expected


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ("Call {lead.first_name} now", "Call now"),
        ("Call {lead.first_name}, now", "Call, now"),
        ("Call now, {lead.first_name}", "Call now"),
        ("{lead.first_name}: call", "call"),
        ("Hello {lead.first_name}!", "Hello!"),
        ("Call {lead.first_name} ({lead.company}) now", "Call now"),
        ("Call {lead.first_name}, {lead.company}, in {lead.country}", "Call, in DE"),
        ("{lead.country} - {lead.first_name}", "DE"),
        ("{lead.first_name} {lead.last_name}", None),
        ("{lead.attributes.nothing.here}", None),
        ("{queue}", None),
        ("{lead.attributes.map}", None),
    ],
)
def test_a_missing_value_leaves_no_trace(template: str, expected: str | None) -> None:
    assert title(template, {"country": "DE", "first_name": "", "attributes": {"map": {"a": 1}}}) == expected


def test_what_a_lead_sends_is_never_read_as_a_template() -> None:
    assert title("Call {lead.first_name}", {"first_name": "{owner.email}"}) == "Call {owner.email}"


def test_the_owner_may_be_missing() -> None:
    queued = Decision("queued", "queue", "", step="q", strategy="queue", queue="q")
    assert title("Queue {queue}: {owner.name}", {}, queued) == "Queue q"
