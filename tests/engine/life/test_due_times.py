"""SLA clocks: when they are due, when they remind, and what they do at a moment."""

import random
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.engine.life.clocks import Clock
from app.engine.life.due_times import look, moved, postpone, started
from app.engine.life.terms import Terms, terms_from_json
from app.engine.life.working_time import ALWAYS, MAX_SPANS, Shifts, WorkingTime
from app.plan.language.hours import Span, read_hours

SECOND, MINUTE = timedelta(seconds=1), timedelta(minutes=1)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
BERLIN = "Europe/Berlin"
OFFICE = "Mo-Fr 09:00-17:00; PH off"


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


def berlin(text: str) -> datetime:
    """A moment of December 2026 or so by the clocks of Berlin in winter."""
    return at(f"{text}+01:00")


def shifts(
    text: str = OFFICE, zone: str = BERLIN, country: str | None = "DE", gone: Sequence[Span] = ()
) -> WorkingTime:
    return WorkingTime((Shifts(read_hours(text, zone, country), tuple(gone)),))


def clock_from(begun: datetime, terms: Terms, working: WorkingTime) -> Clock:
    found = started(Clock("touch", begun, begun, begun, begun), terms, working)
    assert found is not None
    return found


def reminders_of(clock: Clock, working: WorkingTime) -> list[datetime]:
    """When a clock reminds, if somebody looks whenever it asks to be looked at."""
    found: list[datetime] = []
    while True:
        seen = look(clock, working, clock.next_at)
        found += [clock.next_at for _ in seen.reminders]
        if seen.effect != "wait":
            return found
        clock.reminded, clock.due_at, clock.next_at = seen.reminded, seen.due_at, seen.next_at


def half_and(before: timedelta, length: timedelta) -> tuple[timedelta, ...]:
    """The reminders `[50%, before]` of an SLA of this length."""
    return tuple(sorted({length / 2, length - before}))


@pytest.mark.parametrize(
    ("text", "length", "before", "begun", "due", "reminders"),
    [
        (
            "Mo-Fr 08:00-18:00",
            4 * HOUR,
            HOUR,
            "2026-12-07T17:00",
            "2026-12-08T11:00",
            ["2026-12-08T09:00", "2026-12-08T10:00"],
        ),
        (
            OFFICE,
            15 * MINUTE,
            5 * MINUTE,
            "2026-12-01T16:50",
            "2026-12-02T09:05",
            ["2026-12-01T16:57:30", "2026-12-02T09:00"],
        ),
        (
            "Mo-Fr 08:00-12:00,13:00-17:00",
            4 * HOUR,
            30 * MINUTE,
            "2026-12-01T11:00",
            "2026-12-01T16:00",
            ["2026-12-01T14:00", "2026-12-01T15:30"],
        ),
    ],
    ids=["across a night", "at the end of a shift", "a shift of two parts"],
)
def test_reminders_run_in_working_time(
    text: str, length: timedelta, before: timedelta, begun: str, due: str, reminders: list[str]
) -> None:
    working = shifts(text)
    clock = clock_from(berlin(begun), Terms(length, half_and(before, length)), working)
    assert clock.due_at == berlin(due)
    assert reminders_of(clock, working) == [berlin(each) for each in reminders]


@pytest.mark.parametrize(
    ("begun", "touched", "hours"),
    [
        ("2026-12-07T12:00", "2026-12-08T06:00", 6),
        ("2026-12-07T06:00", "2026-12-08T20:00", 16),
        ("2026-12-07T20:00", "2026-12-08T06:00", 0),
        ("2026-12-04T12:00", "2026-12-05T11:00", 6),
        ("2026-12-07T06:00", "2026-12-10T06:00", 24),
        ("2026-12-08T06:00", "2026-12-07T12:00", 0),
    ],
)
def test_time_off_shift_is_not_worked(begun: str, touched: str, hours: int) -> None:
    assert shifts("Mo-Fr 10:00-18:00").between(berlin(begun), berlin(touched)) == hours * HOUR


@pytest.mark.parametrize(
    ("text", "zone", "begun", "due"),
    [
        ("22:00-06:00", BERLIN, "2027-03-28T00:30Z", "2027-03-28T01:30Z"),
        ("22:00-06:00", BERLIN, "2026-10-25T00:30Z", "2026-10-25T01:30Z"),
        ("Mo-Fr 09:00-17:00", "America/New_York", "2027-03-15T12:00Z", "2027-03-15T14:00Z"),
        ("Mo-Fr 09:00-17:00", BERLIN, "2027-03-15T06:00Z", "2027-03-15T09:00Z"),
        ("Mo-Fr 09:00-17:00", "America/New_York", "2027-03-29T12:00Z", "2027-03-29T14:00Z"),
        ("Mo-Fr 09:00-17:00", BERLIN, "2027-03-29T06:00Z", "2027-03-29T08:00Z"),
    ],
)
def test_lost_and_repeated_hours_move_no_deadline(text: str, zone: str, begun: str, due: str) -> None:
    assert shifts(text, zone).add(at(begun), HOUR) == at(due)


def test_clock_moves_in_both_directions() -> None:
    away = (berlin("2026-12-24T00:00"), berlin("2026-12-25T00:00"))
    clock = clock_from(berlin("2026-12-23T16:00"), Terms(4 * HOUR), shifts())
    assert clock.due_at == berlin("2026-12-24T12:00")
    assert moved(clock, shifts(gone=[away]))
    assert clock.due_at == berlin("2026-12-28T12:00")
    assert moved(clock, shifts())
    assert (clock.due_at, clock.first_due_at) == (berlin("2026-12-24T12:00"), berlin("2026-12-24T12:00"))
    assert not moved(clock, shifts())
    assert look(clock, shifts(), berlin("2026-12-24T12:02")).effect == "breach"


def test_clock_with_a_bound_in_plain_time_is_no_miss() -> None:
    clock = clock_from(berlin("2026-12-04T16:00"), Terms(4 * HOUR, bound=DAY), shifts())
    assert clock.next_at == berlin("2026-12-05T16:00")
    assert look(clock, shifts(), berlin("2026-12-05T15:59")).effect == "wait"
    assert look(clock, shifts(), berlin("2026-12-05T16:00")).effect == "bound"


def test_bound_after_the_deadline_changes_nothing() -> None:
    clock = clock_from(berlin("2026-12-01T10:00"), Terms(HOUR, bound=61 * MINUTE), shifts())
    effects = [look(clock, shifts(), berlin(f"2026-12-01T11:0{minute}")).effect for minute in (0, 1, 2)]
    assert effects == ["wait", "wait", "breach"]


@pytest.mark.parametrize(("grace", "effect"), [(timedelta(), "breach"), (MINUTE, "wait")])
def test_grace_lies_between_deadline_and_effect(grace: timedelta, effect: str) -> None:
    clock = clock_from(at("2026-12-01T10:00Z"), Terms(HOUR, grace=grace), ALWAYS)
    assert look(clock, ALWAYS, at("2026-12-01T11:00Z")).effect == effect


def test_what_is_due_reminds_no_more() -> None:
    clock = clock_from(at("2026-12-01T10:00Z"), Terms(HOUR, half_and(5 * MINUTE, HOUR)), ALWAYS)
    seen = look(clock, ALWAYS, at("2026-12-01T11:01Z"))
    assert (list(seen.reminders), seen.reminded, seen.effect) == ([], 2, "wait")


def test_clock_that_never_comes_due_does_not_start() -> None:
    never = shifts("off", country=None)
    begun = at("2026-12-01T10:00Z")
    assert started(Clock("touch", begun, begun, begun, begun), Terms(HOUR), never) is None
    forever = [(at("2026-01-01T00:00Z"), at("9999-01-01T00:00Z"))]
    assert shifts(gone=forever).add(begun, HOUR) is None


def test_postponed_clock_keeps_what_was_worked() -> None:
    clock = clock_from(berlin("2026-12-01T10:00"), Terms(4 * HOUR), shifts())
    postpone(clock, berlin("2026-12-03T09:00"), berlin("2026-12-01T13:00"), shifts())
    assert clock.due_at == berlin("2026-12-03T10:00")
    assert clock.first_due_at == berlin("2026-12-01T14:00")


def test_time_of_several_owners_is_the_union_of_their_shifts() -> None:
    early, late = Shifts(read_hours("06:00-12:00", "UTC")), Shifts(read_hours("10:00-16:00", "UTC"))
    union = WorkingTime((early, late))
    assert union.between(at("2026-12-01T00:00Z"), at("2026-12-02T00:00Z")) == 10 * HOUR
    assert union.add(at("2026-12-01T05:00Z"), 7 * HOUR) == at("2026-12-01T13:00Z")
    assert union.next_working(at("2026-12-01T16:00Z")) == at("2026-12-02T06:00Z")


def test_terms_survive_storing() -> None:
    terms = Terms(
        HOUR,
        (MINUTE,),
        "take_away",
        timedelta(),
        DAY,
        3,
        ({"kind": "queue", "name": "q"},),
        {"kind": "team", "name": "t"},
        2,
        HOUR,
        {"team": "t"},
        at("2026-12-01T10:00Z"),
        MINUTE,
    )
    assert terms_from_json(terms.to_json()) == terms
    assert Terms(HOUR).to_json() == {"length": 3600.0}


CALENDARS = [
    shifts(),
    shifts("Mo-Fr 07:00-17:00"),
    shifts("22:00-06:00"),
    shifts("Mo-Fr 08:00-12:00,13:00-17:00", "America/New_York", None),
    shifts(gone=[(berlin("2026-12-02T00:00"), berlin("2026-12-04T00:00"))]),
    ALWAYS,
]
STEPS = st.lists(
    st.tuples(st.integers(0, 36 * 60), st.sampled_from(range(len(CALENDARS)))), min_size=1, max_size=40
)


@given(STEPS, st.integers(1, 16 * 60), st.sampled_from([timedelta(), 2 * MINUTE]))
@settings(max_examples=200)
def test_clock_reminds_once_and_takes_effect_never_before_its_working_time(
    steps: list[tuple[int, int]], minutes: int, grace: timedelta
) -> None:
    length, now = minutes * MINUTE, berlin("2026-12-01T10:00")
    begun, terms = now, Terms(length, half_and(5 * MINUTE, length), grace=grace)
    clock = clock_from(
        begun, Terms(length, tuple(each for each in terms.reminders if each > timedelta())), ALWAYS
    )
    sent: list[int] = []
    for later, calendar in steps:
        now, working = now + later * MINUTE, CALENDARS[calendar]
        moved(clock, working)
        if clock.next_at > now:
            continue
        seen = look(clock, working, now)
        sent += seen.reminders
        clock.reminded, clock.due_at, clock.next_at = seen.reminded, seen.due_at, seen.next_at
        if seen.effect != "wait":
            assert working.between(begun, now) >= length
            break
        assert seen.next_at > now
    assert len(sent) == len(set(sent))


def test_working_time_of_many_owners_is_computed_in_a_bounded_number_of_steps() -> None:
    text = ",".join(f"{hour:02}:10-{hour:02}:11" for hour in range(24))
    hours = read_hours(text, BERLIN, None)
    often = WorkingTime(
        tuple(
            Shifts(hours, ((at("2020-01-01T00:00Z"), at(f"2020-01-{day:02}T00:00Z")),))
            for day in range(2, 28)
        )
    )
    begun = at("2026-12-01T00:00Z")
    assert often.add(begun, HOUR) is not None
    assert often.add(begun, 90 * DAY) is None
    assert len(list(often.spans(begun))) <= MAX_SPANS


def test_deadline_in_the_time_of_many_calendars_has_that_much_working_time_before_it() -> None:
    chance = random.Random(3)
    zones = (BERLIN, "Asia/Tokyo", "America/New_York", "Pacific/Auckland", "Asia/Kolkata")
    shifts = [
        Shifts(
            read_hours(
                f"Mo-Fr 0{chance.randrange(10)}:{chance.randrange(10, 60)}-1{chance.randrange(6)}:30", zone
            )
        )
        for zone in zones
        for _ in range(8)
    ]
    for _ in range(40):
        together = WorkingTime(tuple(chance.sample(shifts, chance.randrange(2, 40))))
        begun = at("2026-11-27T00:00Z") + chance.randrange(10**6) * SECOND
        length = chance.randrange(1, 10**6) * SECOND
        due = together.add(begun, length)
        assert due is not None
        assert together.between(begun, due) == length
        assert together.between(begun, due - SECOND) < length


def test_deadline_behind_thousands_of_shifts_is_found() -> None:
    text = ",".join(f"{hour:02}:10-{hour:02}:11" for hour in range(0, 24, 2))
    often = WorkingTime((Shifts(read_hours(text, "UTC")),))
    begun = at("2026-12-01T00:00Z")
    assert often.add(begun, 700 * 12 * MINUTE) == begun + 699 * DAY + 22 * HOUR + 11 * MINUTE


def test_deadline_behind_too_many_shifts_of_many_owners_is_estimated() -> None:
    hours = read_hours("Mo-Su 08:00-09:00,12:00-13:00", "UTC")
    long_ago = [(at("2020-01-01T00:00Z"), at("2020-01-01T00:00Z") + n * MINUTE) for n in range(1, 400)]
    many = WorkingTime(tuple(Shifts(hours, (each,)) for each in long_ago))
    begun = at("2026-12-01T00:00Z")
    exact, estimated = WorkingTime((Shifts(hours),)).add(begun, 60 * HOUR), many.add(begun, 60 * HOUR)
    assert exact is not None
    assert estimated is not None
    assert abs(estimated - exact) < 2 * DAY


def test_absences_only_take_working_time_away() -> None:
    hours = read_hours("Mo 09:00-09:10", BERLIN, None)
    begun = at("2026-12-01T00:00Z")
    gone = ((at("2026-12-07T00:00Z"), at("2026-12-14T00:00Z")),)
    whole, rest = WorkingTime((Shifts(hours),)), WorkingTime((Shifts(hours, gone),))
    assert rest.add(begun, HOUR) == whole.add(begun + 7 * DAY, HOUR)
    assert (whole.add(begun, 90 * DAY), rest.add(begun, 90 * DAY)) == (None, None)
