"""Returning leads: when they keep their owner, when they are routed again, and the loads after that."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from app.engine.model.decision import Decision, PriorAssignment
from app.engine.model.state import Facts, Load, State
from app.engine.pipeline.decide import decide
from app.plan_check.check import KnownNames, check
from tests.plan.plans import document, scored
from tests.support.decisions import NOW, PLAN, TEAM, facts, plan, question

MINUTE = timedelta(minutes=1)
RULE_NAMES = ("outcome", "step", "code")


def prior(state: str, ago: timedelta, **where: Any) -> PriorAssignment:
    """An assignment made some time ago."""
    blank: dict[str, Any] = dict.fromkeys(("owner", "team", "queue", "path", "block"))
    return PriorAssignment(
        "old-lead", "old", "email", state, **(blank | where), priority=20, decided_at=NOW - ago
    )


def office(state: State | None = None, **ben: Any) -> Facts:
    """Ana is next in turn; Ben has the lead."""
    return facts({"ana": {}, "ben": ben}, state=state)


BEN = {"owner": "ben", "team": TEAM}


def asked(known: PriorAssignment, about: Facts | None = None, **values: Any) -> Decision:
    """The decision for this returning lead."""
    return decide(question(known, **values), plan(), about or office())


@pytest.mark.parametrize(
    ("ago", "kind"),
    [(0 * MINUTE, "duplicate"), (10 * MINUTE, "duplicate"), (10 * MINUTE + MINUTE / 60, "reengaged")],
)
def test_an_assigned_lead_keeps_its_owner(ago: timedelta, kind: str) -> None:
    decision = asked(prior("assigned", ago, **BEN))
    assert decision.owner is not None
    assert decision.existing_lead is not None
    assert (decision.outcome, decision.code, decision.owner.id, decision.team) == (
        "assigned",
        kind,
        "ben",
        TEAM,
    )
    assert (
        decision.existing_lead.kind,
        decision.existing_lead.lead_id,
        decision.existing_lead.matched_by,
    ) == (
        kind,
        "old-lead",
        "email",
    )
    assert decision.turn is None
    again = kind == "duplicate"
    assert decision.keeps_assignment is again
    assert decision.counts_toward_load is not again
    assert len(decision.actions) == (0 if again else 1)


@pytest.mark.parametrize("ago", [MINUTE, 60 * MINUTE], ids=["at once", "later"])
@pytest.mark.parametrize(
    ("why", "about"),
    [
        ("inactive", office(active=False)),
        ("not_found", facts({"ana": {}})),
        (
            "absent",
            facts(
                {"ana": {}, "ben": {}},
                absences=[{"owner": "ben", "from": "2026-11-20T00:00:00Z", "to": "2026-11-21T00:00:00Z"}],
            ),
        ),
    ],
    ids=["inactive", "gone", "away"],
)
def test_an_unavailable_owner_is_replaced(ago: timedelta, why: str, about: Facts) -> None:
    decision = asked(prior("assigned", ago, **BEN), about)
    assert decision.owner is not None
    assert decision.existing_lead is not None
    assert (decision.owner.id, decision.existing_lead.kind) == ("ana", "reengaged")
    assert decision.turn is not None
    assert decision.turn.chosen == "ana"
    assert decision.counts_toward_load
    assert len(decision.actions) == 1
    assert decision.trace["steps"][0]["code"] == why


def test_an_excluded_owner_does_not_keep_the_lead() -> None:
    decision = decide(question(prior("assigned", MINUTE, **BEN), exclude=["ben"]), plan(), office())
    assert decision.owner is not None
    assert decision.owner.id == "ana"
    assert decision.trace["steps"][0]["code"] == "excluded"


def test_caps_do_not_stop_a_kept_owner_and_are_shown() -> None:
    full = State(loads={"ben": Load(open=5)})
    decision = asked(prior("assigned", 60 * MINUTE, **BEN), office(full, caps={"open": 5}))
    assert decision.owner is not None
    assert (decision.owner.id, decision.over_cap) == ("ben", True)
    below = asked(prior("assigned", 60 * MINUTE, **BEN), office(full, caps={"open": 6}))
    assert not below.over_cap


@pytest.mark.parametrize("ago", [MINUTE, 60 * MINUTE], ids=["at once", "later"])
@pytest.mark.parametrize(
    ("fields", "priority"), [({}, 20), ({"tier": "gold"}, 50)], ids=["as before", "higher now"]
)
def test_a_queued_lead_keeps_its_place_with_the_higher_priority(
    ago: timedelta, fields: dict[str, Any], priority: int
) -> None:
    decision = asked(prior("queued", ago, queue="desk"), **fields)
    assert (decision.outcome, decision.queue, decision.priority) == ("queued", "desk", priority)
    assert decision.keeps_assignment
    assert decision.turn is None
    assert not decision.counts_toward_load


@pytest.mark.parametrize(
    "known",
    [
        prior("automated", MINUTE, path="newsletter"),
        prior("blocked", MINUTE, block="students"),
        prior("closed", MINUTE, **BEN),
        prior("closed", 60 * MINUTE, **BEN),
    ],
    ids=["on a path", "blocked", "closed", "closed long ago"],
)
def test_a_lead_on_a_path_blocked_or_closed_is_routed_again(known: PriorAssignment) -> None:
    decision = asked(known)
    assert decision.owner is not None
    assert decision.existing_lead is not None
    assert (decision.outcome, decision.owner.id, decision.existing_lead.kind) == (
        "assigned",
        "ana",
        "reengaged",
    )
    assert decision.turn is not None
    assert decision.counts_toward_load
    assert not decision.keeps_assignment
    assert len(decision.actions) == 1


@pytest.mark.parametrize(
    ("known", "fields"),
    [
        (prior("automated", MINUTE, path="newsletter"), {"employees": 2}),
        (prior("blocked", MINUTE, block="students"), {"lead_type": "student"}),
    ],
    ids=["path", "block"],
)
def test_the_same_result_within_the_window_is_a_duplicate(
    known: PriorAssignment, fields: dict[str, Any]
) -> None:
    decision = asked(known, **fields)
    assert decision.existing_lead is not None
    assert (decision.outcome, decision.existing_lead.kind) == (known.state, "duplicate")
    assert decision.keeps_assignment
    assert decision.actions == ()
    later = asked(replace(known, decided_at=NOW - 60 * MINUTE), **fields)
    assert later.existing_lead is not None
    assert later.existing_lead.kind == "reengaged"
    assert len(later.actions) == 1


def test_another_block_is_no_duplicate() -> None:
    decision = asked(prior("blocked", MINUTE, block="competitors"), lead_type="student")
    assert decision.existing_lead is not None
    assert (decision.block, decision.existing_lead.kind) == ("students", "reengaged")


ANEW = PLAN | {
    "fields": {"help": [{"when": {"lead_type": "winback_help"}, "value": "asked"}]},
    "returning_leads": {"reroute_when": [{"when": {"country": "JP"}}, {"when": {"help": "asked"}}]},
}


@pytest.mark.parametrize("standing", ["assigned", "queued"])
def test_reroute_when_routes_a_returning_lead_again(standing: str) -> None:
    where = BEN if standing == "assigned" else {"queue": "desk"}
    known = prior(standing, timedelta(days=1), **where)
    decision = decide(question(known, lead_type="winback_help"), plan(ANEW), office())
    assert decision.owner is not None
    assert (decision.owner.id, decision.code, decision.keeps_assignment) == ("ana", "round_robin", False)
    assert decision.existing_lead is not None
    assert decision.existing_lead.kind == "reengaged"
    assert decision.trace["steps"][0]["code"] == "reroute_when"
    kept = decide(question(known, lead_type="other"), plan(ANEW), office())
    assert kept.step == "returning_lead"


def test_a_duplicate_is_never_rerouted() -> None:
    known = prior("assigned", MINUTE, **BEN)
    decision = decide(question(known, lead_type="winback_help"), plan(ANEW), office())
    assert (decision.code, decision.keeps_assignment) == ("duplicate", True)


def test_reroute_when_cannot_use_the_band() -> None:
    source = scored() | {"returning_leads": {"reroute_when": [{"when": {"band": "hot"}}]}}
    found = check(document(source), KnownNames(teams={"inbound": {"ana": 1}}, owners={"ana": True}))
    assert [(finding.path, finding.code) for finding in found] == [
        ("returning_leads.reroute_when[0].when", "used_before_defined")
    ]


def test_the_sentence_of_a_lead_that_moves_names_who_had_it() -> None:
    people = {"ana": {"name": "Ana"}, "ben": {"name": "Ben"}}
    gone = [{"owner": "ana", "from": "2026-01-01T00:00:00Z", "to": "2027-01-01T00:00:00Z"}]
    known = prior("assigned", 60 * MINUTE, owner="ana", team=TEAM)
    decision = decide(question(known), plan(), facts(people, absences=gone))
    assert decision.text.endswith("Ben is next in team inbound. Ana had it before and is absent.")
    moved = replace(question(exclude=["ana"]), kind="reassign", present_owner="ana")
    decision = decide(moved, plan(), facts(people))
    assert decision.text.endswith("Ana had it before and is excluded.")


@pytest.mark.parametrize(("news", "kind"), [((), "duplicate"), (("country",), "reengaged")])
def test_the_same_submission_is_a_duplicate_however_late_unless_it_says_something_new(
    news: tuple[str, ...], kind: str
) -> None:
    known = question(prior("assigned", timedelta(days=9), **BEN))
    decision = decide(replace(known, same_submission=True, news=news), plan(), office())
    assert (decision.code, decision.owner.id if decision.owner else None) == (kind, "ben")
