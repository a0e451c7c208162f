"""A backlog is shared out as the members of a team come on shift, in whatever order they start."""

from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from math import ceil
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.engine.model.decision import Decision
from app.engine.model.state import State, apply_decision
from app.engine.pipeline.decide import decide
from tests.support.decisions import PLAN, TEAM, facts, plan, question

DAY = datetime(2026, 11, 20, tzinfo=UTC)
STEPS = [{"round_robin": {"team": TEAM, "off_hours": "hold"}}, {"queue": {"name": "desk"}}]
READY = plan({**PLAN, "pipeline": STEPS})
STARTS = {"ana": "08:55", "ben": "09:00", "cem": "09:00"}


def clock(text: str) -> datetime:
    """A time of the day."""
    hour, minute = text.split(":")
    return DAY.replace(hour=int(hour), minute=int(minute))


def release(
    waiting: int,
    at: str,
    state: State,
    starts: dict[str, str],
    weights: dict[str, float] | None = None,
    **owners: Any,
) -> list[Decision]:
    """Release what waits, one lead after another, until one has to wait on."""
    calendars = {f"from-{each}": {"timezone": "UTC", "hours": f"{each}-17:00"} for each in starts.values()}
    people = {id_: {"calendar": f"from-{each}", **owners.get(id_, {})} for id_, each in starts.items()}
    members = [{"owner": id_, "weight": (weights or {}).get(id_, 1)} for id_ in starts]
    now = facts(people, calendars=calendars, now=clock(at), state=state, members=members)
    made = []
    for left in range(waiting, 0, -1):
        decision = decide(replace(question(), kind="release", backlog=left), READY, now)
        made.append(decision)
        if decision.owner is None:
            break
        apply_decision(state, now.directory, decision, now.now)
    return made


def shares(*rounds: list[Decision]) -> Counter[str]:
    """How many leads each owner got."""
    return Counter(each.owner.id for made in rounds for each in made if each.owner is not None)


def test_first_member_on_shift_gets_their_share_and_the_rest_waits() -> None:
    """Behaviour 12: forty leads of a night, ana from 8:55, the other two from 9:00."""
    state = State()
    early = release(40, "08:55", state, STARTS)
    assert shares(early) == {"ana": 14}
    waits = early[-1]
    assert (waits.code, waits.held_until, waits.turn) == ("held", clock("09:00"), None)
    assert "more members of team inbound start their shift soon" in waits.text
    late = release(26, "09:00", state, STARTS)
    assert shares(early, late) == {"ana": 14, "ben": 13, "cem": 13}
    assert state.backlogs == {}


def test_share_is_computed_again_when_an_expected_member_does_not_come() -> None:
    state = State()
    early = release(40, "08:55", state, STARTS)
    absence = {"active": False}
    late = release(26, "09:00", state, STARTS, cem=absence)
    assert shares(early, late) == {"ana": 20, "ben": 20}


@pytest.mark.parametrize(("begins", "waits"), [("09:25", True), ("09:26", False)])
def test_only_a_shift_within_thirty_minutes_is_waited_for(begins: str, waits: bool) -> None:
    made = release(10, "08:55", State(), {"ana": "08:55", "ben": begins})
    assert shares(made) == {"ana": 5 if waits else 10}


def test_member_at_a_cap_has_no_share() -> None:
    made = release(10, "08:55", State(), STARTS, ben={"caps": {"open": 0}}, cem={"caps": {"open": 0}})
    assert shares(made) == {"ana": 10}


def test_next_night_has_shares_of_its_own() -> None:
    state = State()
    release(40, "08:55", state, STARTS)
    assert state.backlogs[TEAM].got == {"ana": 14}
    calendars = {f"from-{each}": {"timezone": "UTC", "hours": f"{each}-17:00"} for each in STARTS.values()}
    people = {id_: {"calendar": f"from-{each}"} for id_, each in STARTS.items()}
    next_day = facts(people, calendars=calendars, now=clock("08:56") + timedelta(days=3), state=state)
    decision = decide(replace(question(), kind="release", backlog=26), READY, next_day)
    assert decision.owner is not None
    apply_decision(state, next_day.directory, decision, next_day.now)
    assert state.backlogs[TEAM].got == {"ana": 1}


@given(
    st.integers(1, 120),
    st.lists(st.tuples(st.integers(1, 4), st.integers(0, 30)), min_size=1, max_size=5),
)
def test_nobody_gets_more_than_their_share_and_nothing_is_left(
    backlog: int, team: list[tuple[int, int]]
) -> None:
    names = ["ana", "ben", "cem", "dia", "eva"][: len(team)]
    starts = {name: f"09:{minute:02}" for name, (_, minute) in zip(names, team, strict=True)}
    weights = {name: float(weight) for name, (weight, _) in zip(names, team, strict=True)}
    state, waiting, rounds = State(), backlog, []
    for at in sorted(set(starts.values())):
        made = release(waiting, at, state, starts, weights)
        rounds.append(made)
        waiting -= sum(shares(made).values())
        if not waiting:
            break
    got = shares(*rounds)
    assert waiting == 0
    assert sum(got.values()) == backlog
    for name in names:
        assert got[name] <= ceil(backlog * weights[name] / sum(weights.values()))
