"""Whether an action may contact the person now: consent, quiet hours, and how often."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from app.engine.life.preferences import NO_PREFERENCES, Preferences, from_json
from app.plan.language.contact import Cap, QuietHours
from app.plan.language.durations import parse_iso

SUPPRESSED, CONSENT_MISSING, CONSENT_UNREADABLE = "suppressed", "consent_missing", "consent_unreadable"
WITHDRAWN, COMPLAINED = "withdrawn", "complained"
QUIET_HOURS, FREQUENCY = "quiet_hours", "frequency"
JUNK = "junk"
STOPS = frozenset((SUPPRESSED, JUNK))
"""The codes of decisions after which nothing contacts the person."""
CAUSES = (
    SUPPRESSED, CONSENT_MISSING, CONSENT_UNREADABLE, WITHDRAWN, COMPLAINED, QUIET_HOURS, FREQUENCY,
    JUNK,
)  # fmt: skip
"""Why actions are withheld."""
NOT_NOW = "not_now"
"""Why there are no actions when all of them have to wait."""
OF_CONSENT = frozenset((CONSENT_MISSING, CONSENT_UNREADABLE, WITHDRAWN, COMPLAINED))
_DAY = timedelta(days=1)
_MAX_STEPS = 100
_NEVER = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class ContactTerms:
    """What the plan says: channels that need a consent, quiet hours, caps."""

    required: frozenset[str] = frozenset()
    quiet: QuietHours | None = None
    caps: tuple[Cap, ...] = ()


NO_TERMS = ContactTerms()


class Contacted(NamedTuple):
    """One contact of the person, by any lead."""

    channel: str
    at: datetime


@dataclass(frozen=True, slots=True)
class ContactFacts:
    """What is known of the person when a lead is decided.

    `zones` are the time zones that the person may be in, and `contacts` the contacts so far. Both are there
    only when something asks for them. `suppressed` says that a list has them now, although their lead
    was not blocked.
    """

    preferences: Preferences = NO_PREFERENCES
    zones: tuple[str, ...] = ()
    contacts: tuple[Contacted, ...] = ()
    suppressed: bool = False

    def to_json(self) -> dict[str, Any]:
        """As it is stored with the decision."""
        stored: dict[str, Any] = {}
        if self.preferences is not NO_PREFERENCES:
            stored["preferences"] = self.preferences.to_json()
        if self.zones:
            stored["zones"] = list(self.zones)
        if self.contacts:
            stored["contacts"] = [[channel, at] for channel, at in self.contacts]
        if self.suppressed:
            stored["suppressed"] = True
        return stored


def contact_from_json(stored: Mapping[str, Any]) -> ContactFacts:
    """What was known of the person."""
    preferences = stored.get("preferences")
    return ContactFacts(
        from_json(preferences) if preferences else NO_PREFERENCES,
        tuple(stored.get("zones", ())),
        tuple(Contacted(channel, parse_iso(at)) for channel, at in stored.get("contacts", ())),
        stored.get("suppressed", False),
    )


class Refusal(NamedTuple):
    """Why an action is withheld, and when it need not be any more, if that is known."""

    cause: str
    not_before: datetime | None = None


@dataclass(slots=True)
class Gate:
    """Decides about the actions of one decision, in order. What it lets pass counts for the next.

    `code` is that of the decision.
    """

    terms: ContactTerms
    facts: ContactFacts
    now: datetime
    code: str = ""
    _passed: list[Contacted] = field(default_factory=list)

    def consent(self, channel: str, topic: str | None, given: object, *, needed: bool) -> Refusal | None:
        """Why the person's consent does not cover a channel. `given` is what the lead says."""
        closed = self.closed(channel, topic)
        if closed is not None or not needed or given is True:
            return closed
        return Refusal(CONSENT_MISSING if given in (None, False) else CONSENT_UNREADABLE)

    def closed(self, channel: str, topic: str | None) -> Refusal | None:
        """Whether the person wants nothing through a channel, or nothing of a topic on it."""
        closing = self.facts.preferences.closing(channel, topic)
        return Refusal(closing.state) if closing is not None else None

    @property
    def stop(self) -> str | None:
        """Why nothing contacts the person, if that is so."""
        return SUPPRESSED if self.facts.suppressed else self.code if self.code in STOPS else None

    @property
    def counts(self) -> bool:
        """Whether contacts are counted for this person."""
        return bool(self.terms.caps or self.facts.preferences.caps)

    def needs_consent(self, channel: str) -> bool:
        """Whether the plan wants a consent for everything on this channel."""
        return channel in self.terms.required

    def delay(self, channel: str) -> Refusal | None:
        """Why a contact through a channel has to wait: until no cap is full and no quiet hours hold."""
        caps = [
            cap for cap in (*self.terms.caps, *self.facts.preferences.caps) if cap.channel in (None, channel)
        ]
        if any(cap.max == 0 for cap in caps):
            return Refusal(FREQUENCY)
        quiet = self.quiet_until(channel, self.now)
        until = self.now
        for _ in range(_MAX_STEPS):
            later = max((self._room_at(cap, until) for cap in caps), default=until)
            if later > self.now or quiet is not None:
                later = self.quiet_until(channel, later) or later
            if later == until:
                break
            until = later
        if until == self.now:
            return None
        return Refusal(QUIET_HOURS if quiet is not None else FREQUENCY, None if until == _NEVER else until)

    def passes(self, channel: str) -> None:
        """An action contacts the person through this channel now."""
        self._passed.append(Contacted(channel, self.now))

    def quiet_until(self, channel: str, at: datetime) -> datetime | None:
        """When the quiet hours end that a moment lies in. None if it lies in none.

        It is the end of time where all hours are quiet.
        """
        if at == _NEVER:
            return at
        until = at
        windows = self._windows(channel, at) if self.terms.quiet or self.facts.preferences.quiet else ()
        for _ in range(_MAX_STEPS):
            ends = [
                end
                for quiet, zones in windows
                for zone in zones
                if (end := _end_of_quiet(quiet, zone, until)) is not None
            ]
            if not ends:
                return until if until > at else None
            until = max(ends)
        return _NEVER

    def put_off(self, channel: str, due_at: datetime) -> datetime:
        """When something falls due that must not do so in quiet hours."""
        until = self.quiet_until(channel, due_at)
        return due_at if until in (None, _NEVER) else until

    def _windows(self, channel: str, at: datetime) -> list[tuple[QuietHours, Sequence[str]]]:
        own = self.facts.preferences.all_quiet
        named = next((each.zone for each in own if each.zone is not None), None)
        zones = (named,) if named is not None else self.facts.zones or ("UTC",)
        windows = (*((self.terms.quiet,) if self.terms.quiet is not None else ()), *own)
        return [
            (each, _distinct((each.zone,) if each.zone is not None else zones, at.date()))
            for each in windows
            if channel in each.channels
        ]

    def _room_at(self, cap: Cap, at: datetime) -> datetime:
        """From when on a cap has room for one more contact, at a moment or after it."""
        span = timedelta(days=cap.days)
        counted = sorted(
            each.at
            for each in (*self.facts.contacts, *self._passed)
            if cap.channel in (None, each.channel) and at - span < each.at <= self.now
        )
        return at if len(counted) < cap.max else counted[len(counted) - cap.max] + span


@lru_cache(maxsize=1024)
def _distinct(zones: tuple[str, ...], day: date) -> tuple[str, ...]:
    """Those of the zones whose clocks differ around this day."""
    noons = [datetime.combine(day, time(12), UTC) + each * _DAY for each in range(-2, 4)]
    return tuple(
        {
            tuple(noon.astimezone(ZoneInfo(zone)).utcoffset() for noon in noons): zone for zone in zones
        }.values()
    )


def _end_of_quiet(quiet: QuietHours, zone: str, at: datetime) -> datetime | None:
    """When the quiet hours of a zone end that a moment lies in. None if it lies in none."""
    today = at.astimezone(ZoneInfo(zone)).date()
    for day in (today - _DAY, today):
        start, end = _quiet_of_day(quiet.start, quiet.end, zone, day)
        if start <= at < end:
            return end
    return None


@lru_cache(maxsize=4096)
def _quiet_of_day(start: time, end: time, zone: str, day: date) -> tuple[datetime, datetime]:
    """From when to when the quiet hours last that begin on a day."""
    local = ZoneInfo(zone)
    last = day if start < end else day + _DAY
    return _instant(day, start, local), _instant(last, end, local)


def _instant(day: date, clock: time, zone: ZoneInfo) -> datetime:
    """The moment the clock first shows this time, or the moment it was set forward past it, as for hours."""
    local = datetime.combine(day, clock)
    instant = local.replace(tzinfo=zone).astimezone(UTC)
    if instant.astimezone(zone).replace(tzinfo=None) == local:
        return instant
    early, late = local.replace(tzinfo=zone, fold=1).astimezone(UTC), instant
    before = early.astimezone(zone).utcoffset()
    while late - early > timedelta(seconds=1):
        middle = early + (late - early) / 2
        if middle.astimezone(zone).utcoffset() == before:
            early = middle
        else:
            late = middle
    return late.replace(microsecond=0)
