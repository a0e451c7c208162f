"""Working hours in the `opening_hours` format of OpenStreetMap.

The hours are those of the wall clock in their time zone. When the clock is set back, the repeated hour is
worked once, the first time, unless the shift continues after it. When it is set forward, the skipped hour is
not worked.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from itertools import islice, takewhile
from zoneinfo import ZoneInfo

from opening_hours import OpeningHours, State
from opening_hours import ParserError as _Unreadable  # type: ignore[attr-defined]  # its stub leaves them out
from opening_hours import UnknownCountryError as _UnknownCountry  # type: ignore[attr-defined]

from app.plan.language.public_holidays import UnknownHolidays, mentions, with_dates

MAX_TEXT_LENGTH = 500
_FARTHEST = 400
"""Days. A change further away than this is ignored, so that no calendar takes long to evaluate."""
_BEFORE = timedelta(days=2)
"""No shift is longer. Looking back this far finds every shift that is still on."""
_LONGEST_SHIFT = _BEFORE - timedelta(hours=2)
"""A shift that seems to be longer has begun before the look back, or never."""
_NEAR = timedelta(days=8)
"""A week from any moment of a day on."""
_NEVER_ENDS = datetime(2200, 1, 1, tzinfo=UTC)
_ANY_YEAR = 2026
_SECOND = timedelta(seconds=1)
_LOOKED_AGAIN = timedelta(days=1)
"""When no shift is in sight, look again after this time."""

Span = tuple[datetime, datetime]
"""From a time until just before another."""


class Hours:
    """The working hours of an owner. Two are equal when they are written the same."""

    __slots__ = ("_last", "_near", "_rules_of", "country", "text", "zone")

    def __init__(self, text: str, zone: ZoneInfo, country: str | None) -> None:
        self.text = text
        self.zone = zone
        self.country = country
        self._rules_of = _parsed(text, country)
        # A cache: the last result is valid for a while.
        self._last: _Stretch | None = None
        # Another: the spans of some days, which many decisions of a day ask for.
        self._near: tuple[datetime, tuple[Span, ...]] | None = None

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Hours) and self._written() == other._written()

    def __hash__(self) -> int:
        return hash(self._written())

    def __repr__(self) -> str:
        return f"Hours({self.text!r}, {self.zone.key!r}, {self.country!r})"

    def __reduce__(self) -> tuple[object, ...]:
        return read_hours, (self.text, self.zone.key, self.country)

    def is_open(self, at: datetime) -> bool:
        """Whether `at` is within the hours. The end of a shift is not."""
        return self._around(at).is_open

    def next_open(self, at: datetime) -> datetime | None:
        """The first working moment at or after `at`. None when there is none within a year."""
        found = self._around(at)
        return at if found.is_open else found.next_open

    def open_since(self, at: datetime) -> datetime | None:
        """When the shift that is on at `at` began. None if none is on, or if it has no beginning in sight."""
        found = self._around(at)
        return found.start if found.is_open and at - found.start < _LONGEST_SHIFT else None

    def open_until(self, at: datetime) -> datetime | None:
        """The end of the shift that is on at `at`. None when none is."""
        found = self._around(at)
        return found.end if found.is_open else None

    def _around(self, at: datetime) -> "_Stretch":
        last = self._last
        if last is None or not last.start <= at < last.end:
            last = self._last = self._found(at)
        return last

    def _found(self, at: datetime) -> "_Stretch":
        span = next(self._read(at), None)
        if span is None:
            return _Stretch(at, at + _LOOKED_AGAIN, False, None)
        start, end = span
        return _Stretch(start, end, True, None) if start <= at else _Stretch(at, start, False, start)

    def spans(self, at: datetime) -> Iterator[Span]:
        """Every span of working time that ends after `at`, in order."""
        day = at.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
        over = day + _NEAR
        near = self._near
        if near is None or near[0] != day:
            near = self._near = day, tuple(takewhile(lambda span: span[0] < over, self._read(day)))
        yield from (span for span in near[1] if span[1] > at)
        yield from (span for span in self._read(over) if span[0] >= over)

    def _read(self, at: datetime) -> Iterator[Span]:
        local = at.astimezone(self.zone).replace(tzinfo=None)
        for start, ends, state, _ in self._rules_of(local.year).intervals(local - _BEFORE):
            end: datetime | None = ends
            if state == State.OPEN:
                begun, over = self._instant(start), _NEVER_ENDS if end is None else self._instant(end)
                if max(begun, at) < over:
                    yield begun, over
            if end is None:
                return

    def count_shifts(self, at: datetime, days: int, most: int) -> int:
        """The shifts that begin before so many days after `at` are over. Counts no further than `most`."""
        until = at + timedelta(days=days)
        return sum(1 for _ in islice(takewhile(lambda span: span[0] < until, self.spans(at)), most))

    def _instant(self, local: datetime) -> datetime:
        """The moment the clock first shows `local`, or the moment it was set forward past it."""
        instant = local.replace(tzinfo=self.zone).astimezone(UTC)
        if instant.astimezone(self.zone).replace(tzinfo=None) == local:
            return instant
        early = local.replace(tzinfo=self.zone, fold=1).astimezone(UTC)
        before = early.astimezone(self.zone).utcoffset()
        while instant - early > _SECOND:
            middle = early + (instant - early) / 2
            if middle.astimezone(self.zone).utcoffset() == before:
                early = middle
            else:
                instant = middle
        return instant.replace(microsecond=0)

    def _written(self) -> tuple[str, str, str | None]:
        return self.text, self.zone.key, self.country


@dataclass(frozen=True, slots=True)
class _Stretch:
    """From `start` until just before `end` the hours are open, or closed until `next_open`."""

    start: datetime
    end: datetime
    is_open: bool
    next_open: datetime | None


@lru_cache(maxsize=8192)
def read_hours(text: str, zone: str, country: str | None = None) -> Hours:
    """Parse working hours, such as `Mo-Fr 09:00-17:30; PH off`.

    `zone` is a name of the IANA database. `country` is the ISO 3166 code of the country, or of the region
    (`DE-BY`), whose public holidays `PH` means. Raises ValueError when the text is not valid, and
    UnknownHolidays when the holidays are not known.
    """
    return Hours(text, ZoneInfo(zone), country)


def _parsed(text: str, country: str | None) -> Callable[[int], OpeningHours]:
    """The rules that hold in a year. They differ by year only where the holidays are given as dates."""
    if len(text) > MAX_TEXT_LENGTH:
        raise ValueError(f"Must be at most {MAX_TEXT_LENGTH} characters.")
    if not text.strip():
        raise ValueError("Must not be empty. Use 24/7 for always.")
    if not mentions(text, "PH"):
        rules = _opening_hours(text, None)
        return lambda _year: rules
    if country is None:
        raise UnknownHolidays("has PH, which needs a country")
    try:
        rules = _opening_hours(text, country)
    except _UnknownCountry:
        _opening_hours(text, "DE")  # report a syntax error before unknown holidays
        return _with_dates(text, country)
    return lambda _year: rules


def _with_dates(text: str, country: str) -> Callable[[int], OpeningHours]:
    @lru_cache(maxsize=8)
    def rules_of(year: int) -> OpeningHours:
        # A look at the last days of a year reaches into the two next ones.
        return _opening_hours(with_dates(text, country, range(year - 1, year + 3)), None)

    rules_of(_ANY_YEAR)
    return rules_of


def _opening_hours(text: str, country: str | None) -> OpeningHours:
    try:
        if country is None:
            return OpeningHours(text, max_interval_days=_FARTHEST)
        return OpeningHours(text, country=country, max_interval_days=_FARTHEST)
    except _Unreadable:
        raise ValueError(
            "Must be opening hours as in OpenStreetMap, such as Mo-Fr 09:00-17:30; PH off."
        ) from None
