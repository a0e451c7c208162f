"""Who may take a lead, to the second: codes, caps in the owner's own days, and when they free."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from app.engine.model.directory import Absence
from app.engine.model.records import owner_from
from app.engine.model.state import Load
from app.engine.selection.eligibility import Refusal, Requirements, cap_refusal, refusal
from tests.support.decisions import NOW

SECOND, HOUR = timedelta(seconds=1), timedelta(hours=1)
BERLIN = {"timezone": "Europe/Berlin"}


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


CODES: dict[str, tuple[Mapping[str, Any], Requirements, str | None]] = {
    "no refusal": ({}, Requirements(), None),
    "inactive": ({"active": False}, Requirements(), "inactive"),
    "paused": ({"paused_until": "2026-11-20T12:00:01Z"}, Requirements(), "paused"),
    "pause over": ({"paused_until": "2026-11-20T12:00:00Z"}, Requirements(), None),
    "lacks a skill": ({"skills": ["a"]}, Requirements(skills=frozenset({"a", "b"})), "missing_skill"),
    "has the skills": ({"skills": ["A", "B", "c"]}, Requirements(skills=frozenset({"a", "b"})), None),
    "lacks a language": (
        {"languages": ["de"]},
        Requirements(languages=frozenset({"en"})),
        "missing_language",
    ),
    "speaks it": ({"languages": ["DE", "en"]}, Requirements(languages=frozenset({"de"})), None),
    "excluded": ({}, Requirements(exclude={"ana"}), "excluded"),
    "another excluded": ({}, Requirements(exclude={"ben"}), None),
    "excluded comes before inactive": ({"active": False}, Requirements(exclude={"ana"}), "excluded"),
    "inactive comes before paused": (
        {"active": False, "paused_until": "2027-01-01T00:00:00Z"},
        Requirements(),
        "inactive",
    ),
    "no open place": ({"caps": {"open": 0}}, Requirements(), "cap_open"),
    "no caps set": ({"caps": {"open": None}}, Requirements(), None),
}


@pytest.mark.parametrize(("body", "need", "code"), CODES.values(), ids=CODES)
def test_each_refusal_has_its_code(body: Mapping[str, Any], need: Requirements, code: str | None) -> None:
    found = refusal(owner_from("ana", body), Load(), need, NOW)
    assert (found.code if found else None) == code


@pytest.mark.parametrize(
    ("moment", "away"),
    [(-SECOND, False), (timedelta(), True), (HOUR - SECOND, True), (HOUR, False)],
    ids=["just before", "first second", "last second", "back"],
)
def test_an_absence_counts_from_its_start_until_just_before_its_end(moment: timedelta, away: bool) -> None:
    owner = owner_from("ana", {}, [Absence(NOW, NOW + HOUR)])
    assert refusal(owner, Load(), Requirements(), NOW + moment) == (
        Refusal("absent", NOW + HOUR) if away else None
    )


def test_a_pause_says_when_it_ends() -> None:
    owner = owner_from("ana", {"paused_until": "2026-11-21T00:00:00Z"})
    assert refusal(owner, Load(), Requirements(), NOW) == Refusal("paused", at("2026-11-21T00:00:00Z"))


DAYS = {
    "an ordinary day": ("2026-11-20T00:00:00+01:00", "2026-11-21T00:00:00+01:00"),
    "23 hours in spring": ("2026-03-29T00:00:00+01:00", "2026-03-30T00:00:00+02:00"),
    "25 hours in autumn": ("2026-10-25T00:00:00+02:00", "2026-10-26T00:00:00+01:00"),
}


@pytest.mark.parametrize(("start", "end"), DAYS.values(), ids=DAYS)
def test_a_daily_cap_holds_from_midnight_to_midnight_of_the_owner(start: str, end: str) -> None:
    owner = owner_from("ana", {**BERLIN, "caps": {"per_day": 2}})
    first, last, after = at(start), at(end) - SECOND, at(end)
    assert owner.caps
    load = Load()
    load.take(owner, owner.caps, first - SECOND)  # yesterday's
    assert cap_refusal(owner.caps, load, owner.zone, first) is None
    load.take(owner, owner.caps, first)
    assert cap_refusal(owner.caps, load, owner.zone, last) is None
    load.take(owner, owner.caps, last)
    assert cap_refusal(owner.caps, load, owner.zone, last) == Refusal("cap_day", after)
    assert cap_refusal(owner.caps, load, owner.zone, after) is None


def test_a_daily_cap_is_exact_when_the_clock_changes() -> None:
    owner = owner_from("ana", {**BERLIN, "caps": {"per_day": 3}})
    assert owner.caps
    load = Load()
    for moment in ("2026-10-25T02:30:00+02:00", "2026-10-25T02:30:00+01:00"):
        load.take(owner, owner.caps, at(moment))
    assert load.today == 2
    spring = Load()
    for moment in ("2026-03-29T00:59:59Z", "2026-03-29T01:00:00Z"):  # 01:59:59, then 03:00:00
        spring.take(owner, owner.caps, at(moment))
    assert spring.today == 2


def test_a_midnight_that_does_not_exist_is_the_first_moment_of_the_day() -> None:
    owner = owner_from("ana", {"timezone": "Asia/Beirut", "caps": {"per_day": 1}})
    assert owner.caps
    load, evening = Load(), at("2026-03-28T23:59:59+02:00")
    load.take(owner, owner.caps, evening)
    assert cap_refusal(owner.caps, load, owner.zone, evening) == Refusal("cap_day", evening + SECOND)
    assert cap_refusal(owner.caps, load, owner.zone, evening + SECOND) is None


def test_a_weekly_cap_frees_on_monday_at_midnight_of_the_owner() -> None:
    owner = owner_from("ana", {"timezone": "America/New_York", "caps": {"per_week": 2}})
    sunday, monday = at("2026-11-01T23:59:59-05:00"), at("2026-11-02T00:00:00-05:00")
    assert owner.caps
    load = Load()
    load.take(owner, owner.caps, at("2026-10-26T00:00:00-04:00"))
    load.take(owner, owner.caps, sunday)
    assert cap_refusal(owner.caps, load, owner.zone, sunday) == Refusal("cap_week", monday)
    assert cap_refusal(owner.caps, load, owner.zone, monday) is None


def test_a_rolling_window_is_open_at_its_start_and_shut_at_its_end() -> None:
    owner = owner_from("ana", {"caps": {"rolling": [{"count": 2, "hours": 1}]}})
    assert owner.caps
    load = Load()
    for minutes in (0, 20):
        load.take(owner, owner.caps, NOW + timedelta(minutes=minutes))
    assert cap_refusal(owner.caps, load, owner.zone, NOW + HOUR - SECOND) == Refusal(
        "cap_rolling", NOW + HOUR
    )
    assert cap_refusal(owner.caps, load, owner.zone, NOW + HOUR) is None
    load.take(owner, owner.caps, NOW + HOUR)
    frees = NOW + timedelta(minutes=80)
    assert cap_refusal(owner.caps, load, owner.zone, NOW + HOUR) == Refusal("cap_rolling", frees)


def test_each_rolling_window_counts_on_its_own() -> None:
    rolling = [{"count": 2, "hours": 1}, {"count": 3, "hours": 24}]
    owner = owner_from("ana", {"caps": {"rolling": rolling}})
    assert owner.caps
    load = Load()
    for hours in (0, 2, 4):
        moment = NOW + timedelta(hours=hours)
        assert cap_refusal(owner.caps, load, owner.zone, moment) is None
        load.take(owner, owner.caps, moment)
    later = NOW + timedelta(hours=6)
    assert cap_refusal(owner.caps, load, owner.zone, later) == Refusal("cap_rolling", NOW + 24 * HOUR)


def test_a_lowered_rolling_cap_frees_when_few_enough_leads_remain() -> None:
    owner = owner_from("ana", {"caps": {"rolling": [{"count": 1, "hours": 1}]}})
    assert owner.caps
    load = Load()
    for minutes in (0, 10, 20):
        load.take(owner, owner.caps, NOW + timedelta(minutes=minutes))
    frees = NOW + timedelta(minutes=80)
    assert cap_refusal(owner.caps, load, owner.zone, NOW + timedelta(minutes=30)) == Refusal(
        "cap_rolling", frees
    )


def test_the_first_of_several_reached_caps_is_named() -> None:
    owner = owner_from("ana", {"caps": {"open": 1, "per_day": 1, "per_week": 1}})
    assert owner.caps
    load = Load()
    load.take(owner, owner.caps, NOW)
    codes = []
    for _ in range(2):
        found = cap_refusal(owner.caps, load, owner.zone, NOW)
        codes.append(found.code if found else None)
        load.open = 0
    assert codes == ["cap_open", "cap_day"]
