"""Newcomers: less weight and smaller caps until a day of their own."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from app.engine.model.decision import Decision
from app.engine.model.directory import Caps
from app.engine.model.state import Load, State, apply_decision
from app.engine.pipeline.decide import decide
from app.engine.selection.member_status import member_statuses
from app.engine.selection.ramps import scaled
from tests.support.decisions import PLAN, TEAM, plan, question
from tests.support.decisions import facts as facts_of

RAMP = {"factor": 0.5, "until": "2026-11-23"}
PLAIN = plan({**PLAN, "pipeline": [{"round_robin": {"team": TEAM}}, {"queue": {"name": "desk"}}]})
FRIDAY, MONDAY = datetime(2026, 11, 20, 12, tzinfo=UTC), datetime(2026, 11, 23, 12, tzinfo=UTC)


def shared(leads: int, start: datetime, state: State, **newcomer: Any) -> dict[str, int]:
    """The number of leads of each owner, after this many leads at one per minute."""
    counts = {"ana": 0, "ben": 0, "eva": 0}
    members = [{"owner": "ana"}, {"owner": "ben"}, {"owner": "eva", **newcomer}]
    for number in range(leads):
        now = start + timedelta(minutes=number)
        at = facts_of({name: {} for name in counts}, members=members, state=state, now=now)
        decision = decide(question(), PLAIN, at)
        apply_decision(state, at.directory, decision, now)
        assert decision.owner is not None
        counts[decision.owner.id] += 1
    return counts


def test_a_ramp_halves_the_share_until_its_day() -> None:
    state = State()
    assert shared(100, FRIDAY, state, ramp=RAMP) == {"ana": 40, "ben": 40, "eva": 20}
    assert shared(90, MONDAY, state, ramp=RAMP) == {"ana": 30, "ben": 30, "eva": 30}


def test_a_ramp_changes_nothing_but_the_weight_of_the_day() -> None:
    assert shared(70, FRIDAY, State(), ramp=RAMP, weight=3) == shared(70, FRIDAY, State(), weight=1.5)


def asked(now: datetime, owner: dict[str, Any], member: dict[str, Any], load: Load) -> Decision:
    at = facts_of(
        {"eva": owner}, members=[{"owner": "eva", **member}], state=State(loads={"eva": load}), now=now
    )
    at.state.member_loads[TEAM] = {"eva": load}
    return decide(question(), PLAIN, at)


@pytest.mark.parametrize("where", ["owner", "member"])
@pytest.mark.parametrize(("held", "outcome"), [(1, "assigned"), (2, "queued")])
def test_caps_are_scaled_and_rounded_up(where: str, held: int, outcome: str) -> None:
    caps: dict[str, Any] = {"caps": {"open": 3}}
    owner, member = (caps, {}) if where == "owner" else ({}, caps)
    assert asked(FRIDAY, owner, {"ramp": RAMP, **member}, Load(open=held)).outcome == outcome
    assert asked(MONDAY, owner, {"ramp": RAMP, **member}, Load(open=held)).outcome == "assigned"
    assert asked(FRIDAY, owner, member, Load(open=held)).outcome == "assigned"


@pytest.mark.parametrize(
    ("zone", "moment", "outcome"),
    [
        ("Asia/Tokyo", "2026-11-22T14:59:59Z", "queued"),
        ("Asia/Tokyo", "2026-11-22T15:00:00Z", "assigned"),
        ("America/New_York", "2026-11-23T04:59:59Z", "queued"),
        ("America/New_York", "2026-11-23T05:00:00Z", "assigned"),
    ],
)
def test_the_ramp_ends_when_the_day_begins_where_the_owner_is(zone: str, moment: str, outcome: str) -> None:
    owner = {"timezone": zone, "caps": {"open": 2}}
    now = datetime.fromisoformat(moment).astimezone(UTC)
    assert asked(now, owner, {"ramp": RAMP}, Load(open=1)).outcome == outcome
    at = facts_of(
        {"eva": owner},
        members=[{"owner": "eva", "ramp": RAMP}],
        state=State(loads={"eva": Load(open=1)}),
        now=now,
    )
    (shown,) = member_statuses(at.directory.teams[TEAM], at)
    assert shown.code == (None if outcome == "assigned" else "cap_open")


def test_every_cap_is_scaled() -> None:
    caps = Caps(10, 5, 1, ((3, timedelta(hours=1)), (0, timedelta(hours=2))))
    assert scaled(caps, 300) == Caps(3, 2, 1, ((1, timedelta(hours=1)), (0, timedelta(hours=2))))
    assert scaled(Caps(open=0), 300) == Caps(open=0)
    assert scaled(None, 300) is None
    assert scaled(caps, 1000) is caps


def test_a_member_with_weight_takes_turns_however_small_the_factor() -> None:
    tiny = {"ramp": {"factor": 0.001, "until": "2027-01-01"}, "weight": 0.001}
    assert asked(FRIDAY, {}, tiny, Load()).outcome == "assigned"
    assert asked(FRIDAY, {}, {**tiny, "weight": 0}, Load()).outcome == "queued"
