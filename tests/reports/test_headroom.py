"""What a team can take, and when it will be full."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from app.engine.model.directory import Absence, Caps, Directory, Member, Owner, Ramp, Team
from app.engine.model.state import Facts, Load, State
from app.plan.language.hours import read_hours
from app.reports.headroom import TeamRoom, fill, room_of

MONDAY = datetime(2030, 11, 18, 9, tzinfo=UTC)
WEEK = timedelta(days=7)
HOURS = read_hours("Mo-Fr 09:00-17:00", "UTC")


def owner(id_: str, cap: int | None = 10, **fields: Any) -> Owner:
    caps = Caps(open=cap) if cap is not None else None
    return Owner(id_, id_.title(), caps=caps, **{"hours": HOURS, **fields})


def room(members: list[Member], owners: list[Owner], **open_leads: int) -> TeamRoom:
    team = Team("sales", "Sales", tuple(members))
    state = State(loads={id_: Load(open=count) for id_, count in open_leads.items()})
    directory = Directory(1, {each.id: each for each in owners}, {"sales": team})
    return room_of(team, Facts(MONDAY, directory, state), MONDAY + WEEK)


def test_headroom_is_that_of_members_who_work_in_the_horizon() -> None:
    away = Absence(MONDAY, MONDAY + 2 * WEEK)
    owners = [
        owner("ana"),
        owner("ben"),
        owner("cem", absences=(away,)),
        owner("dia", paused_until=MONDAY + 2 * WEEK),
        owner("eva", active=False),
        owner("flo"),
        owner("gil", hours=read_hours("Jan 01-05 09:00-17:00", "UTC")),
    ]
    members = [Member(each.id, weight=0 if each.id == "flo" else 1000) for each in owners]
    found = room(members, owners, ana=6, ben=13)
    assert found.headroom == 4
    assert [each.owner.id for each in found.working] == ["ana", "ben"]


def test_tighter_of_two_caps_counts_and_a_ramp_scales_both() -> None:
    ramp = Ramp(500, (MONDAY + WEEK).date())
    members = [Member("ana", caps=Caps(open=3)), Member("ben", ramp=ramp)]
    assert room(members, [owner("ana"), owner("ben", 9)], ben=1).headroom == 3 + 4


def test_member_without_a_cap_leaves_the_headroom_open() -> None:
    found = room([Member("ana"), Member("ben")], [owner("ana"), owner("ben", None)])
    assert found.headroom is None
    assert fill(found, 40, 0, MONDAY - WEEK, MONDAY, MONDAY).hours_until_full == "never"


@pytest.mark.parametrize(
    ("arrivals", "closings", "rate", "hours"),
    [
        # The team works 40 hours in a week. It has room for 14 more.
        (30, 10, 0.5, 28),
        (10, 10, 0, "never"),
        (4, 10, -0.15, "never"),
    ],
)
def test_hours_until_full_are_working_hours(arrivals: int, closings: int, rate: float, hours: Any) -> None:
    found = room([Member("ana"), Member("ben")], [owner("ana"), owner("ben")], ana=6)
    filling = fill(found, arrivals, closings, MONDAY - WEEK, MONDAY, MONDAY)
    assert (filling.net_rate, filling.hours_until_full) == (rate, hours)
    # 28 hours of work from Monday 09:00: three days of 8 hours, and 4 hours of Thursday.
    full_at = datetime(2030, 11, 21, 13, tzinfo=UTC) if hours == 28 else None
    assert filling.full_at == full_at


def test_full_team_is_full_now() -> None:
    found = room([Member("ana")], [owner("ana", 2)], ana=2)
    assert fill(found, 0, 5, MONDAY - WEEK, MONDAY, MONDAY).hours_until_full == 0


def test_nobody_who_takes_turns_has_no_headroom() -> None:
    found = room([Member("ana", weight=0)], [owner("ana")])
    assert found.headroom == 0
    filling = fill(found, 5, 0, MONDAY - WEEK, MONDAY, MONDAY)
    assert (filling.net_rate, filling.hours_until_full) == (None, None)
