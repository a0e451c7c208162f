"""The promises of SLAs as facts: when each was kept, and when the lead got what it was promised."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from app.reports.rounds import Round
from app.reports.told import Told, first_of
from app.store.reports.fact_rows import AssignmentFact, PromiseFact, cuts_of
from app.store.reports.fact_sources import ClockRecord


def promises_of(
    clocks: Mapping[str, Sequence[ClockRecord]],
    found: Sequence[AssignmentFact],
    round_: Round,
    next_arrival: datetime | None,
    told: Sequence[Told],
) -> list[PromiseFact]:
    """The promises of a round. The first of each kind is the promise to the lead."""
    seen: set[str] = set()
    promises: list[PromiseFact] = []
    closed_at = min((at for at in (round_.ended_at, next_arrival) if at is not None), default=None)
    for fact in found:
        events = [each for each in told if each.event.assignment_id == fact.assignment_id]
        for clock in clocks.get(fact.assignment_id, ()):
            promise = _promise(fact, clock, round_, events)
            promise.first = clock.kind not in seen
            seen.add(clock.kind)
            if promise.first:
                _promise_to_lead(promise, round_, told, closed_at)
            promises.append(promise)
    return promises


def _promise(fact: AssignmentFact, clock: ClockRecord, round_: Round, events: Sequence[Told]) -> PromiseFact:
    cuts = cuts_of(fact)
    promise = PromiseFact(
        **cuts,
        assignment_id=fact.assignment_id,
        kind=clock.kind,
        lead_id=fact.lead_id,
        arrived_at=round_.arrived_at,
        started_at=clock.started_at,
        sla=clock.sla,
        queue=clock.queue,
        due_at=clock.due_at,
        changed_at=max(each for each in (fact.changed_at, clock.ended_at) if each is not None),
    )
    promise.met_at, promise.met_by = _kept(clock.kind, events, clock.started_at)
    if clock.state == "met" and clock.ended_at is not None and _is_later(promise.met_at, clock.ended_at):
        promise.met_at = clock.ended_at
        promise.met_by = promise.met_by or (fact.owner_id if clock.kind != "claim" else None)
    if clock.state == "withdrawn" and clock.ended_at is not None:
        with_assignment = fact.ended_at is not None and clock.ended_at >= fact.ended_at
        # A miss that was taken back, for the owner was absent, is no promise any more.
        promise.void_at = clock.ended_at if with_assignment else min(clock.ended_at, clock.due_at)
    elif fact.ended_at is not None and fact.ended_at > clock.due_at:
        promise.void_at = fact.ended_at
    return promise


def _is_later(at: datetime | None, than: datetime) -> bool:
    return at is None or at > than


def _kept(kind: str, told: Iterable[Told], since: datetime) -> tuple[datetime | None, str | None]:
    """When a promise to accept or touch was kept, and who kept it. Of some events only the day is known."""
    counts = [
        each
        for each in told
        if not each.event.day_only
        and (each.touches if kind == "touch" else kind == "accept" and each.accepts)
    ]
    kept = first_of(counts, since)
    return (max(kept.event.at, since), kept.by) if kept is not None else (None, None)


def _promise_to_lead(
    promise: PromiseFact, round_: Round, told: Sequence[Told], closed_at: datetime | None
) -> None:
    """When the lead got what it was promised, no matter who did it."""
    ids = {each.id for each in round_.records}
    mine = [each for each in told if each.event.at >= promise.started_at or each.event.assignment_id in ids]
    at, by = _kept(promise.kind, mine, promise.started_at)
    if promise.met_at is not None and _is_later(at, promise.met_at):
        at, by = promise.met_at, promise.met_by
    promise.lead_met_at, promise.lead_met_by = at, by
    absent = promise.void_at is not None and promise.void_at == promise.due_at
    promise.lead_void_at = promise.void_at if absent else closed_at
