"""Dates and timestamps: ISO 8601, and the national forms that have one meaning."""

import re
import unicodedata
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from functools import lru_cache
from typing import Literal

Order = Literal["dmy", "mdy"]
"""The order of day and month in dates such as 03/04/2026."""

MAX_LENGTH = 64
_MONTHS = {
    1: "jan january januar jänner jaenner janvier janv enero ene gennaio gen janeiro januari stycznia",
    2: "feb february februar février fevrier févr fevr febrero febbraio fevereiro fev februari lutego",
    3: "mar march märz maerz mär mrz mars marzo março marco maart mrt marca",
    4: "apr april avril avr abril abr aprile kwietnia",
    5: "may mai mayo maggio mag maio mei maj maja",
    6: "jun june juni juin junio giugno giu junho czerwca",
    7: "jul july juli juillet juil julio luglio lug julho lipca",
    8: "aug august août aout agosto ago agost augustus sierpnia",
    9: "sep sept september septembre septiembre settembre set setembro september wrzesnia",
    10: "oct october oktober okt octobre octubre ottobre ott outubro out pazdziernika",
    11: "nov november novembre noviembre novembro listopada",
    12: "dec december dezember dez décembre decembre diciembre dic dicembre dezembro déc grudnia",
}


def _without_accents(word: str) -> str:
    decomposed = unicodedata.normalize("NFKD", word)
    return "".join(letter for letter in decomposed if not unicodedata.combining(letter))


_MONTH = {_without_accents(word): month for month, words in _MONTHS.items() for word in words.split()}

_TIME = re.compile(
    r"[T,\s]+(?:at |um )?(?P<hour>\d{1,2}):(?P<minute>\d{2})(?::(?P<second>\d{2})(?:[.,]\d+)?)?"
    r"\s*(?P<half>[ap]\.?m\.?)?\s*(?:uhr)?\s*(?P<zone>z|utc|gmt|[+-]\d{2}:?\d{2})?$",
    re.IGNORECASE,
)
_NUMERIC = re.compile(r"(\d{1,2})([./-])\s?(\d{1,2})\2\s?(\d{4}|\d{2})")
_YEAR_FIRST = re.compile(r"(\d{4})[./-](\d{1,2})[./-](\d{1,2})")
_WORDS = re.compile(
    r"(?:[^\W\d_]+,\s*)?(\d{1,2})(?:st|nd|rd|th|er|re|\.|º)?[\s-]+(?:de\s+)?([^\W\d_]+)\.?,?[\s-]+(?:de\s+)?(\d{4}|\d{2})"
)
_MONTH_FIRST = re.compile(r"(?:[^\W\d_]+,\s*)?([^\W\d_]+)\.?\s+(\d{1,2})(?:st|nd|rd|th)?,?\s+(\d{4})")
_CHARACTERS = re.compile(r"(\d{4})\s*[年년]\s*(\d{1,2})\s*[月월]\s*(\d{1,2})\s*[日일]")
_EPOCH = re.compile(r"\d{10}(?:\d{3})?")


@dataclass(frozen=True, slots=True)
class DateReading:
    """A timestamp in UTC, or None if the text is ambiguous or none. Without an offset a time is UTC.

    `is_local` says that there was no offset.
    """

    at: datetime | None
    ambiguous: bool = False
    is_local: bool = False

    def within(self, zone: tzinfo) -> datetime | None:
        """The moment. Without an offset it is a time of this zone."""
        if self.at is None or not self.is_local:
            return self.at
        return self.at.replace(tzinfo=zone).astimezone(UTC)


UNREAD = DateReading(None)


def read_date(text: str, order: Order | None = None) -> DateReading:
    """The timestamp that a text names.

    `order` says how 03/04/2026 is read. Without it, such a date is ambiguous, unless only one
    order is a date. Days of dates with dots come first. Numbers of ten and thirteen digits count from 1970.
    """
    if len(text) > MAX_LENGTH:
        return UNREAD
    return _read(text.strip(), order)


@lru_cache(2048)
def _read(text: str, order: Order | None) -> DateReading:
    try:
        if _EPOCH.fullmatch(text):
            seconds = int(text) / (1000 if len(text) == 13 else 1)
            return _within(datetime.fromtimestamp(seconds, UTC))
        iso = datetime.fromisoformat(text)
        return _within(_utc(iso), is_local=iso.tzinfo is None)
    except (ValueError, OverflowError):
        pass
    time = _TIME.search(text)
    days = _days(text[: time.start()].strip() if time is not None else text, order)
    found = {at for day in days if (at := _at(day, time)) is not None}
    if len(found) != 1:
        return DateReading(None, ambiguous=len(found) > 1)
    return _within(found.pop(), is_local=time is None or not time["zone"])


def _days(text: str, order: Order | None) -> list[tuple[int, int, int]]:
    """Every year, month and day that the text may name."""
    if found := _YEAR_FIRST.fullmatch(text) or _CHARACTERS.fullmatch(unicodedata.normalize("NFC", text)):
        return [(int(found[1]), int(found[2]), int(found[3]))]
    if found := _NUMERIC.fullmatch(text):
        first, second, year = int(found[1]), int(found[3]), _year(found[4])
        dmy, mdy = (year, second, first), (year, first, second)
        if found[2] == "." or order == "dmy":
            return [dmy]
        return [mdy] if order == "mdy" else [dmy, mdy]
    folded = unicodedata.normalize("NFC", text).casefold()
    if (found := _WORDS.fullmatch(folded)) and (month := _MONTH.get(_without_accents(found[2]))):
        return [(_year(found[3]), month, int(found[1]))]
    if (found := _MONTH_FIRST.fullmatch(folded)) and (month := _MONTH.get(_without_accents(found[1]))):
        return [(int(found[3]), month, int(found[2]))]
    return []


def _year(digits: str) -> int:
    """The year. Two digits are one of this century."""
    return int(digits) + (2000 if len(digits) == 2 else 0)


def _at(day: tuple[int, int, int], time: re.Match[str] | None) -> datetime | None:
    try:
        if time is None:
            return datetime(*day, tzinfo=UTC)
        hour = int(time["hour"])
        if time["half"]:
            if not 1 <= hour <= 12:
                return None
            hour = hour % 12 + (12 if time["half"][0] in "pP" else 0)
        at = datetime(*day, hour, int(time["minute"]), int(time["second"] or 0), tzinfo=UTC)
        zone = time["zone"] or ""
        if zone[:1] in ("+", "-"):
            return _utc(datetime.fromisoformat(f"{at.replace(tzinfo=None).isoformat()}{zone}"))
        return at
    except (ValueError, OverflowError):
        return None


def _utc(at: datetime) -> datetime:
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)


def _within(at: datetime, *, is_local: bool = False) -> DateReading:
    return DateReading(at, is_local=is_local) if 1900 <= at.year <= 2200 else UNREAD
