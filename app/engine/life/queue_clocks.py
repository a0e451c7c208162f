"""The clocks of queues: how long a lead may wait in one, and how long a claimed lead may stay untouched."""

from collections.abc import Collection
from datetime import datetime, timedelta

from app.engine.compile.plan import Plan
from app.engine.life.clocks import Clock
from app.engine.life.working_time import ALWAYS, WorkingTime, working_time_of, working_time_of_all
from app.engine.model.decision import Decision, DecisionRequest
from app.engine.model.directory import Directory, Owner
from app.engine.model.state import Facts

RETRY = timedelta(minutes=5)
"""A lead that has waited too long and that nobody can take is offered again after this time."""


def queue_clocks(decision: Decision, request: DecisionRequest, plan: Plan, facts: Facts) -> tuple[Clock, ...]:
    """The clock of a lead that enters a queue, or that an owner claims from one."""
    if decision.keeps_assignment or not plan.queues:
        return ()
    if decision.queue is not None:
        return _wait(decision.queue, request, plan, facts)
    if decision.code == "claimed" and decision.owner is not None and request.queue is not None:
        return _lease(decision.owner, request.queue, plan, facts.now)
    return ()


def due_at(clock: Clock, directory: Directory) -> datetime:
    """When a clock is due, by its own terms and the working time as it is now."""
    length = timedelta(seconds=clock.terms["for"])
    if clock.terms["clock"] == "wall":
        return clock.started_at + length
    if clock.kind == "lease":
        owner = directory.owners.get(clock.owner_id or "")
        return _after(working_time_of(owner) if owner is not None else ALWAYS, clock.started_at, length)
    shared = working_time_of_all(may_claim(clock.team_id, directory))
    return _after(shared, clock.started_at, length)


def moved(clock: Clock, directory: Directory) -> bool:
    """Compute a pending clock again after an edit. Returns whether its time has changed."""
    due = due_at(clock, directory)
    if due == clock.due_at:
        return False  # a lead that nobody could take keeps its next try
    clock.due_at = clock.next_at = due
    return True


def may_claim(claimable_by: str | None, directory: Directory) -> Collection[Owner]:
    """The active owners who may claim from a queue of this team, whether or not they are there now."""
    team = directory.teams.get(claimable_by or "")
    ids = directory.owners.keys() if team is None else [member.owner for member in team.members]
    return [owner for id_ in ids if (owner := directory.owners.get(id_)) is not None and owner.active]


def _wait(queue: str, request: DecisionRequest, plan: Plan, facts: Facts) -> tuple[Clock, ...]:
    """The clock of a wait runs from the first entry, also for a lead that comes back to its place."""
    terms = plan.terms_of(queue)
    if terms.max_wait is None:
        return ()
    place = request.place_in(queue)
    since = place.since if place is not None else facts.now
    words = _words(terms.max_wait, working=terms.wait_is_working)
    clock = Clock(
        "max_wait", since, since, since, since, queue=queue, team_id=terms.claimable_by, terms=words
    )
    if terms.wait_is_working:
        shared = working_time_of_all(may_claim(clock.team_id, facts.directory))
        request.effort.spend(shared.effort)
    return (_started(clock, facts),)


def _lease(owner: Owner, queue: str, plan: Plan, now: datetime) -> tuple[Clock, ...]:
    terms = plan.terms_of(queue)
    if terms.lease is None:
        return ()
    words = _words(terms.lease, working=terms.lease_is_working)
    time = working_time_of(owner) if terms.lease_is_working else ALWAYS
    due = _after(time, now, terms.lease)
    return (Clock("lease", now, due, due, due, queue=queue, owner_id=owner.id, terms=words),)


def _after(time: WorkingTime, at: datetime, length: timedelta) -> datetime:
    """Plain time where the working time never comes."""
    return time.add(at, length) or at + length


def _words(length: timedelta, *, working: bool) -> dict[str, object]:
    return {"for": length.total_seconds(), "clock": "working" if working else "wall"}


def _started(clock: Clock, facts: Facts) -> Clock:
    clock.first_due_at = clock.due_at = clock.next_at = due_at(clock, facts.directory)
    return clock
