"""The clock of a workspace. Development can set it and speed it up, so that tests need not wait."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from app.directory.editing import EDIT_LIMITS, MAX_HELD_MOVED, DirectoryEdit, edit_directory
from app.directory.pauses import ACTOR
from app.engine.compile.plan import NO_TERMS
from app.engine.life.queues import compile_queues
from app.ids import uuid7
from app.plan.document.queues import Queue
from app.store import clocks
from app.store.connection.pool import Connection, Pool, transaction
from app.store.leads.bulk_jobs import BulkJob, insert_job
from app.store.life.time_repairs import (
    TimeRepair,
    bring_back,
    bring_back_places,
    find_pauses_ahead,
    list_absences_ahead,
    list_held_ahead,
    list_queues_ahead,
)
from app.store.path import facts
from app.store.path.snapshot import read_snapshot, settle_time, write_entry
from app.store.plans import find_text


@dataclass(frozen=True, slots=True)
class ClockReading:
    """The time of decisions and the speed of the clock."""

    now: datetime
    speed: float


async def read(pool: Pool, workspace_id: int) -> ClockReading:
    """The time and speed of the clock."""
    async with transaction(pool, workspace_id, read_only=True) as connection:
        return await _reading(connection, workspace_id)


async def put(pool: Pool, workspace_id: int, at: datetime | None, speed: float | None) -> ClockReading:
    """Set the time, the speed, or both. None keeps the current value."""

    async def set_clock(connection: Connection) -> None:
        found = await facts.read_facts(connection, workspace_id, None, [], [])
        kept = await clocks.find_clock_speed(connection, workspace_id)
        await clocks.set_clock(connection, workspace_id, at or found.time, speed or kept or 1.0)

    return await _change(pool, workspace_id, set_clock)


async def remove(pool: Pool, workspace_id: int) -> ClockReading:
    """Return to the real time."""

    async def stop(connection: Connection) -> None:
        await clocks.delete_clock(connection, workspace_id)

    return await _change(pool, workspace_id, stop)


async def repair(pool: Pool, workspace_id: int) -> TimeRepair:
    """Let decisions follow the clock again, and bring back what is dated in the future."""
    async with transaction(pool, workspace_id, lock=True, limits=EDIT_LIMITS) as connection:
        found, snapshot = await read_snapshot(connection, workspace_id)
        before, now = snapshot.entry, settle_time(found, snapshot)
        if now < before.at:
            await write_entry(connection, workspace_id, snapshot, replace(before, at=now))
        done = await bring_back(connection, workspace_id, now)
        done = replace(
            done, places=await _bring_back_places(connection, workspace_id, now, before.plan_version)
        )
    async with edit_directory(pool, workspace_id, ACTOR) as edit:
        return replace(
            done,
            held=await _decide_held_again(edit),
            pauses=await _shift_pauses(edit),
            absences=await _shift_absences(edit),
        )


async def _bring_back_places(
    connection: Connection, workspace_id: int, now: datetime, plan_version: int
) -> int:
    """Let leads that entered queues in the future enter them now. Returns how many there were."""
    queues = await list_queues_ahead(connection, workspace_id, now)
    if not queues:
        return 0
    found = await find_text(connection, workspace_id, plan_version)
    written = found[0].get("queues", {}) if found is not None else {}
    terms = compile_queues({name: Queue.model_validate(each or {}) for name, each in written.items()})
    moved = [
        await bring_back_places(connection, workspace_id, now, queue, terms.get(queue, NO_TERMS).aging)
        for queue in queues
    ]
    return sum(moved)


async def _decide_held_again(edit: DirectoryEdit) -> int:
    """Route what was held in the future again, by a bulk job. Returns how many leads that are."""
    held = await list_held_ahead(edit.connection, edit.workspace_id, edit.now, MAX_HELD_MOVED)
    if held:
        job = BulkJob(uuid7(), "reassign", "running", {}, len(held), edit.actor, edit.now)
        await insert_job(edit.connection, edit.workspace_id, job, held)
    return len(held)


async def _shift_pauses(edit: DirectoryEdit) -> int:
    """Let pauses that began in the future begin now. Returns how many there were."""
    found = await find_pauses_ahead(edit.connection, edit.workspace_id, edit.now)
    for owner, until in found.items():
        record = await edit.find("owners", owner)
        if record is not None:
            await edit.put("owners", owner, {**record.body, "paused_until": _stored(until)}, record)
    return len(found)


async def _shift_absences(edit: DirectoryEdit) -> int:
    """Let absences that were entered in the future be entered now. Returns how many there were."""
    found = await list_absences_ahead(edit.connection, edit.workspace_id, edit.now)
    for id_ in found:
        record = await edit.find("absences", id_)
        if record is not None:
            await edit.put("absences", id_, {**record.body, "entered_at": _stored(edit.now)}, record)
    return len(found)


def _stored(at: datetime) -> str:
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")


async def _change(
    pool: Pool, workspace_id: int, change: Callable[[Connection], Awaitable[None]]
) -> ClockReading:
    """Under the workspace lock, so that no commit group sees two times."""
    async with transaction(pool, workspace_id, lock=True, limits=EDIT_LIMITS) as connection:
        await change(connection)
        return await _reading(connection, workspace_id)


async def _reading(connection: Connection, workspace_id: int) -> ClockReading:
    found = await facts.read_facts(connection, workspace_id, None, [], [])
    newest = found.entries[-1].at if found.entries else found.time
    speed = await clocks.find_clock_speed(connection, workspace_id)
    return ClockReading(clocks.deciding_time(found.time, newest), speed or 1.0)
