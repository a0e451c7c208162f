"""Working hours: time zones, night shifts, holidays, and the hours when the clock is set back or forward."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.engine.life.working_time import Shifts, WorkingTime
from app.plan.language.hours import Hours, Span, read_hours

HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)
DAY = "Mo-Fr 09:00-17:00"
BERLIN, NEW_YORK = "Europe/Berlin", "America/New_York"


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


def hours(text: str = DAY, zone: str = BERLIN, country: str | None = None) -> Hours:
    return read_hours(text, zone, country)


def worked(found: Hours, begun: datetime, length: timedelta, gone: Sequence[Span] = ()) -> datetime | None:
    return WorkingTime((Shifts(found, tuple(gone)),)).add(begun, length)


@pytest.mark.parametrize(
    ("zone", "moment", "is_open"),
    [
        # The United States have summer time already, Europe has not: five hours lie between.
        (BERLIN, "2026-03-27T07:59:59Z", False),
        (BERLIN, "2026-03-27T08:00:00Z", True),
        (NEW_YORK, "2026-03-27T12:59:59Z", False),
        (NEW_YORK, "2026-03-27T13:00:00Z", True),
        (NEW_YORK, "2026-03-27T20:59:59Z", True),
        (NEW_YORK, "2026-03-27T21:00:00Z", False),
        # Three days later both have.
        (BERLIN, "2026-03-30T07:00:00Z", True),
        (BERLIN, "2026-03-30T06:59:59Z", False),
        (NEW_YORK, "2026-03-30T12:59:59Z", False),
        (NEW_YORK, "2026-03-30T13:00:00Z", True),
        (BERLIN, "2026-03-28T10:00:00Z", False),  # a Saturday
    ],
)
def test_hours_follow_their_own_time_zone(zone: str, moment: str, is_open: bool) -> None:
    assert hours(zone=zone).is_open(at(moment)) is is_open


NIGHT = "Mo-Su 22:00-06:00"
SPANS = {
    "a night in winter": (NIGHT, "2026-01-10T12:00Z", "2026-01-10T22:00+01:00", 8 * HOUR),
    "the night that loses an hour": (NIGHT, "2026-03-28T12:00Z", "2026-03-28T22:00+01:00", 7 * HOUR),
    "the night that gains one": (NIGHT, "2026-10-24T12:00Z", "2026-10-24T22:00+02:00", 9 * HOUR),
    "an hour that comes twice is worked once": (
        "Mo-Su 02:15-02:45",
        "2026-10-24T12:00Z",
        "2026-10-25T02:15+02:00",
        30 * MINUTE,
    ),
    "an hour that never comes is not worked": (
        "Mo-Su 02:15-02:45",
        "2026-03-28T12:00Z",
        "2026-03-30T02:15+02:00",
        30 * MINUTE,
    ),
    "a start that never comes": ("Mo-Su 02:30-04:00", "2026-03-28T12:00Z", "2026-03-29T03:00+02:00", HOUR),
    "an end that never comes": ("Mo-Su 01:00-02:30", "2026-03-28T12:00Z", "2026-03-29T01:00+01:00", HOUR),
    "beyond the weekend": (DAY, "2026-11-20T16:00Z", "2026-11-23T09:00+01:00", 8 * HOUR),
}


@pytest.mark.parametrize(("text", "before", "start", "length"), SPANS.values(), ids=SPANS)
def test_next_shift_starts_and_lasts_as_expected(
    text: str, before: str, start: str, length: timedelta
) -> None:
    found = hours(text)
    begins = found.next_open(at(before))
    assert begins == at(start)
    assert begins is not None
    assert [found.is_open(begins - MINUTE), found.is_open(begins)] == [False, True]
    assert [found.is_open(begins + length - MINUTE), found.is_open(begins + length)] == [True, False]
    assert worked(found, at(before), length) == begins + length


@pytest.mark.parametrize(
    ("country", "moment", "is_open"),
    [
        ("DE", "2026-12-25T10:00:00Z", False),
        ("DE", "2026-10-03T10:00:00Z", False),
        ("US", "2026-11-26T16:00:00Z", False),  # Thanksgiving
        ("DE", "2026-11-26T10:00:00Z", True),
        ("US", "2026-12-28T16:00:00Z", True),
    ],
)
def test_public_holidays_follow_the_country(country: str, moment: str, is_open: bool) -> None:
    zone = {"DE": BERLIN, "US": NEW_YORK}[country]
    assert hours("Mo-Su 09:00-17:00; PH off", zone, country).is_open(at(moment)) is is_open


@pytest.mark.parametrize(
    ("text", "region", "moment", "is_open"),
    [
        ("Mo-Fr 09:00-17:00; PH off", "DE-BY", "2026-01-06", False),  # Epiphany
        ("Mo-Fr 09:00-17:00; PH off", "DE-BE", "2026-01-06", True),
        ("Mo-Fr 09:00-17:00; PH off", "DE-BY", "2027-01-06", False),
        ("Mo-Fr 09:00-17:00; PH off", "DE-BY", "2035-01-01", False),
        ("Mo-Fr 09:00-17:00; PH off", "ES-CT", "2026-09-11", False),  # the national day of Catalonia
        ("Mo-Fr 09:00-17:00; PH off", "US-MA", "2026-04-20", False),  # Patriots' Day
        ("Mo-Fr 09:00-17:00; PH off", "US-CA", "2026-04-20", True),
        ("Mo-Fr,PH 09:00-17:00; Tu off", "DE-BY", "2026-01-06", False),
        ("Tu off; Mo,We-Fr,PH 09:00-17:00", "DE-BY", "2026-01-06", True),
        ("Mo-Su 09:00-17:00; PH,Su off", "DE-BY", "2026-01-06", False),
        ("Mo-Su 09:00-17:00; PH,Su off", "DE-BY", "2026-01-04", False),
        ('Mo-Fr 09:00-17:00; PH off "no PH; none"', "DE-BY", "2026-01-06", False),
        ('Mo-Fr 09:00-17:00 "PH too"', "DE-BY", "2026-01-06", True),
    ],
)
def test_public_holidays_follow_the_region(text: str, region: str, moment: str, is_open: bool) -> None:
    zone = {"DE": BERLIN, "US": NEW_YORK, "ES": "Europe/Madrid"}[region[:2]]
    noon = datetime.fromisoformat(f"{moment}T12:00").replace(tzinfo=ZoneInfo(zone))
    assert hours(text, zone, region).is_open(noon) is is_open


@pytest.mark.parametrize(
    ("text", "region"),
    [
        ("Mo-Fr 09:00-17:00; Dec-Mar PH off", "DE-BY"),
        ("Mo-Fr 09:00-17:00; PH -1 day off", "DE-BY"),
        ("Mo-Fr 9-17; PH off", "DE-BY"),
        ("Mo-Fr 09:00-17:00; PH off", "DE-XX"),
        ("Mo-Fr 09:00-17:00; PH off", "XX-BY"),
        ("Mo-Fr 09:00-17:00; PH off", "de by"),
    ],
)
def test_hours_with_unusable_regional_holidays_are_rejected(text: str, region: str) -> None:
    with pytest.raises(ValueError, match=r"Must|must|known"):
        hours(text, country=region)


@pytest.mark.parametrize(
    ("begun", "length", "due"),
    [
        ("2026-11-20T10:00+01:00", "15", "2026-11-20T10:15+01:00"),
        ("2026-11-20T16:50+01:00", "15", "2026-11-23T09:05+01:00"),
        ("2026-11-20T16:45+01:00", "15", "2026-11-20T17:00+01:00"),
        ("2026-11-21T12:00+01:00", "15", "2026-11-23T09:15+01:00"),
        ("2026-11-20T10:00+01:00", "960", "2026-11-24T10:00+01:00"),
        ("2026-11-20T10:00+01:00", "0", "2026-11-20T10:00+01:00"),
        ("2026-12-24T16:30+01:00", "60", "2026-12-28T09:30+01:00"),
    ],
)
def test_working_time_stops_outside_the_hours(begun: str, length: str, due: str) -> None:
    found = worked(hours(f"{DAY}; PH off", country="DE"), at(begun), int(length) * MINUTE)
    assert found == at(due)


@pytest.mark.parametrize(
    ("away", "due"),
    [
        ([("11:00", "14:00")], "2026-11-20T15:00+01:00"),
        ([("08:00", "11:30")], "2026-11-20T12:30+01:00"),
        ([("11:15", "11:30"), ("11:20", "11:45")], "2026-11-20T12:30+01:00"),
        ([("11:30", "18:00")], "2026-11-23T09:30+01:00"),
        ([("17:00", "19:00")], "2026-11-20T12:00+01:00"),
    ],
)
def test_absence_does_not_count_as_working_time(away: list[tuple[str, str]], due: str) -> None:
    gone = [(at(f"2026-11-20T{start}+01:00"), at(f"2026-11-20T{end}+01:00")) for start, end in away]
    assert worked(hours(), at("2026-11-20T11:00+01:00"), HOUR, gone) == at(due)


@pytest.mark.parametrize(
    ("text", "country"),
    [
        ("", None),
        ("  ", None),
        ("Mo-Fr 9-17", None),
        ("whenever", None),
        ("Mo-Fr 25:00-26:00", None),
        ("Mo-Fr 09:00-17:00; PH off", None),
        ("Mo-Fr 09:00-17:00; " * 40 + "PH off", "DE"),
    ],
)
def test_invalid_hours_are_rejected(text: str, country: str | None) -> None:
    with pytest.raises(ValueError, match=r"Must|needs"):
        hours(text, country=country)


def test_shifts_may_never_start_or_never_end() -> None:
    for text in ("off", "2020 Mo 09:00-10:00"):
        assert hours(text).next_open(at("2026-11-20T12:00Z")) is None
        assert not hours(text).is_open(at("2026-11-20T12:00Z"))
        assert worked(hours(text), at("2026-11-20T12:00Z"), MINUTE) is None
    assert worked(hours("24/7"), at("2026-11-20T12:00Z"), 24 * HOUR) == at("2026-11-21T12:00Z")


MOMENTS = st.integers(0, 3 * 366 * 24 * 60).map(lambda minutes: at("2025-01-01T00:00Z") + minutes * MINUTE)
ZONES = st.sampled_from([BERLIN, NEW_YORK, "Australia/Lord_Howe", "Asia/Beirut", "UTC", "Asia/Kolkata"])
TEXTS = st.sampled_from(
    [DAY, NIGHT, "Mo-Su 02:15-02:45", "Mo-Fr 08:00-12:00,13:00-17:00; We off", "Mo-Su 00:00-24:00"]
)


@given(MOMENTS, ZONES, TEXTS)
@settings(max_examples=150, deadline=None)
def test_earlier_queries_do_not_change_a_result(moment: datetime, zone: str, text: str) -> None:
    asked_often, moments = hours(text, zone), [moment + step * 37 * MINUTE for step in range(6)]
    for each in moments:
        assert asked_often.is_open(each) is Hours(text, asked_often.zone, None).is_open(each)


@given(MOMENTS, ZONES, TEXTS, st.integers(1, 3000), st.integers(1, 3000))
@settings(max_examples=150, deadline=None)
def test_working_time_adds_up(moment: datetime, zone: str, text: str, first: int, second: int) -> None:
    found = hours(text, zone)
    dues = [worked(found, moment, length * MINUTE) for length in (0, first, first + second)]
    reached = [due for due in dues if due is not None]
    assert len(reached) == 3
    assert all(earlier < later for earlier, later in pairwise(reached))
    assert worked(found, reached[1], second * MINUTE) == reached[2]
    assert found.next_open(moment) == reached[0]
    assert found.is_open(reached[2] - timedelta(microseconds=1))
