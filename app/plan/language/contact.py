"""Channels, quiet hours and caps, as plans and preferences write them."""

import re
from dataclasses import dataclass
from datetime import time
from typing import Any

CHANNELS = ("email", "sms", "phone", "chat")
"""The channels through which a person is contacted."""
TOPIC = re.compile(r"[A-Za-z0-9_.-]{1,64}")
EVERY = "*"
"""Stands for all channels."""
MAX_CONTACTS = 1000
MAX_DAYS = 366
_TIME = re.compile(r"([01]?[0-9]|2[0-3]):([0-5][0-9])")


@dataclass(frozen=True, slots=True)
class QuietHours:
    """Times of the day at which nobody is contacted: from `start` until just before `end`, local time.

    A window whose end is not after its start goes past midnight. They hold for `channels`. `zone` is set when
    the person named their time zone.
    """

    start: time
    end: time
    channels: tuple[str, ...] = ("email", "sms", "phone")
    zone: str | None = None

    def to_json(self) -> dict[str, Any]:
        """As it is stored and shown."""
        return {
            "from": self.start.strftime("%H:%M"),
            "to": self.end.strftime("%H:%M"),
            "channels": list(self.channels),
            "timezone": self.zone,
        }


@dataclass(frozen=True, slots=True)
class Cap:
    """At most `max` contacts in `days` days, rolling, through one channel or through all together."""

    max: int
    days: int
    channel: str | None = None

    def to_json(self) -> dict[str, Any]:
        """As it is stored and shown."""
        return {"max": self.max, "days": self.days, "channel": self.channel}


def read_time(text: object) -> time:
    """A time of day such as `21:00`. Raises ValueError."""
    found = _TIME.fullmatch(text) if isinstance(text, str) else None
    if found is None:
        raise ValueError("Must be a time of day, such as 21:00.")
    return time(int(found[1]), int(found[2]))


def quiet_from_json(stored: dict[str, Any]) -> QuietHours:
    """Quiet hours as they were stored."""
    start, end = read_time(stored["from"]), read_time(stored["to"])
    return QuietHours(start, end, tuple(stored["channels"]), stored["timezone"])
