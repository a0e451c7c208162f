"""Durations and timestamps of a plan."""

import re
from datetime import UTC, datetime, timedelta

_SECONDS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400, "w": 604_800}
_DURATION = re.compile(r"([0-9]{1,9})([smhdw])")
_RELATIVE = re.compile(r"(?:now)?\s*([+-])\s*([0-9]{1,9}[smhdw])")
_AGO = re.compile(r"([0-9]{1,9}[smhdw]) ago")
_AHEAD = re.compile(r"in ([0-9]{1,9}[smhdw])")

MAX_DURATION = timedelta(days=36_525)
"""A century. Longer durations are probably mistakes."""


def parse_duration(text: str) -> timedelta:
    """Parse an integer with one unit (`30s`, `15m`, `4h`, `90d`, `2w`), or `0`.

    Raises ValueError for anything else, and for more than a century.
    """
    if text == "0":
        return timedelta()
    match = _DURATION.fullmatch(text)
    if match is None:
        raise ValueError("Must be an integer with s, m, h, d or w, such as 15m or 90d.")
    seconds = int(match[1]) * _SECONDS[match[2]]
    if seconds > MAX_DURATION.total_seconds():
        raise ValueError("Must be at most 100 years.")
    return timedelta(seconds=seconds)


def read_duration(value: object) -> timedelta:
    """Parse a duration of a document, where 0 may be a number. Raises ValueError."""
    whole = isinstance(value, int) and not isinstance(value, bool)
    return parse_duration(str(value) if whole else value if isinstance(value, str) else "")


def format_duration(duration: timedelta) -> str:
    """The shortest form of a duration of whole seconds: `90d`, `15m`, `0`."""
    seconds = int(duration.total_seconds())
    for unit, size in reversed(_SECONDS.items()):
        if seconds and seconds % size == 0:
            return f"{seconds // size}{unit}"
    return "0"


def format_distance(distance: timedelta) -> str:
    """A distance from now, as `parse_instant` reads it: `now`, `30d ago`, `in 14d`."""
    if not distance:
        return "now"
    return (
        f"in {format_duration(distance)}" if distance > timedelta() else f"{format_duration(-distance)} ago"
    )


def parse_instant(text: str) -> datetime | timedelta:
    """Parse ISO 8601, or the distance from now: `now`, `now-30d`, `-30d`, `+14d`, `30d ago`, `in 14d`.

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
    """Parse an ISO 8601 date or time. Without a zone it is in UTC. Raises ValueError."""
    try:
        at = datetime.fromisoformat(text)
        return (at if at.tzinfo else at.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise ValueError(
            "Must be a timestamp, such as 2026-11-20, 2026-11-20T10:00:00Z or now-30d."
        ) from None
