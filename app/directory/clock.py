"""The clock of a workspace. Development can set it and speed it up, so that tests need not wait."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from app.directory.editing import EDIT_LIMITS, MAX_HELD_MOVED, DirectoryEdit, edit_directory
from app.directory.pauses import ACTOR
from app.ids import uuid7
from app.store import clocks
from app.store.connection.pool import Connection, Pool, transaction
from app.store.leads.bulk_jobs import BulkJob, insert_job
from app.store.life.time_repairs import TimeRepair, bring_back, find_pauses_ahead, list_held_ahead
from app.store.path import facts
from app.store.path.snapshot import read_snapshot, settle_time, write_entry


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
    async with edit_directory(pool, workspace_id, ACTOR) as edit:
        return replace(done, held=await _decide_held_again(edit), pauses=await _shift_pauses(edit))


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
            shown = until.astimezone(UTC).isoformat().replace("+00:00", "Z")
            await edit.put("owners", owner, {**record.body, "paused_until": shown}, record)
    return len(found)


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
