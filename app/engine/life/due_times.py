"""When an SLA clock is due, when it reminds, and what it does at a moment.

A clock is computed from its start with the working time of now, so an edit of a calendar moves it, in both
directions. Reminders are points of working time, so each falls within a shift, and each is used once.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal

from app.engine.life.clocks import Clock
from app.engine.life.terms import Terms, terms_from_json
from app.engine.life.working_time import HORIZON, WorkingTime

Effect = Literal["wait", "breach", "bound"]


@dataclass(frozen=True, slots=True)
class Look:
    """What a clock does at a moment.

    - `effect` is `wait`, `breach` when its working time is over, or `bound` when its bound in plain time
      ended before the working time came.
    - `due_at` is when it is due, `next_at` when to look again.
    - `reminders` are the numbers of the reminders to send now, from 1; `reminded` is their count afterwards.
    """

    effect: Effect
    due_at: datetime
    next_at: datetime
    reminders: range
    reminded: int


def started(clock: Clock, terms: Terms, working: WorkingTime) -> Clock | None:
    """The clock with its times and terms, from its start. None if it can never come due."""
    due = working.add(clock.started_at, terms.length)
    if due is None:
        return None
    clock.first_due_at = clock.due_at = due
    clock.terms = terms.to_json()
    clock.next_at = _next(clock, terms, working, due)[0]
    return clock


def look(clock: Clock, working: WorkingTime, now: datetime) -> Look:
    """What a pending clock does at `now`, with the working time as it is now."""
    terms = terms_from_json(clock.terms)
    base = _base(clock, terms)
    due = working.add(base, terms.length - terms.worked) or base + HORIZON
    bound = base + terms.bound if terms.bound is not None else None
    if now >= due:
        # Nobody needs a reminder of what is due.
        effect: Effect = "breach" if now >= due + terms.grace else "wait"
        if bound is not None and bound < due:
            effect = "bound"
        count = len(terms.reminders)
        return Look(effect, due, due + terms.grace, range(0), count)
    if bound is not None and bound <= now:
        return Look("bound", due, bound, range(0), len(terms.reminders))
    next_at, reminded = _next(clock, terms, working, due, now)
    return Look("wait", due, next_at, range(clock.reminded + 1, reminded + 1), reminded)


def moved(clock: Clock, working: WorkingTime) -> bool:
    """Compute a pending clock again after an edit. Returns whether anything changed.

    What is due by now takes effect at the next look.
    """
    terms = terms_from_json(clock.terms)
    base = _base(clock, terms)
    due = working.add(base, terms.length - terms.worked) or base + HORIZON
    next_at, _ = _next(clock, terms, working, due)
    if (due, next_at) == (clock.due_at, clock.next_at):
        return False
    clock.due_at, clock.next_at = due, next_at
    return True


def postpone(clock: Clock, until: datetime, now: datetime, working: WorkingTime) -> None:
    """Let a pending clock run again from `until`, with what is left of it now."""
    terms = terms_from_json(clock.terms)
    worked = terms.worked + working.between(_base(clock, terms), now)
    clock.terms = replace(terms, resumed_at=until, worked=min(worked, terms.length)).to_json()
    moved(clock, working)


def _base(clock: Clock, terms: Terms) -> datetime:
    return terms.resumed_at or clock.started_at


def _next(
    clock: Clock, terms: Terms, working: WorkingTime, due: datetime, now: datetime | None = None
) -> tuple[datetime, int]:
    """When to look at a clock next, and how many reminders have passed by `now`."""
    times = [due + terms.grace]
    if terms.bound is not None:
        times.append(_base(clock, terms) + terms.bound)
    passed = clock.reminded
    for point in terms.reminders[clock.reminded :]:
        at = _moment_of(point, clock, terms, working)
        if at is None or at >= due:
            break
        if now is None or at > now:
            times.append(at)
            break
        passed += 1
    return min(times), passed


def _moment_of(point: timedelta, clock: Clock, terms: Terms, working: WorkingTime) -> datetime | None:
    """The first moment on shift at which so much of the working time has passed."""
    base = _base(clock, terms)
    at = working.add(base, max(point - terms.worked, timedelta()))
    return working.next_working(at) if at is not None else None
