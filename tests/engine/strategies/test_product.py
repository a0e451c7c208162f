"""Products: which team the present intent picks, and when a known person leaves another one for it."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from app.engine.model.decision import Decision, PriorAssignment
from app.engine.model.records import directory_from
from app.engine.model.state import Facts, State
from app.engine.pipeline.decide import decide
from app.plan.document.plan import PlanDocument
from app.plan.reader.read import read_plan
from app.plan_check.check import KnownNames, check
from app.plan_check.references import find_references
from app.plans.test_runner import make_runner
from tests.plan.plans import document
from tests.support.decisions import NOW, plan, question

PRODUCTS: dict[str, Any] = {
    "Alpha": {"team": "team-a", "sequences": ["a-welcome", "a-tips"]},
    "beta": {"team": "team-b", "sequences": ["b-welcome"]},
}
STEP: dict[str, Any] = {"within": "30d", "unless": {"lifecycle_stage": "opportunity"}}
PLAN: dict[str, Any] = {
    "queues": {"desk": {}},
    "paths": {"a-welcome": {"accountable": {"team": "team-a"}}},
    "products": PRODUCTS,
    "returning_leads": {"window": "90d", "duplicate_window": "10m"},
    "pipeline": [{"product": STEP}, {"queue": {"name": "desk"}}],
    "follow_up": [{"when": {"outcome": "assigned"}, "do": [{"type": "task", "title": "Call"}]}],
}
OWNERS: dict[str, dict[str, Any]] = {"ana": {"email": "ana@x.example"}, "bea": {}, "bob": {}}
DAY = timedelta(days=1)


def office(**changes: Mapping[str, Any]) -> Facts:
    """Ana sells Alpha, Bea and Bob sell beta."""
    owners = {id_: {**body, **changes.get(id_, {})} for id_, body in OWNERS.items()}
    records: list[tuple[str, str, Mapping[str, Any]]] = [
        ("owners", id_, body) for id_, body in owners.items()
    ]
    records.append(("teams", "team-a", {"members": [{"owner": "ana"}]}))
    records.append(("teams", "team-b", {"members": [{"owner": "bea"}, {"owner": "bob"}]}))
    records.append(("calendars", "never-now", {"timezone": "UTC", "hours": "18:00-20:00"}))
    return Facts(NOW, directory_from(1, records), State())


def prior(ago: timedelta, state: str = "assigned", **where: Any) -> PriorAssignment:
    """An assignment made some time ago."""
    blank: dict[str, Any] = dict.fromkeys(("owner", "team", "queue", "path", "block"))
    return PriorAssignment(
        "old-lead", "old", "email", state, **(blank | where), priority=0, decided_at=NOW - ago
    )


def with_alpha(ago: timedelta = DAY) -> PriorAssignment:
    return prior(ago, owner="ana", team="team-a")


def asked(known: PriorAssignment | None, interest: object, at: Facts | None = None, **more: Any) -> Decision:
    """The decision for a lead that is interested in these products."""
    step = more.pop("step", STEP)
    written = {**PLAN, "pipeline": [{"product": step}, {"queue": {"name": "desk"}}]}
    return decide(question(known, product_interest=interest, **more), plan(written), at or office())


def owner(decision: Decision) -> str | None:
    return decision.owner.id if decision.owner else None


@pytest.mark.parametrize(
    ("interest", "team", "code", "product"),
    [
        (["alpha"], "team-a", "product", "Alpha"),
        (["ALPHA"], "team-a", "product", "Alpha"),
        (["gamma", "beta", "alpha"], "team-b", "product", "beta"),
        (["gamma"], None, "no_product", None),
        ([], None, "no_product", None),
    ],
)
def test_the_first_declared_product_picks_its_team(
    interest: list[str], team: str | None, code: str, product: str | None
) -> None:
    decision = asked(None, interest)
    assert (decision.team, decision.trace["steps"][0]["code"]) == (team, code)
    assert decision.trace["steps"][0].get("product") == product
    assert decision.code == (code if team else "queue")
    assert decision.previous_products == ()


def test_the_sentence_names_the_product() -> None:
    assert asked(None, ["alpha"]).text == "Assigned by product interest (Alpha). ana is next in team team-a."
    assert asked(with_alpha(), ["beta"]).text == (
        "Assigned by product interest (beta, previously Alpha). bea is next in team team-b."
        " ana had it before."
    )


@pytest.mark.parametrize("ago", [timedelta(minutes=2), DAY, 30 * DAY], ids=str)
def test_a_lead_for_another_product_is_routed_again(ago: timedelta) -> None:
    decision = asked(with_alpha(ago), ["beta"])
    assert (owner(decision), decision.team, decision.code) == ("bea", "team-b", "product_switch")
    assert decision.existing_lead is not None
    assert (decision.existing_lead.kind, decision.existing_lead.lead_id, decision.keeps_assignment) == (
        "reengaged",
        "old-lead",
        False,
    )
    assert decision.turn is not None
    assert decision.turn.chosen == "bea"
    assert decision.counts_toward_load
    assert [step["code"] for step in decision.trace["steps"]] == ["product_switch", "product_switch"]
    assert decision.trace["steps"][1]["previous_products"] == ["Alpha"]


def test_a_switch_ends_previous_campaigns_before_the_follow_up() -> None:
    decision = asked(with_alpha(), ["beta"])
    assert [(each["type"], each["params"]) for each in decision.actions] == [
        ("suppress_campaign", {"name": "a-welcome"}),
        ("suppress_campaign", {"name": "a-tips"}),
        ("cancel_task", {"assignment_id": "old", "lead_id": "old-lead"}),
        (
            "notify",
            {
                "via": "email",
                "owner_id": "ana",
                "to": "ana@x.example",
                "text": "One of your leads moved from Alpha to another product. bea has it now.",
            },
        ),
        ("task", {"title": "Call"}),
    ]
    assert "no_actions_reason" not in decision.trace


@pytest.mark.parametrize(
    ("known", "interest", "more", "expected"),
    [
        (with_alpha(), ["alpha"], {}, ("ana", "reengaged")),
        (with_alpha(timedelta(minutes=2)), ["alpha", "beta"], {}, ("ana", "duplicate")),
        (with_alpha(), ["gamma"], {}, ("ana", "reengaged")),
        (with_alpha(), [], {}, ("ana", "reengaged")),
        (with_alpha(30 * DAY + timedelta(seconds=1)), ["beta"], {}, ("ana", "reengaged")),
        (with_alpha(), ["beta"], {"lifecycle_stage": "opportunity"}, ("ana", "reengaged")),
        (with_alpha(), ["beta"], {"step": {**STEP, "when": {"country": "DE"}}}, ("ana", "reengaged")),
        (prior(DAY, owner="ana"), ["beta"], {}, ("ana", "reengaged")),
        (prior(DAY, "closed", owner="ana", team="team-a"), ["beta"], {}, ("bea", "product")),
    ],
    ids=[
        "the same", "the same first", "none of ours", "none", "too long ago", "unless", "no such step",
        "given by hand", "done with",
    ],
)  # fmt: skip
def test_a_lead_that_does_not_switch_is_an_ordinary_returning_lead(
    known: PriorAssignment, interest: list[str], more: dict[str, Any], expected: tuple[str, str]
) -> None:
    decision = asked(known, interest, **more)
    assert (owner(decision), decision.code) == expected
    assert decision.previous_products == ()
    assert "suppress_campaign" not in {each["type"] for each in decision.actions}


def test_a_lead_keeps_its_owner_when_nobody_can_take_the_switch() -> None:
    nobody = office(bea={"active": False}, bob={"active": False})
    decision = asked(with_alpha(), ["beta"], nobody)
    assert (owner(decision), decision.code, decision.previous_products) == ("ana", "reengaged", ())
    waits = asked(with_alpha(), ["beta"], nobody, step={**STEP, "else": [{"queue": "desk"}], "priority": 30})
    assert (waits.queue, waits.priority, waits.code, waits.previous_products) == (
        "desk",
        30,
        "product_switch",
        ("Alpha",),
    )


def test_a_team_off_shift_can_hold_a_switch() -> None:
    calendar = {"calendar": "never-now"}
    decision = asked(with_alpha(), ["beta"], office(bea=calendar, bob=calendar), step={"off_hours": "hold"})
    assert (decision.queue, decision.held_for_team, decision.code) == ("held", "team-b", "held")
    assert [each["type"] for each in decision.actions][-2:] == ["cancel_task", "notify"]
    held = replace(prior(DAY, "queued", queue="held"), held_for_team="team-b", held_until=NOW + DAY)
    back = asked(held, ["alpha"])
    assert (owner(back), back.code) == ("ana", "product_switch")
    assert [each["type"] for each in back.actions] == ["suppress_campaign", "cancel_task", "task"]


def test_a_lead_on_a_path_of_another_product_switches_too() -> None:
    on_path = prior(DAY, "automated", path="a-welcome")
    decision = asked(on_path, ["beta"])
    assert (owner(decision), decision.code, decision.previous_products) == (
        "bea",
        "product_switch",
        ("Alpha",),
    )


def test_products_that_share_a_team_cannot_be_told_apart() -> None:
    shared = {"A": {"team": "team-a"}, "B": {"team": "team-a"}, "C": {"team": "team-b"}}
    ready = plan({**PLAN, "products": shared})
    same = decide(question(with_alpha(), product_interest=["b"]), ready, office())
    other = decide(question(with_alpha(), product_interest=["c"]), ready, office())
    assert (same.code, other.code, other.previous_products) == ("reengaged", "product_switch", ("A", "B"))


def test_faults_of_products_are_reported() -> None:
    written = {
        **PLAN,
        "sequences": ["b-welcome"],
        "products": {
            **PRODUCTS,
            "BETA": {"team": "team-c"},
            "delta": {"team": "team-b"},
        },
        "pipeline": [
            {
                "product": {
                    "sla": "hot",
                    "else": [{"team": "gone"}, {"queue": "desk", "sla": "mild"}],
                    "unless": {"all": [{"country": "DE"}, {"country": "FR"}]},
                }
            },
            {"queue": {"name": "desk"}},
        ],
        "tests": [
            {"lead": {}, "given": {"existing": {"owner": "ana", "team": "nope"}}, "expect": {"owner": "ana"}}
        ],
    }
    read = read_plan(written)
    assert isinstance(read, PlanDocument)
    names = KnownNames(dict.fromkeys(OWNERS, True), {"team-a": {"ana": 1}, "team-b": {"bea": 1}})
    assert {(found.path, found.code, found.severity) for found in check(read, names)} == {
        ("products.BETA", "duplicate_name", "error"),
        ("products.BETA.team", "unknown_team", "error"),
        ("products.delta.team", "shared_team", "warning"),
        ("products.Alpha.sequences[0]", "unknown_sequence", "error"),
        ("products.Alpha.sequences[1]", "unknown_sequence", "error"),
        ("pipeline[0].product.else[0].team", "unknown_team", "error"),
        ("pipeline[0].product.sla", "unknown_sla", "error"),
        ("pipeline[0].product.else[1].sla", "unknown_sla", "error"),
        ("pipeline[0].product.unless", "contradiction", "error"),
        ("tests[0].given.existing.team", "unknown_team", "error"),
    }
    assert "products.Alpha.team" in find_references(read, "team", "team-a")


def test_a_product_step_without_products_is_reported() -> None:
    read = document({**PLAN, "products": {}})
    found = check(read, KnownNames(dict.fromkeys(OWNERS, True), {"team-a": {"ana": 1}}))
    assert [(each.path, each.code) for each in found] == [("pipeline[0].product", "no_products")]


def test_plan_tests_can_cover_switches() -> None:
    case = {
        "lead": {"product_interest": ["beta"]},
        "given": {"existing": {"owner": "ana", "team": "team-a"}},
        "expect": {"team": "team-b", "step": "product"},
    }
    keeping = {
        "lead": {"product_interest": ["beta"], "lifecycle_stage": "opportunity"},
        "given": {"existing": {"owner": "ana", "team": "team-a"}},
        "expect": {"owner": "ana", "team": "team-a"},
    }
    read = document({**PLAN, "tests": [case, keeping]})
    at = office()
    run = make_runner(read, plan(PLAN), at.directory, NOW, {})
    for each in read.tests:
        got = run(each)
        assert {name: got[name] for name in each.expect.expected()} == each.expect.expected()
