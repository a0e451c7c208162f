"""What is new in a repeat, and what a returning lead with news gets."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from app.engine.model.accounts import AccountMatch, account_from
from app.engine.model.decision import Decision, PriorAssignment
from app.engine.pipeline.decide import decide
from app.engine.pipeline.news import news_in
from app.intake.merging import merged
from tests.support.decisions import NOW, TEAM, facts, plan, question

PLAN: dict[str, Any] = {
    "queues": {"desk": {}},
    "paths": {"nurture": {"accountable": {"team": TEAM}}},
    "slas": {"fast": {"touch": "5m"}, "slow": {"touch": "2d"}},
    "sla_rules": [{"sla": "slow"}],
    "fields": {"size": [{"value": "big", "when": {"employees": {"gte": 250}}}]},
    "scores": {
        "fit": [{"when": {"visits": {"gte": 5}}, "points": 10}, {"when": {"size": "big"}, "points": 5}],
    },
    "returning_leads": {
        "not_news": ["attributes.session"],
        "reroute_when": [{"when": {"lead_type": "partner", "utm.source": {"exists": True}}}],
    },
    "pipeline": [
        {"score": {"model": ["fit"], "bands": {"hot": {"gte": 12}, "cold": {"lt": 12}}}},
        {"rule": {"name": "content", "when": {"lead_type": "content"}, "then": {"path": "nurture"}}},
        {"rule": {"name": "demos", "when": {"lead_type": "demo"},
                  "then": {"team": TEAM, "priority": 60, "sla": "fast"}}},
        {"rule": {"name": "late", "when": {"last_seen_at": {"gte": "now-1d"}, "attributes.session": "x"},
                  "then": {"queue": "desk"}}},
        {"rule": {"name": "paid", "when": {"utm.medium": "cpc", "attributes.gclid": {"exists": True},
                                           "attributes.sent": {"exists": True},
                                           "product_interest": {"contains": "crm"}},
                  "then": {"queue": "desk"}}},
        {"round_robin": {"team": TEAM}},
        {"queue": {"name": "desk"}},
    ],
    "follow_up": [
        {"when": {"rule": "demos"}, "do": [{"type": "task", "title": "Demo for {lead.company}"}]},
        {"when": {"step": "returning_lead"}, "do": [{"type": "task", "title": "Back again"}]},
        {"when": {"lead_type": "content"}, "do": [{"type": "tag", "name": "reader"}]},
        {"when": {"flags": {"contains": "phone_implausible"}}, "do": [{"type": "tag", "name": "check"}]},
    ],
}  # fmt: skip
OFFICE = facts({"ana": {}, "ben": {}})
MINUTE = timedelta(minutes=1)


def news(before: Mapping[str, Any], sent: Mapping[str, Any]) -> tuple[str, ...]:
    """What is new in these fields for a lead that had the others."""
    stored = {"trigger": "form", **before}
    request = question(**merged(stored, {"trigger": "form", **sent}))
    return news_in(replace(request, values=stored), request, plan(PLAN), OFFICE)


@pytest.mark.parametrize(
    ("before", "sent", "expected"),
    [
        ({"lead_type": "content"}, {"lead_type": "demo"}, ("lead_type", "step")),
        ({}, {"company": "Acme"}, ("company",)),
        ({"product_interest": ["erp"]}, {"product_interest": ["crm"]}, ("product_interest",)),
        ({"employees": 100}, {"employees": 250}, ("employees",)),
        ({"visits": 1, "employees": 300}, {"visits": 5}, ("visits",)),
        ({}, {"lead_type": "partner", "utm": {"source": "x"}}, ("lead_type", "reroute_when")),
        ({"lead_type": "partner"}, {"utm": {"source": "x"}}, ("reroute_when",)),
        ({}, {"phone": "+12125550123", "flags": ["phone_implausible"]}, ("flags",)),
    ],
)
def test_something_new_that_the_plan_reads_is_news(
    before: dict[str, Any], sent: dict[str, Any], expected: tuple[str, ...]
) -> None:
    assert news(before, sent) == expected


@pytest.mark.parametrize(
    ("before", "sent"),
    [
        ({"lead_type": "demo"}, {"lead_type": "Demo "}),
        ({"lead_type": "demo"}, {}),
        ({"lead_type": "demo"}, {"city": "Kiel"}),
        ({"product_interest": ["crm", "erp"]}, {"product_interest": ["erp"]}),
        ({"employees": 100}, {"employees": 120}),
        ({"employees": 100}, {"employees": "51-200"}),
        ({"visits": 1}, {"visits": 9}),
        ({}, {"last_seen_at": NOW}),
        ({}, {"utm": {"medium": "cpc"}}),
        ({}, {"attributes": {"gclid": "1", "session": "x", "sent": "2026-11-20T10:00:00Z"}}),
        ({}, {"state": "x", "flags": ["state_unknown"]}),
        ({"external_id": "1"}, {"external_id": "2", "submission_id": "3"}),
    ],
)
def test_what_says_nothing_is_no_news(before: dict[str, Any], sent: dict[str, Any]) -> None:
    assert news(before, sent) == ()


ACME, PLAIN = (
    AccountMatch(account_from("acme", {"name": "Acme", "tier": tier, "owner": "ben"}), "email_domain")
    for tier in ("named", None)
)


@pytest.mark.parametrize(
    ("before", "after", "sent", "expected"),
    [
        (None, ACME, {}, ("account.tier", "reroute_when")),
        (PLAIN, ACME, {}, ("account.tier", "reroute_when")),
        (ACME, ACME, {"lead_type": "demo"}, ("lead_type", "step")),
        (None, None, {"lead_type": "demo"}, ("lead_type",)),
        (ACME, ACME, {"city": "Kiel"}, ()),
        (ACME, None, {}, ()),
    ],
)
def test_account_of_the_lead_counts_before_and_after(
    before: AccountMatch | None,
    after: AccountMatch | None,
    sent: dict[str, Any],
    expected: tuple[str, ...],
) -> None:
    compiled = plan(
        {
            "returning_leads": {"reroute_when": [{"when": {"account.tier": "named"}}]},
            "pipeline": [{"account": {"when": {"lead_type": "demo"}}}, {"round_robin": {"team": TEAM}}],
        }
    )
    request = replace(question(**sent), account=after)
    assert news_in(replace(request, values={}, account=before), request, compiled, OFFICE) == expected


def prior(state: str = "assigned", ago: timedelta = 3 * MINUTE, **where: Any) -> PriorAssignment:
    blank: dict[str, Any] = dict.fromkeys(("owner", "team", "queue", "path", "block"))
    return PriorAssignment(
        "old-lead", "old", "email", state, **(blank | where), priority=20, decided_at=NOW - ago
    )


def decided(known: PriorAssignment, *fields: str, **values: Any) -> Decision:
    """The decision for this returning lead, with news in these fields."""
    return decide(replace(question(known, **values), news=fields), plan(PLAN), OFFICE)


@pytest.mark.parametrize(
    ("ago", "fields"),
    [(3 * MINUTE, ("lead_type",)), (60 * MINUTE, ("lead_type", "step"))],
    ids=["soon", "later, by another step"],
)
def test_lead_with_news_keeps_its_owner_and_gets_what_it_asks_for_now(
    ago: timedelta, fields: tuple[str, ...]
) -> None:
    decision = decided(prior(owner="ben", team=TEAM, ago=ago), *fields, lead_type="demo")
    assert decision.owner is not None
    assert decision.existing_lead is not None
    assert decision.sla is not None
    assert (decision.owner.id, decision.existing_lead.kind, decision.turn) == ("ben", "reengaged", None)
    assert (decision.priority, decision.sla.name) == (60, "fast")
    assert [action["params"]["title"] for action in decision.actions] == ["Demo for", "Back again"]
    assert decision.trace["steps"][0]["news"] == ["lead_type"]
    assert not decision.keeps_assignment


def test_later_news_that_changes_no_step_brings_no_actions_of_the_step_again() -> None:
    decision = decided(prior(owner="ben", team=TEAM, ago=60 * MINUTE), "company", lead_type="demo")
    assert decision.sla is not None
    assert [action["params"]["title"] for action in decision.actions] == ["Back again"]
    assert (decision.priority, decision.sla.name) == (60, "fast")


@pytest.mark.parametrize("state", [{"queue": "desk"}, {"path": "nurture"}], ids=["queue", "path"])
def test_waiting_lead_with_news_moves_when_somebody_can_take_it(state: dict[str, Any]) -> None:
    known = prior("queued" if "queue" in state else "automated", **state)
    decision = decided(known, "lead_type", lead_type="demo")
    assert decision.existing_lead is not None
    assert (decision.outcome, decision.existing_lead.kind, decision.step) == (
        "assigned",
        "reengaged",
        "demos",
    )
    assert not decision.keeps_assignment


def test_queued_lead_without_news_keeps_its_place() -> None:
    decision = decided(prior("queued", queue="desk"), lead_type="demo")
    assert (decision.outcome, decision.queue, decision.keeps_assignment) == ("queued", "desk", True)


def test_queued_lead_with_news_keeps_its_place_while_nobody_can_take_it() -> None:
    request = replace(question(prior("queued", queue="desk"), lead_type="demo"), news=("lead_type",))
    decision = decide(request, plan(PLAN), facts({"ana": {"active": False}}))
    assert decision.existing_lead is not None
    assert (decision.queue, decision.existing_lead.kind, decision.keeps_assignment) == (
        "desk",
        "reengaged",
        True,
    )


@pytest.mark.parametrize(
    ("fields", "code"), [(("reroute_when",), "reroute_when"), (("lead_type",), "owner_kept")]
)
def test_condition_that_reroutes_applies_soon_only_when_it_is_new(fields: tuple[str, ...], code: str) -> None:
    decision = decided(prior(owner="ben", team=TEAM), *fields, lead_type="partner", utm={"source": "x"})
    assert decision.trace["steps"][0]["code"] == code


def test_lead_without_news_is_a_duplicate_even_when_a_condition_would_reroute_it() -> None:
    decision = decided(prior(owner="ben", team=TEAM), lead_type="partner", utm={"source": "x"})
    assert decision.existing_lead is not None
    assert (decision.existing_lead.kind, decision.actions) == ("duplicate", ())
