"""Shifts: which members are considered while a team is staffed, and where leads go while it is not."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from app.engine.model.decision import Decision
from app.engine.model.state import Facts, State, apply_decision
from app.engine.pipeline.decide import decide
from app.engine.selection.member_status import member_statuses
from tests.support.decisions import PLAN, TEAM, plan, question
from tests.support.decisions import facts as facts_of

CALENDARS = {
    "berlin": {"timezone": "Europe/Berlin", "hours": "Mo-Fr 09:00-17:00"},
    "york": {"timezone": "America/New_York", "hours": "Mo-Fr 09:00-17:00"},
    "never": {"timezone": "UTC", "hours": "off"},
}
PEOPLE: dict[str, dict[str, Any]] = {"ana": {"calendar": "berlin"}, "ben": {"calendar": "york"}}
MORNING, OVERLAP, NIGHT, SATURDAY = (
    "2026-11-20T09:00Z",
    "2026-11-20T15:00Z",
    "2026-11-20T03:00Z",
    "2026-11-21T12:00Z",
)


def facts(moment: str, people: Mapping[str, Mapping[str, Any]] = PEOPLE, **more: Any) -> Facts:
    now = datetime.fromisoformat(moment).astimezone(UTC)
    return facts_of(people, calendars=CALENDARS, now=now, **more)


def asked(at: Facts, exclude: tuple[str, ...] = (), **target: Any) -> Decision:
    steps: list[dict[str, Any]] = [{"round_robin": {"team": TEAM, **target}}, {"queue": {"name": "desk"}}]
    return decide(question(exclude=exclude), plan({**PLAN, "pipeline": steps}), at)


def codes(decision: Decision) -> dict[str, str]:
    candidates = decision.trace["steps"][0]["targets"][0]["candidates"]
    return {one["owner"]: one["code"] for one in candidates}


@pytest.mark.parametrize(
    ("moment", "expected"),
    [
        (MORNING, {"ana": "chosen", "ben": "off_shift"}),
        (OVERLAP, {"ana": "chosen", "ben": "not_next"}),
        ("2026-11-20T17:00Z", {"ana": "off_shift", "ben": "chosen"}),
        (SATURDAY, {"ana": "chosen", "ben": "not_next"}),
        # The United States have summer time, Europe has not yet.
        ("2026-03-27T12:30Z", {"ana": "chosen", "ben": "off_shift"}),
        ("2026-03-27T13:30Z", {"ana": "chosen", "ben": "not_next"}),
        ("2026-03-27T16:30Z", {"ana": "off_shift", "ben": "chosen"}),
    ],
)
def test_a_staffed_team_considers_only_members_on_shift(moment: str, expected: dict[str, str]) -> None:
    assert codes(asked(facts(moment))) == expected


def test_a_member_off_shift_keeps_their_balance_and_shows_when_they_return() -> None:
    decision = asked(facts(MORNING))
    assert decision.turn is not None
    assert set(decision.turn.changes) == {"ana"}
    ben = decision.trace["steps"][0]["targets"][0]["candidates"][1]
    assert ben == {
        "owner": "ben",
        "code": "off_shift",
        "open_leads": 0,
        "available_at": "2026-11-20T14:00:00Z",
    }


def test_an_owner_without_a_calendar_is_always_on_shift() -> None:
    people = {**PEOPLE, "cem": {}}
    assert codes(asked(facts(SATURDAY, people))) == {"ana": "off_shift", "ben": "off_shift", "cem": "chosen"}
    assert codes(asked(facts(SATURDAY, {"ana": {}, "ben": {"calendar": "gone"}}))) == {
        "ana": "chosen",
        "ben": "not_next",
    }


@pytest.mark.parametrize(
    ("way", "outcome", "queue", "code"),
    [
        ("assign", "assigned", None, "round_robin"),
        ("hold", "queued", "held", "held"),
        ("next", "queued", "desk", "queue"),
    ],
)
def test_off_hours_says_what_happens_when_nobody_is_on_shift(
    way: str, outcome: str, queue: str | None, code: str
) -> None:
    decision = asked(facts(SATURDAY), off_hours=way, priority=40)
    assert (decision.outcome, decision.queue, decision.code) == (outcome, queue, code)


def test_a_held_lead_says_until_when() -> None:
    decision = asked(facts(SATURDAY), off_hours="hold", priority=40)
    assert decision.held_until == datetime(2026, 11, 23, 8, tzinfo=UTC)
    assert decision.priority == 40
    assert (
        decision.text == "Held until 2026-11-23 08:00 UTC because team inbound is off shift (step inbound)."
    )
    assert (decision.owner, decision.turn, decision.counts_toward_load) == (None, None, False)


def test_a_lead_that_no_shift_can_take_is_not_held() -> None:
    at = facts(SATURDAY, {"ana": {"calendar": "never"}})
    assert asked(at, off_hours="hold").queue == "desk"
    assert asked(at).owner is not None


@pytest.mark.parametrize("way", ["assign", "hold", "next"])
def test_a_staffed_team_that_is_full_does_not_hold_leads(way: str) -> None:
    capped = {**PEOPLE, "ana": {"calendar": "berlin", "caps": {"open": 0}}}
    for decision in (
        asked(facts(MORNING, capped), off_hours=way),
        asked(facts(MORNING), exclude=("ana",), off_hours=way),
    ):
        assert decision.trace["steps"][0]["code"] == "no_eligible_member"
        assert codes(decision)["ben"] == "off_shift"


@pytest.mark.parametrize(
    "ana",
    [
        {"calendar": "berlin", "active": False},
        {"calendar": "berlin", "paused_until": "2026-12-01T00:00:00Z"},
    ],
)
def test_an_unavailable_member_does_not_staff_the_team(ana: dict[str, Any]) -> None:
    decision = asked(facts(MORNING, {**PEOPLE, "ana": ana}), off_hours="hold")
    assert decision.held_until == datetime(2026, 11, 20, 14, tzinfo=UTC)


def test_a_partial_absence_counts_as_off_shift() -> None:
    away = [{"owner": "ana", "from": "2026-11-20T08:30:00Z", "to": "2026-11-20T11:00:00Z"}]
    assert asked(facts(MORNING, absences=away), off_hours="next").queue == "desk"
    later = asked(facts("2026-11-20T11:00Z", absences=away), off_hours="next")
    assert later.owner is not None
    assert later.owner.id == "ana"


@pytest.mark.parametrize(
    ("back", "begins"),
    [
        ("2026-11-23T08:00:00Z", "2026-11-23T08:00:00Z"),
        ("2026-11-23T10:30:00Z", "2026-11-23T10:30:00Z"),
        ("2026-11-23T18:00:00Z", "2026-11-24T10:00:00Z"),
    ],
)
def test_the_next_shift_starts_after_the_absence(back: str, begins: str) -> None:
    away = [
        {"owner": "ana", "from": "2026-11-24T08:00:00Z", "to": "2026-11-24T10:00:00Z"},
        {"owner": "ana", "from": "2026-11-23T00:00:00Z", "to": back},
    ]
    decision = asked(facts(SATURDAY, {"ana": {"calendar": "berlin"}}, absences=away), off_hours="hold")
    assert decision.held_until == datetime.fromisoformat(begins)


@pytest.mark.parametrize("calendar", ["berlin", None])
def test_a_team_is_staffed_again_when_a_member_returns(calendar: str | None) -> None:
    away = [{"owner": "ana", "from": "2026-11-20T08:00:00Z", "to": "2026-11-20T11:00:00Z"}]
    people = {**PEOPLE, "ana": {"calendar": calendar}}
    decision = asked(facts(MORNING, people, absences=away), off_hours="hold")
    assert decision.held_until == datetime(2026, 11, 20, 11, tzinfo=UTC)


def test_a_member_with_weight_zero_does_not_staff_the_team() -> None:
    members = [{"owner": "ana", "weight": 0}, {"owner": "ben"}]
    assert codes(asked(facts(MORNING, members=members))) == {"ana": "zero_weight", "ben": "chosen"}


@pytest.mark.parametrize(
    ("way", "outcome", "code"),
    [
        (None, "assigned", "rule"),
        ("assign", "assigned", "rule"),
        ("hold", "queued", "held"),
        ("next", "queued", "queue"),
    ],
)
def test_a_named_owner_gets_leads_at_any_hour_by_default(way: str | None, outcome: str, code: str) -> None:
    then = {"owner": "ana"} | ({"off_hours": way} if way else {})
    steps = [{"rule": {"name": "vip", "then": then}}, {"queue": {"name": "desk"}}]
    ready = plan({**PLAN, "pipeline": steps})
    decision = decide(question(), ready, facts(SATURDAY))
    assert (decision.outcome, decision.code) == (outcome, code)
    if way == "hold":
        assert decision.held_until == datetime(2026, 11, 23, 8, tzinfo=UTC)
        assert decision.text == "Held until 2026-11-23 08:00 UTC because ana is off shift (rule vip)."
    assert decide(question(), ready, facts(MORNING)).outcome == "assigned"


def test_the_member_status_shows_who_is_off_shift() -> None:
    at = facts(MORNING)
    back = datetime(2026, 11, 20, 14, tzinfo=UTC)
    found = member_statuses(at.directory.teams[TEAM], at)
    assert [(each.owner, each.code, each.available_at) for each in found] == [
        ("ana", None, None),
        ("ben", "off_shift", back),
    ]
    night = facts(SATURDAY)
    assert [each.code for each in member_statuses(night.directory.teams[TEAM], night)] == [None, None]


def test_turns_go_on_by_weight_among_those_on_shift() -> None:
    people = {**PEOPLE, "cem": {"calendar": "york"}}
    state, counts = State(), dict.fromkeys(people, 0)
    for number in range(60):
        moment = datetime(2026, 11, 18, tzinfo=UTC) + timedelta(hours=14, minutes=number)
        at = facts_of(people, calendars=CALENDARS, now=moment, state=state)
        decision = asked(at)
        apply_decision(state, at.directory, decision, moment)
        assert decision.owner is not None
        counts[decision.owner.id] += 1
    assert counts == {"ana": 20, "ben": 20, "cem": 20}


@pytest.mark.parametrize(
    ("away", "off_hours", "outcome", "until"),
    [
        ({"ana": "20T14", "ben": "20T16"}, "hold", "held", "2026-11-20T14:00Z"),
        # Back at night, on shift when the day begins.
        ({"ana": "21T02", "ben": "23T16"}, "hold", "held", "2026-11-23T08:00Z"),
        ({"ana": "20T14", "ben": "20T16"}, "next", "off_hours", None),
        ({"ana": "20T14", "ben": "20T16"}, None, "no_eligible_member", None),
    ],
)
def test_a_lead_waits_for_the_first_absent_member_to_return(
    away: dict[str, str], off_hours: str | None, outcome: str, until: str | None
) -> None:
    absences = [
        {"owner": owner, "from": "2026-11-01T00:00:00Z", "to": f"2026-11-{back}:00:00Z"}
        for owner, back in away.items()
    ]
    decision = asked(facts(MORNING, absences=absences), off_hours=off_hours)
    assert decision.trace["steps"][0]["code"] == outcome if until is None else decision.code == outcome
    assert decision.held_until == (datetime.fromisoformat(until) if until else None)


def test_a_lead_waits_for_a_paused_member_too() -> None:
    paused: dict[str, dict[str, Any]] = {
        "ana": {"paused_until": "2026-11-20T13:00:00Z", "calendar": "berlin"}
    }
    decision = asked(facts(MORNING, paused), off_hours="hold")
    assert (decision.code, decision.held_until) == ("held", datetime.fromisoformat("2026-11-20T13:00Z"))


def test_no_lead_waits_for_the_absent_while_the_team_is_staffed() -> None:
    people: dict[str, dict[str, Any]] = {
        "ana": {"calendar": "berlin", "caps": {"open": 0}},
        "ben": {"calendar": "york"},
    }
    absences = [{"owner": "ben", "from": "2026-11-01T00:00:00Z", "to": "2026-11-22T00:00:00Z"}]
    decision = asked(facts(MORNING, people, absences=absences), off_hours="hold")
    assert (decision.queue, decision.held_until) == ("desk", None)
