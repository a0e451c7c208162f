"""When a person may be contacted: quiet hours in their zones, and caps."""

from datetime import UTC, datetime, time, timedelta
from zoneinfo import available_timezones

import pytest

from app.engine.followup.contact import Contacted, ContactFacts, ContactTerms, Gate
from app.engine.life.preferences import ConsentAct, Preferences
from app.intake.zones import _parts, zones_of
from app.plan.language.contact import Cap, QuietHours
from app.values.folding import read_rows

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
        ({"country": "US", "state": "TX", "postal_code": "79901"}, ("America/Denver",)),
        ({"country": "US", "state": "FL", "postal_code": "32501"}, ("America/Chicago",)),
        ({"country": "US", "postal_code": "32401"}, ("America/New_York", "America/Chicago")),
        ({"country": "US", "postal_code": "42301", "phone": "+12125550123"}, ("America/Chicago",)),
        (
            {"country": "US", "state": "NY", "postal_code": "94105"},
            ("America/New_York", "America/Los_Angeles"),
        ),
        ({"country": "US", "postal_code": "99546"}, ("America/Adak",)),
        ({"state": "US-WA"}, ("America/Los_Angeles",)),
        ({"country": "CA", "postal_code": "V6B 1A1"}, ("America/Vancouver",)),
        ({"country": "CA", "postal_code": "G1A 0A2"}, ("America/Toronto", "America/Halifax")),
        ({"country": "AU", "postal_code": "6000"}, ("Australia/Perth",)),
        ({"country": "AU", "postal_code": "2600"}, ("Australia/Sydney",)),
        ({"country": "BR", "state": "AC"}, ("America/Rio_Branco",)),
        ({"country": "BR", "postal_code": "01310100"}, ("America/Sao_Paulo",)),
        ({"country": "RU", "postal_code": "690001"}, ("Asia/Vladivostok",)),
        ({"country": "RU", "postal_code": "101000"}, ("Europe/Moscow",)),
        ({"country": "RU", "state": "KGD"}, ("Europe/Kaliningrad",)),
        ({"country": "ES", "postal_code": "35001"}, ("Atlantic/Canary",)),
        ({"country": "CN"}, ("Asia/Shanghai",)),
        ({"country": "DE"}, ("Europe/Berlin",)),
        ({"country": "FR", "phone": "+33123456789"}, ("Europe/Paris",)),
        ({"country": "FR", "phone": "+12125550123"}, ("America/New_York",)),
        ({"country": "ES", "phone": "+34928123456"}, ("Atlantic/Canary",)),
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


def test_every_zone_exists_and_every_state_of_a_listed_country_has_one() -> None:
    known = {zone for zones in _parts().values() for zone in zones}
    assert known <= available_timezones()
    for country in ("US", "CA", "AU", "BR", "MX", "ES"):
        states = {full.partition("-")[2] for full, *_ in read_rows("states.tab") if full[:2] == country}
        with_zone = {name for of, kind, name in _parts() if (of, kind) == (country, "state")}
        assert states - with_zone <= {"AA", "AE", "AP", "AS", "GU", "MP", "UM"}


def test_a_contact_waits_until_the_morning_after_its_cap_has_room() -> None:
    caps, quiet = (Cap(1, 1),), QuietHours(time(21), time(8))
    contacts = (Contacted("email", at("2027-06-14T21:30:00Z")),)
    facts = ContactFacts(zones=("Europe/Paris",), contacts=contacts)
    evening = Gate(ContactTerms(quiet=quiet, caps=caps), facts, NOON)
    assert evening.delay("email") == ("frequency", at("2027-06-16T06:00:00Z"))
    night = Gate(ContactTerms(quiet=quiet, caps=(Cap(1, 2),)), facts, at("2027-06-15T02:00:00Z"))
    assert night.delay("email") == ("quiet_hours", at("2027-06-17T06:00:00Z"))


def test_where_all_hours_are_quiet_nothing_says_when() -> None:
    day = QuietHours(time(8), time(21), zone="Asia/Tokyo")
    never = Gate(ContactTerms(quiet=NIGHT), ContactFacts(Preferences(1, quiet=day)), NOON)
    assert never.delay("email") == ("quiet_hours", None)
    assert never.put_off("phone", NOON) == NOON


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
