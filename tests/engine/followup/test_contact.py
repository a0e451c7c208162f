"""When a person may be contacted: quiet hours in their zones, and caps."""

from datetime import UTC, datetime, time, timedelta

import pytest

from app.engine.followup.contact import Contacted, ContactFacts, ContactTerms, Gate
from app.engine.life.preferences import ConsentAct, Preferences
from app.intake.zones import zones_of
from app.plan.language.contact import Cap, QuietHours

NIGHT = QuietHours(time(21), time(8))
NOON = datetime(2027, 6, 15, 12, tzinfo=UTC)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text)


def gate(now: datetime, zones: tuple[str, ...], quiet: QuietHours = NIGHT) -> Gate:
    return Gate(ContactTerms(quiet=quiet), ContactFacts(zones=zones), now)


@pytest.mark.parametrize(
    ("now", "until"),
    [
        ("2027-03-28T05:30:00Z", "2027-03-28T06:00:00Z"),  # the clock in Berlin was set forward at 01:00Z
        ("2027-03-28T06:00:00Z", None),
        ("2027-03-27T06:30:00Z", "2027-03-27T07:00:00Z"),
        ("2027-10-31T06:30:00Z", "2027-10-31T07:00:00Z"),
        ("2027-06-15T19:00:00Z", "2027-06-16T06:00:00Z"),
        ("2027-06-15T18:59:59Z", None),
    ],
)
def test_quiet_hours_follow_the_clock_of_the_person(now: str, until: str | None) -> None:
    refusal = gate(at(now), ("Europe/Berlin",)).delay("email")
    assert (refusal.not_before if refusal else None) == (at(until) if until else None)


def test_quiet_hours_that_end_in_the_skipped_hour_end_when_the_clock_is_set_forward() -> None:
    early = QuietHours(time(1), time(2, 30))
    refusal = gate(at("2027-03-28T00:30:00Z"), ("Europe/Berlin",), early).delay("email")
    assert refusal is not None
    assert refusal.not_before == at("2027-03-28T01:00:00Z")


@pytest.mark.parametrize(
    ("now", "until"),
    [
        ("2027-01-20T14:00:00Z", "2027-01-20T18:00:00Z"),
        ("2027-01-20T18:30:00Z", None),
        ("2027-01-21T01:59:00Z", None),
        ("2027-01-21T02:00:00Z", "2027-01-21T18:00:00Z"),
    ],
)
def test_where_several_zones_are_possible_all_must_be_awake(now: str, until: str | None) -> None:
    zones = zones_of({"country": "US", "phone": "+18005551234"})
    refusal = gate(at(now), zones).delay("email")
    assert (refusal.not_before if refusal else None) == (at(until) if until else None)


@pytest.mark.parametrize(
    ("values", "zones"),
    [
        ({"timezone": "Asia/Tokyo", "country": "US", "state": "NY"}, ("Asia/Tokyo",)),
        ({"timezone": "Nowhere/Land", "country": "PL"}, ("Europe/Warsaw",)),
        ({"country": "US", "state": "CA", "phone": "+12125550123"}, ("America/Los_Angeles",)),
        ({"country": "PL", "phone": "+12125550123"}, ("America/New_York",)),
        ({"phone": "+442079460000"}, ("Europe/London",)),
        ({"country": "US", "state": "TX"}, ("America/Chicago", "America/Denver")),
        ({"email": "a@b.example"}, ()),
    ],
)
def test_the_zone_is_the_surest_that_is_known(values: dict[str, str], zones: tuple[str, ...]) -> None:
    assert zones_of(values) == zones


@pytest.mark.parametrize(
    ("caps", "ages", "channel", "wait"),
    [
        ((Cap(2, 7),), (1, 3), "email", 4),
        ((Cap(2, 7),), (1, 7), "email", None),
        ((Cap(2, 7),), (1,), "email", None),
        ((Cap(2, 7, "sms"),), (1, 3), "email", None),
        ((Cap(1, 1), Cap(2, 7)), (0.5, 3), "email", 4),
        ((Cap(2, 7), Cap(1, 30)), (2, 3), "email", 28),
    ],
)
def test_a_contact_waits_until_every_cap_has_room(
    caps: tuple[Cap, ...], ages: tuple[float, ...], channel: str, wait: float | None
) -> None:
    contacts = tuple(Contacted("email", NOON - timedelta(days=age)) for age in ages)
    person = Preferences(1, caps=caps[1:])
    refusal = Gate(ContactTerms(caps=caps[:1]), ContactFacts(person, contacts=contacts), NOON).delay(channel)
    assert (refusal.not_before if refusal else None) == (NOON + timedelta(days=wait) if wait else None)


def test_a_cap_of_zero_never_has_room_and_the_same_decision_counts() -> None:
    assert Gate(ContactTerms(caps=(Cap(0, 7),)), ContactFacts(), NOON).delay("sms") == ("frequency", None)
    once = Gate(ContactTerms(caps=(Cap(1, 7),)), ContactFacts(), NOON)
    assert once.delay("sms") is None
    once.passes("sms")
    assert once.delay("email") == ("frequency", NOON + timedelta(days=7))


def act(state: str, day: int, origin: str = "form") -> ConsentAct:
    return ConsentAct(state, NOON + timedelta(days=day), origin)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("before", "after", "lifts", "state"),
    [
        (("withdrawn", 0), ("granted", 1), False, "granted"),
        (("withdrawn", 0), ("granted", -1), False, "withdrawn"),
        (("withdrawn", 0), ("granted", 0), False, "withdrawn"),
        (("granted", 0), ("withdrawn", -1), False, "granted"),
        (("granted", 0), ("withdrawn", 0), False, "withdrawn"),
        (("granted", 5), ("complained", 0), False, "complained"),
        (("complained", 0), ("granted", 9), False, "complained"),
        (("complained", 0), ("withdrawn", 9), True, "complained"),
        (("complained", 0), ("granted", 9), True, "granted"),
    ],
)
def test_a_later_yes_opens_what_was_withdrawn_and_nothing_opens_a_complaint_but_a_right(
    before: tuple[str, int], after: tuple[str, int], lifts: bool, state: str
) -> None:
    known = Preferences(1, {"email": act(*before)})
    assert known.taking([("email", act(*after))], lifts=lifts).consents["email"].state == state


def test_a_topic_is_closed_without_its_channel() -> None:
    known = Preferences(1, {"email/news": act("withdrawn", 0), "*/events": act("withdrawn", 0)})
    closed = {topic: known.closing("email", topic) is not None for topic in (None, "news", "events", "other")}
    assert closed == {None: False, "news": True, "events": True, "other": False}
    assert Preferences(1, {"email": act("withdrawn", 0)}).closing("email", "news") is not None
