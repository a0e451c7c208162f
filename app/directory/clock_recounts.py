"""Edits of calendars, absences and teams move the deadlines of pending clocks, in both directions.

The clocks of few owners move in the transaction of the edit. The others are left to the worker, in slices.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime

from app.engine.life import due_times, queue_clocks
from app.engine.life.clocks import QUEUE_KINDS, SLA_KINDS, Clock
from app.engine.life.terms import terms_from_json
from app.engine.life.whose_time import working_time_of_clock
from app.engine.model.directory import Absence, Directory, Owner
from app.plan.language.public_holidays import holidays_version
from app.store.connection.pool import Connection, Pool, transaction
from app.store.life import clock_recounts
from app.store.life.clock_recounts import UNOWNED
from app.store.path.snapshot import read_directory

AT_ONCE = 500
"""So many clocks move within the edit."""
SLICE = 200
"""So many clocks a worker moves under one lock."""


async def recount_clocks(
    connection: Connection,
    workspace_id: int,
    old: Directory,
    new: Directory,
    now: datetime,
    whole: Directory,
) -> None:
    """Move the clocks of the owners whose working time an edit changed, and withdraw misses while absent.

    `old` and `new` need only the owners who were edited; `whole` is all of `new`.
    """
    # Owners who were not edited are the same objects, and there can be tens of thousands.
    edited = [
        (before, owner) for id_, owner in new.owners.items() if (before := old.owners.get(id_)) is not owner
    ]
    changed = [owner.id for before, owner in edited if _differs(before, owner)]
    for id_ in changed:
        for absence in _past(old.owners[id_], new.owners[id_], now):
            await clock_recounts.withdraw_misses(
                connection, workspace_id, id_, absence.start, absence.end, now
            )
    if changed or _others_may_claim(old, new, edited):
        await _move(connection, workspace_id, [*changed, UNOWNED], whole)


async def note_holidays(pool: Pool, workspace_id: int) -> bool:
    """Leave all clocks to the worker if the holiday data is another one than before.

    Returns False while no clock has ever run, so that there is nothing to compare with.
    """
    version = holidays_version()
    async with transaction(pool, workspace_id, read_only=True) as connection:
        same = await clock_recounts.has_holidays(connection, workspace_id, version)
    if same is False:
        async with transaction(pool, workspace_id, lock=True) as connection:
            await clock_recounts.change_holidays(connection, workspace_id, version)
    return same is not None


async def recount_slice(pool: Pool, workspace_id: int) -> bool:
    """Move one slice of what edits left. Returns whether there may be more."""
    async with transaction(pool, workspace_id, read_only=True) as connection:
        if await clock_recounts.find_recount(connection, workspace_id) is None:
            return False
    async with transaction(pool, workspace_id, lock=True) as connection:
        left = await clock_recounts.find_recount(connection, workspace_id)
        if left is None:
            return False
        owner_id, after = left
        directory = await read_directory(connection, workspace_id, 0)
        clocks = await clock_recounts.find_pending_clocks(connection, workspace_id, owner_id, after, SLICE)
        await clock_recounts.update_clocks(connection, workspace_id, list(_moved(clocks, directory)))
        last = clocks[-1].assignment_id if len(clocks) >= SLICE else None
        await clock_recounts.note_recount(connection, workspace_id, owner_id, last)
        return True


async def _move(
    connection: Connection, workspace_id: int, owner_ids: Sequence[str], directory: Directory
) -> None:
    room = AT_ONCE
    for position, owner_id in enumerate(owner_ids):
        clocks = await clock_recounts.find_pending_clocks(connection, workspace_id, owner_id, None, room + 1)
        if len(clocks) > room or position > AT_ONCE:
            await clock_recounts.add_recounts(connection, workspace_id, owner_ids[position:])
            return
        await clock_recounts.update_clocks(connection, workspace_id, list(_moved(clocks, directory)))
        room -= len(clocks)


def _moved(clocks: Sequence[Clock], directory: Directory) -> Iterator[Clock]:
    for clock in clocks:
        if _moves(clock, directory):
            yield clock


def _moves(clock: Clock, directory: Directory) -> bool:
    if clock.kind in QUEUE_KINDS:
        return queue_clocks.moved(clock, directory)
    if clock.kind not in SLA_KINDS:
        return False  # it counts in plain time
    working = working_time_of_clock(clock, terms_from_json(clock.terms), directory)
    return due_times.moved(clock, working)


def _differs(before: Owner | None, after: Owner) -> bool:
    """Whether the owner works at other times now. A new owner has no clocks."""
    if before is None:
        return False
    return before.hours != after.hours or before.absences != after.absences


def _past(before: Owner, after: Owner, now: datetime) -> Iterator[Absence]:
    """The absences that were entered after they began."""
    return (each for each in after.absences if each not in before.absences and each.start <= now)


def _others_may_claim(old: Directory, new: Directory, edited: Sequence[tuple[Owner | None, Owner]]) -> bool:
    """Whether other owners may take leads that have none."""
    if old.teams != new.teams:
        return True
    if any(after.active != (before is not None and before.active) for before, after in edited):
        return True
    added = sum(before is None for before, _ in edited)
    if len(old.owners) + added == len(new.owners):
        return False
    return any(owner.active for id_, owner in old.owners.items() if id_ not in new.owners)
