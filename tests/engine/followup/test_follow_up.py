"""The actions of a decision."""

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from app.engine.followup.actions import FollowUp, FollowUpResult, compile_follow_up
from app.engine.model.decision import Decision
from app.engine.model.directory import Owner
from app.engine.pipeline.decide import decide
from app.plan.document.follow_ups import NEEDED
from tests.plan.plans import document
from tests.support.decisions import PLAN, facts, question
from tests.support.decisions import plan as plan_of

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
ANA = Owner("ana", "Ana", email="ana@us.example", crm={"salesforce": "005A"}, zone=ZoneInfo("Europe/Berlin"))
DACH = Decision("assigned", "rule", "…", step="dach", strategy="rule", owner=ANA, team="dach")


def follow_up(*blocks: dict[str, Any]) -> FollowUp:
    plan = document({"pipeline": [{"queue": {"name": "q"}}], "follow_up": list(blocks)})
    return compile_follow_up(plan.follow_up)


def title(template: str, values: dict[str, Any], decision: Decision = DACH) -> object:
    (action,) = follow_up({"do": [{"type": "task", "title": template}]}).after(decision, values, NOW).actions
    return action["params"].get("title")


def test_every_matching_block_adds_its_actions_in_order() -> None:
    plan = follow_up(
        {
            "when": {"team": "DACH"},
            "do": [{"type": "notify", "via": "slack"}, {"type": "x-own", "n": 5, "on": True}],
        },
        {"when": {"team": "emea"}, "do": [{"type": "chat"}]},
        {
            "when": {"outcome": "assigned", "rule": "dach", "country": "DE"},
            "do": [{"type": "tag", "name": "hot", "due": "15m"}],
        },
        {"do": [{"type": "set_owner", "id": "{owner.crm.salesforce}"}]},
    )
    assert list(plan.after(DACH, {"country": "DE"}, NOW).actions) == [
        {"type": "notify", "params": {"via": "slack"}, "due_at": None},
        {"type": "x-own", "params": {"n": 5, "on": True}, "due_at": None},
        {"type": "tag", "params": {"name": "hot"}, "due_at": NOW + timedelta(minutes=15)},
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
def test_a_block_can_test_how_the_lead_was_settled(when: dict[str, object], decision: Decision) -> None:
    plan = follow_up({"when": when, "do": [{"type": "chat"}]})
    assert len(plan.after(decision, {}, NOW).actions) == 1
    assert plan.after(DACH, {}, NOW) == FollowUpResult(no_actions_reason="no_matching_block")


def test_a_plan_without_follow_up_has_no_actions() -> None:
    assert follow_up().after(DACH, {}, NOW) == FollowUpResult(no_actions_reason="no_follow_up")


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ("Call {lead.first_name} now", "Call Jane now"),
        ("{owner.name} <{owner.email}> in {owner.timezone}", "Ana <ana@us.example> in Europe/Berlin"),
        ("{team}/{rule}/{step}/{outcome}/{trigger}", "dach/dach/dach/assigned/form"),
        ("{lead.employees} at {lead.attributes.site}", "500 at Berlin"),
        ("{lead.pages}", "pricing, home"),
        ("{lead.consent.email}", "true"),
        ("{lead.trial_ends_at}", "2026-11-20T12:00:00Z"),
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


def test_a_value_of_the_lead_is_never_read_as_a_template() -> None:
    assert title("Call {lead.first_name}", {"first_name": "{owner.email}"}) == "Call {owner.email}"


def test_the_owner_may_be_missing() -> None:
    queued = Decision("queued", "queue", "", step="q", strategy="queue", queue="q")
    assert title("Queue {queue}: {owner.name}", {}, queued) == "Queue q"


HELD: dict[str, Any] = {
    "type": "sequence",
    "name": "hot",
    "consent": "email",
    "without_consent": {
        "type": "task",
        "title": "Write by hand",
        "consent": "phone",
        "without_consent": {"type": "chat"},
    },
}
FIRST = {
    "type": "sequence",
    "cause": "consent_missing",
    "channel": "email",
    "consent": "email",
    "replaced_by": "task",
}
SECOND = {
    "type": "task",
    "cause": "consent_missing",
    "channel": "phone",
    "consent": "phone",
    "replaced_by": "chat",
}


@pytest.mark.parametrize(
    ("consent", "asked", "withheld_actions"),
    [
        ({"email": True}, "sequence", ()),
        ({"email": False, "phone": True}, "task", (FIRST,)),
        ({"phone": True}, "task", (FIRST,)),
        ({"email": False}, "chat", (FIRST, SECOND)),
        ({}, "chat", (FIRST, SECOND)),
    ],
)
def test_an_action_without_consent_is_replaced(
    consent: dict[str, bool], asked: str, withheld_actions: tuple[dict[str, str], ...]
) -> None:
    found = follow_up({"do": [HELD]}).after(DACH, {"consent": consent}, NOW)
    assert [action["type"] for action in found.actions] == [asked]
    assert found.withheld_actions == withheld_actions
    assert found.no_actions_reason is None


def test_an_action_without_replacement_gives_the_reason() -> None:
    plan = follow_up({"do": [{"type": "sequence", "name": "hot", "consent": "email"}, {"type": "set_owner"}]})
    withheld_actions = (
        {
            "type": "sequence",
            "cause": "consent_missing",
            "channel": "email",
            "consent": "email",
            "replaced_by": None,
        },
    )
    nobody = Decision("automated", "rule", "", step="r", strategy="rule", path="p")
    assert plan.after(nobody, {}, NOW) == FollowUpResult((), withheld_actions, "consent_missing")


def test_set_owner_names_the_owner_by_crm_ids() -> None:
    plan = compile_follow_up(
        document(
            {"pipeline": [{"queue": {"name": "q"}}], "follow_up": [{"do": [{"type": "set_owner"}]}]}
        ).follow_up,
        {"q": {"salesforce": "00G1"}},
    )
    queued = Decision("queued", "queue", "", step="q", strategy="queue", queue="q")

    def params(decision: Decision, values: dict[str, Any]) -> list[object]:
        return [action["params"] for action in plan.after(decision, values, NOW).actions]

    assert params(DACH, {}) == [{"crm": {"salesforce": "005A"}}]
    assert params(DACH, {"crm": {"lead_id": "00Q7"}}) == [{"crm": {"salesforce": "005A"}, "lead_id": "00Q7"}]
    assert params(queued, {}) == [{"crm": {"salesforce": "00G1"}}]


@pytest.mark.parametrize(
    "action",
    [
        {"type": "set_owner"},
        {"type": "set_owner", "id": "{owner.crm.hubspot}"},
        {"type": "set_owner", "crm": "hubspot", "id": "{owner.crm.hubspot}"},
    ],
)
def test_an_owner_without_crm_id_is_not_set(action: dict[str, str]) -> None:
    decision = Decision("assigned", "rule", "", owner=Owner("ben", "Ben"))
    assert follow_up({"do": [action]}).after(decision, {}, NOW) == FollowUpResult(
        no_actions_reason="no_crm_id"
    )


@pytest.mark.parametrize(
    ("owner", "params"),
    [
        (ANA, {"owner": "ana", "link_at": "/owners/ana/console-link", "crm": {"salesforce": "005A"}}),
        (Owner("b n", "Ben"), {"owner": "b n", "link_at": "/owners/b%20n/console-link"}),
    ],
)
def test_sign_in_link_says_whose_it_is_and_holds_none(owner: Owner, params: dict[str, Any]) -> None:
    plan = follow_up({"do": [{"type": "console_link", "via": "sms"}]})
    decision = Decision("assigned", "rule", "", owner=owner)
    (action,) = plan.after(decision, {}, NOW).actions
    assert action == {"type": "console_link", "params": {"via": "sms", **params}, "due_at": None}


@pytest.mark.parametrize(
    ("types", "reason"),
    [(("console_link",), "no_owner"), (("console_link", "set_owner"), "no_crm_id")],
)
def test_lead_without_an_owner_gets_no_sign_in_link(types: tuple[str, ...], reason: str) -> None:
    plan = follow_up({"do": [{"type": each} for each in types]})
    queued = Decision("queued", "queue", "", step="q", strategy="queue", queue="q")
    assert plan.after(queued, {}, NOW) == FollowUpResult(no_actions_reason=reason)


@pytest.mark.parametrize(
    ("type_", "needed"), [(type_, needed) for type_, needed in NEEDED.items() if type_ != "task"]
)
def test_action_is_left_out_when_a_required_value_is_missing(type_: str, needed: str) -> None:
    plan = follow_up({"do": [{"type": type_, needed: "{lead.city}", "note": "x"}]})
    assert plan.after(DACH, {}, NOW) == FollowUpResult(no_actions_reason="missing_value")
    assert [action["type"] for action in plan.after(DACH, {"city": "Köln"}, NOW).actions] == [type_]


def test_a_task_is_kept_without_its_title() -> None:
    plan = follow_up({"do": [{"type": "task", "title": "{lead.first_name}", "due": 0}]})
    assert plan.after(DACH, {}, NOW).actions == ({"type": "task", "params": {}, "due_at": NOW},)


def test_an_audience_is_added_to_by_default() -> None:
    plan = follow_up(
        {"do": [{"type": "audience", "name": "a"}, {"type": "audience", "name": "b", "change": "remove"}]}
    )
    assert [action["params"] for action in plan.after(DACH, {}, NOW).actions] == [
        {"change": "add", "name": "a"},
        {"change": "remove", "name": "b"},
    ]


def test_the_trace_shows_withheld_actions_and_why_there_are_none() -> None:
    written = {**PLAN, "follow_up": [{"when": {"outcome": "assigned"}, "do": [HELD]}]}
    ready = plan_of(written)
    held = decide(question(), ready, facts({"ana": {}}))
    assert held.trace["withheld_actions"] == [FIRST, SECOND]
    assert "no_actions_reason" not in held.trace
    nothing = decide(question(lead_type="student"), ready, facts({"ana": {}}))
    assert (nothing.actions, nothing.trace["no_actions_reason"]) == ((), "no_matching_block")
