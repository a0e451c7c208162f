"""When somebody works: the time in which SLA clocks run.

An owner works in the hours of their calendar, without their absences. Without a calendar they always work.
The time of several owners is the union of their shifts.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from heapq import merge
from itertools import islice, takewhile

from app.engine.model.directory import Owner
from app.plan.language.hours import Hours, Span

HORIZON = timedelta(days=731)
"""Working time that lies further away than this is not looked for."""
MAX_SPANS = 10_000
"""Shifts that one computation looks at, over all owners. Behind them, as much is worked as in them."""
MAX_SPANS_OF_ONE = 9_000
"""The same for one owner: twelve shifts a day until the horizon, which is as many as a calendar may have."""
EFFORT = 20
"""What the hours of one owner count toward the budget of a decision, where those of several are joined."""
_NEVER_ENDS = datetime(9999, 1, 1, tzinfo=UTC)
_NOTHING = timedelta()


@dataclass(frozen=True, slots=True)
class Shifts:
    """The shifts of one owner: their hours, None for always, and their absences by start."""

    hours: Hours | None = None
    absences: tuple[Span, ...] = ()

    def last_until(self, start: datetime, end: datetime) -> bool:
        """Whether the shift at `start` lasts until `end`, as far as that can be told at once."""
        if any(each[1] > start for each in self.absences):
            return False
        over = _NEVER_ENDS if self.hours is None else self.hours.open_until(start)
        return over is not None and end <= over

    def spans(self, at: datetime) -> Iterator[Span]:
        """Every span of working time that ends after `at` and begins before the horizon, in order."""
        last = at + HORIZON
        spans = iter(((at, _NEVER_ENDS),)) if self.hours is None else self.hours.spans(at)
        near = takewhile(lambda span: span[0] < last, spans)
        gone = [each for each in self.absences if each[1] > at]
        return _without(near, gone) if gone else near


@dataclass(frozen=True, slots=True)
class WorkingTime:
    """The working time of one owner, or of all who have any of these shifts."""

    shifts: tuple[Shifts, ...] = (Shifts(),)

    def add(self, at: datetime, length: timedelta) -> datetime | None:
        """The time when `length` of working time has passed since `at`.

        Time that ends with a shift ends with that shift. None if it does not pass before the horizon.
        """
        if len(self.shifts) == 1 and self.shifts[0].last_until(at, at + length):
            return at + length
        if len(self.shifts) == 1 and self.shifts[0].absences and self.shifts[0].hours is not None:
            # Colleagues with the same hours share this answer; absences only take time away.
            whole = WorkingTime((Shifts(self.shifts[0].hours),))
            if _added(whole, at, length) is None:
                return None
        return _added(self, at, length)

    def next_working(self, at: datetime) -> datetime | None:
        """The first working moment at or after `at`. None if there is none before the horizon."""
        return next((max(start, at) for start, end in self.spans(at) if end > at), None)

    def between(self, start: datetime, end: datetime) -> timedelta:
        """The working time from `start` until `end`; zero if `end` comes first."""
        worked = _NOTHING
        for begun, over in self.spans(start):
            if begun >= end:
                break
            worked += min(over, end) - max(begun, start)
        return max(worked, _NOTHING)

    def spans(self, at: datetime) -> Iterator[Span]:
        """The spans of working time that end after `at`, as far as they are looked at."""
        return _joined(islice(self.all_spans(at), self.most))

    def all_spans(self, at: datetime) -> Iterator[Span]:
        """The spans of each of the shifts, by their starts."""
        if len(self.shifts) == 1:
            return self.shifts[0].spans(at)
        return merge(*(each.spans(at) for each in self.shifts))

    @property
    def most(self) -> int:
        """How many spans are looked at."""
        return MAX_SPANS_OF_ONE if len(self.shifts) == 1 else MAX_SPANS

    @property
    def effort(self) -> int:
        """What a look at it counts toward the budget of a decision."""
        return EFFORT * len(self.shifts)


# Many owners have the same hours, and one decision asks for the same time of all of them.
@lru_cache(maxsize=256)
def _added(working: WorkingTime, at: datetime, length: timedelta) -> datetime | None:
    left, covered, all_spans = length, at, working.all_spans(at)
    for start, end in islice(all_spans, working.most):
        if end <= covered:
            continue
        # Spans come by their starts, so nothing later fills a gap before this one.
        begun = max(start, covered)
        if begun + left <= end:
            return begun + left
        left -= end - begun
        covered = end
    if left == length or next(all_spans, None) is None:
        return None
    # Too many shifts to look at them all: what is left takes as long as what was found.
    due = covered + (covered - at) * (left / (length - left))
    return due if due < at + HORIZON else None


ALWAYS = WorkingTime()
"""Plain time."""


def working_time_of(owner: Owner) -> WorkingTime:
    """When this owner works."""
    return WorkingTime((_shifts_of(owner),))


def working_time_of_all(owners: Iterable[Owner]) -> WorkingTime:
    """When at least one of these owners works; plain time without owners.

    An owner whose hours are those of a colleague without absences adds nothing.
    """
    found = {_shifts_of(owner) for owner in owners}
    whole = {each.hours for each in found if not each.absences}
    if not found or None in whole:
        return ALWAYS
    needed = [each for each in found if not each.absences or each.hours not in whole]
    return WorkingTime(tuple(sorted(needed, key=repr)))


def _shifts_of(owner: Owner) -> Shifts:
    return Shifts(owner.hours, tuple((each.start, each.end) for each in owner.absences))


def _without(spans: Iterator[Span], absences: Sequence[Span]) -> Iterator[Span]:
    """The spans without the absences, which are ordered by their start."""
    for start, end in spans:
        begun = start
        for gone, back in absences:
            if gone < end and back > begun:
                if gone > begun:
                    yield begun, gone
                begun = back
        if begun < end:
            yield begun, end


def _joined(spans: Iterable[Span]) -> Iterator[Span]:
    """Spans in the order of their starts, those that touch or overlap as one."""
    current: Span | None = None
    for start, end in spans:
        if current is None:
            current = start, end
        elif start <= current[1]:
            current = current[0], max(current[1], end)
        else:
            yield current
            current = start, end
    if current is not None:
        yield current
