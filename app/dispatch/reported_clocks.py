"""What an event does to the clocks of its assignment, besides meeting them."""

from datetime import datetime

from app.dispatch.unit_of_work import UnitOfWork
from app.engine.life.due_times import postpone
from app.engine.life.event_table import EventKind
from app.engine.life.events import ReportedEvent
from app.engine.life.terms import terms_from_json
from app.engine.life.whose_time import working_time_of_clock
from app.engine.life.working_time import working_time_of
from app.store.leads.histories import TrackedAssignment


def withdraw_misses(
    work: UnitOfWork, tracked: TrackedAssignment, event: ReportedEvent, kind: EventKind
) -> None:
    """The event was in time and is heard of late: the miss is withdrawn, and the lead stays where it is."""
    if event.at is None or event.day_only:
        return
    for name in kind.stops:
        clock = tracked.clocks.get(name)
        if clock is not None and clock.state == "missed" and event.at <= clock.due_at:
            clock.withdraw_miss(work.now)
            work.keep_clock(clock)


def postpone_touch(work: UnitOfWork, tracked: TrackedAssignment, until: datetime) -> None:
    """The owner puts the lead off: its touch is due later, once."""
    clock = tracked.clocks.get("touch")
    if clock is None or clock.state != "pending":
        return
    terms = terms_from_json(clock.terms)
    if terms.resumed_at is None:
        postpone(clock, until, work.now, working_time_of_clock(clock, terms, work.facts.directory))
        work.keep_clock(clock)


def working_seconds(work: UnitOfWork, tracked: TrackedAssignment, at: datetime) -> int | None:
    """The owner's working time from the assignment until `at`, in whole seconds. None without an owner."""
    owner = work.facts.directory.owners.get(tracked.owner_id or "")
    if owner is None:
        return None
    return int(working_time_of(owner).between(tracked.decided_at, at).total_seconds())
