"""How often a key or a workspace may call: rates, quotas, and the defaults."""

import math
import re
from dataclasses import dataclass

DAY_SECONDS = 86_400
PERIODS = {"s": 1, "min": 60, "h": 3600, "day": DAY_SECONDS, "month": 30 * DAY_SECONDS}
"""The units of time of a rate, in seconds. A month has thirty days."""
MAX_COUNT = 1_000_000_000
_RATE = re.compile(r"([1-9][0-9]{0,9})/(" + "|".join(PERIODS) + ")", re.ASCII)


@dataclass(frozen=True, slots=True)
class Rate:
    """A token bucket: `burst` at once when it is full, and `per_second` in the long run."""

    per_second: float
    burst: int

    def __str__(self) -> str:
        """Such as `50/s, burst 100`."""
        for unit, seconds in PERIODS.items():
            count = self.per_second * seconds
            if math.isclose(count, round(count), rel_tol=1e-9) and count >= 1:
                return f"{round(count)}/{unit}, burst {self.burst}"
        return f"{self.per_second:g}/s, burst {self.burst}"


@dataclass(frozen=True, slots=True)
class Rates:
    """What limits one key: its rate, that of its workspace, and the quota of leads. None is no limit."""

    key: Rate | None = None
    workspace: Rate | None = None
    quota: Rate | None = None


UNLIMITED = Rates()
DEFAULT_KEY_RATE = Rate(500.0, 10_000)
"""The rate of a key that has none of its own."""
DEFAULT_WORKSPACE_RATE = Rate(1000.0, 20_000)
"""The rate of a workspace that has none of its own."""


StoredRate = tuple[float | None, int | None]
"""How a rate is stored: what it allows per second, infinity for no limit, and its burst."""
UNSET_RATE: StoredRate = (None, None)
"""Nothing is stored, so the default counts."""


def parse_rate(text: str) -> tuple[int, int] | None:
    """The count and the seconds of a rate such as `50/s`, `600/min` or `5000/day`, or None."""
    found = _RATE.fullmatch(text)
    if found is None or int(found[1]) > MAX_COUNT:
        return None
    return int(found[1]), PERIODS[found[2]]


def rate_of(per_second: float | None, burst: int | None, default: Rate) -> Rate | None:
    """The rate that is stored like this: nothing is the default, infinitely many per second is no limit."""
    if per_second is None:
        return default
    if math.isinf(per_second):
        return None
    return Rate(per_second, burst or burst_for(per_second))


def burst_for(per_second: float) -> int:
    """The burst of a rate that names none: what it allows in two seconds."""
    return max(1, math.ceil(2 * per_second))


def quota_of(leads: int | None, days: int | None) -> Rate | None:
    """A quota of so many leads in so many days. It fills again evenly over that time."""
    return Rate(leads / (days * DAY_SECONDS), leads) if leads and days else None
