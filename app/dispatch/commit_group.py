"""One pass through the gate: read, decide, write, commit, and only then tell."""

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from app.dispatch.decision_session import Desk
from app.dispatch.jobs.base import Job
from app.dispatch.plan_cache import PlanShelf
from app.dispatch.prefetch import Extra, read_accounts, read_extra, read_found
from app.dispatch.unit_of_work import Booking
from app.engine.compile.plan import Plan
from app.engine.lookup.tables import Tables
from app.store.connection.pool import Connection
from app.store.leads import current_leads
from app.store.path import group_write
from app.store.path.facts import Found
from app.store.path.journal import Entry
from app.store.path.snapshot import Remembered, next_entry, settle

DECIDING_SECONDS = 0.02
"""How long one pass may decide before it writes; the rest of its jobs go into the next."""
BREATH_SECONDS = 0.002
"""How long it may decide without letting other requests of the process move."""


class NotReady(Exception):
    """The active plan, or a table that it looks into, is not compiled here yet.

    That is done away from the gate, by `fetch`, and the pass tries again.
    """

    def __init__(self, version: int, plan: Plan | None) -> None:
        super().__init__(version)
        self.version, self.plan = version, plan

    async def fetch(self, workspace_id: int, shelf: PlanShelf) -> None:
        """Compile what is missing."""
        if self.plan is None:
            await shelf.fetch(workspace_id, self.version)
        else:
            await shelf.tables.fetch(workspace_id, self.plan.looks)


@dataclass(slots=True)
class Passed:
    """A pass that is decided and written, but not committed. `left` were not reached in its time."""

    desk: Desk
    entry: Entry | None
    left: Sequence[Job]
    told: dict[str, bytes]


async def prepare(
    connection: Connection,
    workspace_id: int,
    memory: Remembered | None,
    jobs: Sequence[Job],
    shelf: PlanShelf,
    decided: Callable[[], None],
) -> Passed:
    """Decide `jobs`, say that they are `decided`, and write the books. The gate is held; the caller commits.

    Raises NotReady.
    """
    desk = await open_desk(connection, workspace_id, memory, jobs, shelf)
    left = await _decide(desk, jobs)
    decided()
    entry = await _write(connection, workspace_id, desk)
    told = await _replayed(connection, workspace_id, desk)
    return Passed(desk, entry, left, told)


async def open_desk(
    connection: Connection,
    workspace_id: int,
    memory: Remembered | None,
    jobs: Sequence[Job],
    shelf: PlanShelf,
) -> Desk:
    """Everything read that these jobs need, ready to decide.

    Raises NotReady.
    """
    known = shelf.at_hand(workspace_id, memory.entry.plan_version) if memory is not None else None
    wants_accounts = known is None or known.wants_accounts
    found, remembered = await read_found(connection, workspace_id, memory, jobs, wants_accounts)
    version = remembered.entry.plan_version
    plan = shelf.at_hand(workspace_id, version)
    tables = shelf.tables.at_hand(workspace_id, plan, remembered.directory) if plan else None
    if plan is None or tables is None:
        raise NotReady(version, plan)
    extra = await read_extra(connection, workspace_id, jobs, remembered.directory)
    if plan.wants_accounts:
        await read_accounts(connection, workspace_id, jobs, found, extra)
    return _desk(plan, tables, remembered, found, extra)


def _desk(plan: Plan, tables: Tables, remembered: Remembered, found: Found, extra: Extra) -> Desk:
    stored = {prior.lead_id for prior in found.priors.values()} | set(extra.leads)
    stored |= {lead.prior.lead_id for waiting in extra.queues.values() for lead in waiting}
    now = max(found.time, remembered.entry.at)
    return Desk(plan, found, extra, Booking(remembered, plan.version, now, stored, tables))


async def _decide(desk: Desk, jobs: Sequence[Job]) -> Sequence[Job]:
    begun = breath = time.perf_counter()
    for at, job in enumerate(jobs):
        desk.take(job)
        spent = time.perf_counter()
        if spent - begun > DECIDING_SECONDS:
            return jobs[at + 1 :]
        if spent - breath > BREATH_SECONDS:
            await asyncio.sleep(0)
            breath = time.perf_counter()
    return ()


async def _write(connection: Connection, workspace_id: int, desk: Desk) -> Entry | None:
    """Books and journal, if the pass changed anything."""
    booking = desk.booking
    changed = booking.decided or booking.remembered.state.touched or booking.rows.events or booking.rows.keys
    if not changed:
        return None
    before = booking.remembered.entry
    entry = replace(
        before,
        at=booking.now,
        sequence=booking.sequence,
        received=before.received + desk.received,
        recognised=before.recognised + desk.recognised,
    )
    full = next_entry(booking.remembered, entry)
    await group_write.write(connection, workspace_id, booking.rows, full)
    return await settle(connection, workspace_id, booking.remembered, full)


async def _replayed(connection: Connection, workspace_id: int, desk: Desk) -> dict[str, bytes]:
    """What was answered to the keys that came again; those of this very pass are at hand."""
    wanted = {id_ for _, id_ in desk.replays}
    here = desk.booking.rows.answers
    told = {id_: here[id_] for id_ in wanted if id_ in here}
    missing = sorted(wanted - told.keys())
    if missing:
        told |= await current_leads.answers(connection, workspace_id, missing)
    return told
