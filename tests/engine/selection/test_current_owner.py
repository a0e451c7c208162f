"""The target `current_owner`: who counts as the lead's owner, and what happens when there is none."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from app.engine.model.decision import Decision, DecisionRequest, PriorAssignment
from app.engine.model.state import Facts, Load, State
from app.engine.model.stored import request_from_json, request_to_json
from app.engine.pipeline.decide import decide
from app.plan.reader.read import read_plan
from tests.support.decisions import NOW, facts, plan, question

PLAN: dict[str, Any] = {
    "queues": {"desk": {}},
    "returning_leads": {"window": "90d", "keep_owner": []},
    "pipeline": [
        {"rule": {"name": "keep", "when": {"source": "fair"}, "then": {"current_owner": True}}},
        {"queue": {"name": "desk"}},
    ],
}
OWNERS: dict[str, dict[str, Any]] = {
    "ana": {"name": "Ana Weber", "crm": {"salesforce": "005000000000001"}},
    "ben": {"crm": {"salesforce": "005000000000002", "hubspot": "77"}},
    "cem": {"crm": {"hubspot": "77"}},
}


def office(**ana: Any) -> Facts:
    return facts({**OWNERS, "ana": {**OWNERS["ana"], **ana}})


def decided(request: DecisionRequest, about: Facts | None = None) -> Decision:
    return decide(request, plan(PLAN), about or office())


def new(owner_id: str | None) -> DecisionRequest:
    """A new lead, sent with this owner."""
    return question(source="fair", crm={"owner_id": owner_id} if owner_id else {})


def known(state: str = "assigned") -> DecisionRequest:
    """A returning lead of Ana, sent with another owner."""
    blank: dict[str, Any] = dict.fromkeys(("team", "queue", "path", "block"))
    prior = PriorAssignment(
        "old", "older", "email", state, "ana", **blank, priority=0, decided_at=NOW - timedelta(days=1)
    )
    return question(prior, source="fair", crm={"owner_id": "ben"})


@pytest.mark.parametrize(
    ("request_", "owner"),
    [
        (new("ana"), "ana"),
        (new("005000000000002"), "ben"),
        (new("77"), None),  # the CRM id of two owners
        (new("somebody"), None),
        (new(None), None),
        (known(), "ana"),
        (known("closed"), "ana"),
        (replace(question(source="fair"), kind="reassign", present_owner="ben"), "ben"),
        (replace(new("ana"), exclude=frozenset(("ana",))), None),
    ],
)
def test_the_lead_stays_with_the_owner_it_has(request_: DecisionRequest, owner: str | None) -> None:
    decision = decided(request_)
    assert (decision.owner.id if decision.owner else None) == owner
    assert decision.step == ("keep" if owner else "desk")
    assert decision.turn is None


@pytest.mark.parametrize(
    ("ana", "kept", "over_cap"),
    [
        ({"active": False}, False, False),
        ({"paused_until": str(NOW + timedelta(hours=1))}, True, False),
        ({"caps": {"open": 1}}, True, True),
    ],
)
def test_caps_and_pauses_do_not_separate_a_lead_from_its_owner(
    ana: dict[str, Any], kept: bool, over_cap: bool
) -> None:
    about = replace(office(**ana), state=State(loads={"ana": Load(open=1)}))
    decision = decided(new("ana"), about)
    assert (decision.owner is not None, decision.over_cap) == (kept, over_cap)
    assert decision.counts_toward_load is kept


def test_the_trace_and_the_sentence_say_that_the_lead_stays() -> None:
    decision = decided(new("ana"))
    assert decision.text == "Stays with Ana Weber by rule keep (source fair)."
    (target,) = decision.trace["steps"][0]["targets"]
    assert target == {
        "target": {"current_owner": True},
        "code": "chosen",
        "candidates": [{"owner": "ana", "code": "chosen", "open_leads": 0}],
    }
    nobody = decided(new(None)).trace["steps"][0]
    assert (nobody["code"], nobody["targets"]) == (
        "no_current_owner",
        [{"target": {"current_owner": True}, "code": "no_current_owner"}],
    )


def test_the_owner_of_a_stored_lead_is_among_the_stored_inputs() -> None:
    request = replace(question(source="fair"), kind="reassign", present_owner="ben")
    assert request_from_json(request_to_json(request)) == request


@pytest.mark.parametrize(
    ("then", "code"),
    [
        ({"current_owner": False}, "not_allowed"),
        ({"current_owner": True, "owner": "ana"}, "exactly_one"),
        ({"current_owner": True, "off_hours": "hold"}, "misplaced_field"),
        ({"current_owner": True, "skills": ["x"]}, "misplaced_field"),
    ],
)
def test_a_target_that_cannot_be_read_is_found(then: dict[str, Any], code: str) -> None:
    read = read_plan({**PLAN, "pipeline": [{"rule": {"name": "a", "then": then}}, PLAN["pipeline"][1]]})
    assert isinstance(read, list)
    assert [each.code for each in read] == [code]


def test_a_current_owner_alone_does_not_settle_every_lead() -> None:
    read = read_plan({"pipeline": [{"rule": {"name": "keep", "then": {"current_owner": True}}}]})
    assert not isinstance(read, list)
    assert not read.pipeline[0].settles
