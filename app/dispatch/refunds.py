"""Turns that are given back, and taken again."""

from app.dispatch.unit_of_work import UnitOfWork
from app.engine.model.decision import LedgerEntry
from app.engine.selection.refunds import REVERSED, refund_entries
from app.store.leads.histories import TrackedAssignment


def give_back(work: UnitOfWork, tracked: TrackedAssignment, cause: str) -> None:
    """Give back the turn of an assignment, and its place in the caps per day, week and window.

    With the cause `REVERSED` both are taken again. The open place is another matter.
    """
    state, directory = work.snapshot.state, work.snapshot.directory
    holder = turn_holder(work, tracked)
    if holder is not None and (holder is tracked or holder.refunded == (cause == REVERSED)):
        _enter_turn(work, holder, cause)
    team = tracked.team_id
    owner = directory.owners.get(tracked.owner_id or "")
    if owner is not None and tracked.counts_toward_load:
        state.recount(directory, owner, team, tracked.decided_at, counts=cause == REVERSED)
    tracked.refunded = cause != REVERSED
    work.keep_reject(tracked)


def take_turn_again(work: UnitOfWork, tracked: TrackedAssignment) -> None:
    """Take the turn of an assignment again, whose lead its owner has by another assignment now.

    That one has the place in the caps.
    """
    _enter_turn(work, tracked, REVERSED)


def turn_holder(work: UnitOfWork, tracked: TrackedAssignment) -> TrackedAssignment | None:
    """The assignment whose turn this one has: its own, or that of before a merge that was undone."""
    line = work.histories.get(tracked.lead_id, [])
    at = next((position for position, each in enumerate(line) if each.id == tracked.id), 0)
    for each in (tracked, *reversed(line[:at])):
        if each is not tracked and (each.end_cause != "merged" or each.owner_id != tracked.owner_id):
            return None
        if each.turn is not None:
            return each if each.team_id is not None else None
    return None


def _enter_turn(work: UnitOfWork, holder: TrackedAssignment, cause: str) -> None:
    """Enter that the turn of an assignment is given back, or with `REVERSED` that it is taken again."""
    if holder.turn is None or holder.team_id is None:
        return
    taken = LedgerEntry(holder.team_id, holder.turn.cause, holder.turn.chosen, holder.turn.changes)
    state, directory = work.snapshot.state, work.snapshot.directory
    entries = refund_entries(taken, holder.turn.number, cause, state, directory, work.now)
    work.enter(entries, holder.id)
    holder.refunded = cause != REVERSED
    work.keep_reject(holder)
