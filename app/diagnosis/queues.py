"""Queues with leads that nobody attends to."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo

from app.diagnosis.findings import Effect, Fact, Kind, Subject

MIN_WAIT = timedelta(hours=24)
"""How long, without Saturdays and Sundays, the oldest lead waits and nobody has taken one."""


@dataclass(frozen=True, slots=True)
class QueueState:
    """A queue now: its waiting leads, since when the oldest waits, and when one last left."""

    queue: str
    waiting: int
    oldest_since: datetime
    last_left_at: datetime | None


def unattended(queues: Iterable[QueueState], now: datetime, zone: tzinfo) -> Iterator[Fact]:
    """The queues whose oldest lead waits for a working day, while no lead has left."""
    for each in queues:
        wait = weekday_time(each.oldest_since, now, zone)
        idle = weekday_time(each.last_left_at, now, zone) if each.last_left_at is not None else wait
        if each.waiting and min(wait, idle) >= MIN_WAIT:
            yield _unattended(each, wait)


def _unattended(state: QueueState, wait: timedelta) -> Fact:
    hours = wait / timedelta(hours=1)
    left = state.last_left_at
    plural = "leads wait" if state.waiting > 1 else "lead waits"
    return Fact(
        code="queue_unattended",
        subject=Subject(Kind.QUEUE, state.queue),
        text=(
            f"{state.waiting} {plural} in the queue `{state.queue}`, the oldest for {hours:.0f} hours without"
            f" weekends, and nobody has taken one "
            + (f"since {left:%Y-%m-%d %H:%M} UTC." if left is not None else "so far.")
        ),
        effect=Effect("oldest_wait", "hours_on_weekdays", hours),
        look_at="Who may claim (`claimable_by`), whether they know, and `max_wait` with a way out.",
        evidence={
            "waiting": state.waiting,
            "oldest_since": state.oldest_since.isoformat(),
            "last_left_at": left.isoformat() if left is not None else None,
        },
    )


def weekday_time(since: datetime, until: datetime, zone: tzinfo) -> timedelta:
    """The time between two moments without Saturdays and Sundays of a zone."""
    total, at = timedelta(), since
    if until - since > timedelta(days=400):
        return (until - since) * 5 / 7
    while at < until:
        local = at.astimezone(zone)
        midnight = (local + timedelta(days=1)).replace(hour=0, minute=0, second=0, microsecond=0)
        end = min(until, max(midnight.astimezone(at.tzinfo), at + timedelta(hours=1)))
        if local.weekday() < 5:
            total += end - at
        at = end
    return total
