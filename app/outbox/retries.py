"""What follows from an attempt to send a message, and when the breaker of a target opens."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

DELAYS = tuple(timedelta(seconds=each) for each in (5, 30, 120, 600, 1800, 3600, 7200, 14400, 28800, 28800))
"""The pauses between attempts, about 24 hours in all."""
GIVE_UP_AFTER = timedelta(hours=24)
"""A message that fails so long after its first attempt is dead."""
JITTER = 0.2
"""Each pause is longer or shorter by up to this share, so that retries do not come all at once."""
TEMPORARY = frozenset((408, 409, 425, 429))
"""The 4xx statuses after which another attempt can succeed."""
MAX_FAILURES = 5
"""After so many temporary failures in a row nothing is sent to a target for a while."""
FIRST_PAUSE, LONGEST_PAUSE = timedelta(seconds=30), timedelta(minutes=10)

Spread = Callable[[float, float], float]
"""A random number between two others."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What an attempt led to. `code` says why it failed, `status` is the answer's if there was one.

    `unsent` means that nothing was sent, so that it counts neither for the message nor for the target.
    """

    result: Literal["delivered", "dead", "again", "unsent", "withdrawn"]
    status: int | None = None
    code: str | None = None
    retry_after: float | None = None


@dataclass(frozen=True, slots=True)
class Breaker:
    """Temporary failures in a row; since when nothing is sent, and until when."""

    failures: int = 0
    opened_at: datetime | None = None
    open_until: datetime | None = None

    def after(self, outcome: Outcome, now: datetime, spread: Spread) -> "Breaker":
        """The breaker after an attempt. An answer that refuses a message shows that the target is there."""
        if outcome.result in ("unsent", "withdrawn"):
            return self
        if outcome.result != "again":
            return Breaker()
        # Calls that were under way when the breaker opened say nothing new.
        if self.open_until is not None and self.open_until > now:
            return self
        failures = self.failures + 1
        if failures < MAX_FAILURES:
            return Breaker(failures)
        pause = min(FIRST_PAUSE * 2 ** min(failures - MAX_FAILURES, 10), LONGEST_PAUSE)
        return Breaker(failures, self.opened_at or now, now + pause * spread(1 - JITTER, 1 + JITTER))


def outcome_of(status: int, retry_after: float | None) -> Outcome:
    """What an answer means. A redirect is never followed, so it fails for good."""
    if 200 <= status < 300:
        return Outcome("delivered", status)
    if 300 <= status < 400:
        return Outcome("dead", status, "redirect")
    if 400 <= status < 500 and status not in TEMPORARY:
        return Outcome("dead", status, "refused")
    return Outcome("again", status, "unavailable", retry_after)


def next_attempt(
    attempts: int, first_at: datetime, now: datetime, retry_after: float | None, spread: Spread
) -> datetime | None:
    """When a message is tried again after so many attempts, or None when it is dead."""
    if attempts > len(DELAYS) or now - first_at >= GIVE_UP_AFTER:
        return None
    delay = DELAYS[attempts - 1] * spread(1 - JITTER, 1 + JITTER)
    if retry_after is not None:
        delay = max(delay, min(timedelta(seconds=retry_after), GIVE_UP_AFTER))
    return now + delay
