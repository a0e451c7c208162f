"""Durations and instants as people write them in a plan."""

import re
from datetime import UTC, datetime, timedelta

_SECONDS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400, "w": 604_800}
_DURATION = re.compile(r"([0-9]{1,9})([smhdw])")
_RELATIVE = re.compile(r"(?:now)?\s*([+-])\s*([0-9]{1,9}[smhdw])")
_AGO = re.compile(r"([0-9]{1,9}[smhdw]) ago")
_AHEAD = re.compile(r"in ([0-9]{1,9}[smhdw])")

MAX_DURATION = timedelta(days=36_525)
"""A century: longer durations are taken for slips."""


def parse_duration(text: str) -> timedelta:
    """A whole number with one unit (`30s`, `15m`, `4h`, `90d`, `2w`), or `0`.

    Raises ValueError for anything else, and for more than a century.
    """
    if text == "0":
        return timedelta()
    match = _DURATION.fullmatch(text)
    if match is None:
        raise ValueError("Write a duration as a whole number and s, m, h, d or w, such as 15m or 90d.")
    seconds = int(match[1]) * _SECONDS[match[2]]
    if seconds > MAX_DURATION.total_seconds():
        raise ValueError("Write a duration of at most a hundred years.")
    return timedelta(seconds=seconds)


def read_duration(value: object) -> timedelta:
    """A duration as it stands in a document, where 0 may be a number. Raises ValueError."""
    whole = isinstance(value, int) and not isinstance(value, bool)
    return parse_duration(str(value) if whole else value if isinstance(value, str) else "")


def format_duration(duration: timedelta) -> str:
    """The shortest way to write a duration of whole seconds: `90d`, `15m`, `0`."""
    seconds = int(duration.total_seconds())
    for unit, size in reversed(_SECONDS.items()):
        if seconds and seconds % size == 0:
            return f"{seconds // size}{unit}"
    return "0"


def parse_instant(text: str) -> datetime | timedelta:
    """The distance from now of `now`, `now-30d`, `-30d`, `+14d`, `30d ago` or `in 14d`; else ISO 8601.

    A date or time without a zone is in UTC. Raises ValueError for anything else.
    """
    words = text.strip().lower()
    if words == "now":
        return timedelta()
    if match := _RELATIVE.fullmatch(words):
        distance = parse_duration(match[2])
        return distance if match[1] == "+" else -distance
    if match := _AGO.fullmatch(words):
        return -parse_duration(match[1])
    if match := _AHEAD.fullmatch(words):
        return parse_duration(match[1])
    return parse_iso(text.strip())


def parse_iso(text: str) -> datetime:
    """An ISO 8601 date or time as an aware instant; UTC where no zone is given. Raises ValueError."""
    try:
        at = datetime.fromisoformat(text)
        return (at if at.tzinfo else at.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise ValueError("Write an instant such as 2026-11-20, 2026-11-20T10:00:00Z or now-30d.") from None
