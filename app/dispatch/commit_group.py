"""One pass through the gate: read, decide, write, commit, and only then tell."""

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from app.dispatch.decision_session import DecisionSession
from app.dispatch.jobs.base import Job
from app.dispatch.plan_cache import PlanCache
from app.dispatch.prefetch import ExtraFacts, read_accounts, read_extra, read_facts
from app.dispatch.unit_of_work import UnitOfWork
from app.engine.compile.plan import Plan
from app.engine.lookup.tables import Tables
from app.store.connection.pool import Connection
from app.store.leads import current_leads
from app.store.path import group_write
from app.store.path.facts import Prefetched
from app.store.path.journal import JournalEntry
from app.store.path.snapshot import Snapshot, mark_written, next_entry

MAX_DECIDING_SECONDS = 0.02
"""How long one pass may decide before it writes; the rest of its jobs go into the next."""
YIELD_SECONDS = 0.002
"""How long it may decide without letting other requests of the process move."""


class CompileFirst(Exception):
    """The active plan, or a table that it looks into, is not compiled here yet.

    That is done away from the gate, by `fetch`, and the pass tries again.
    """

    def __init__(self, version: int, plan: Plan | None) -> None:
        super().__init__(version)
        self.version, self.plan = version, plan

    async def fetch(self, workspace_id: int, shelf: PlanCache) -> None:
        """Compile what is missing."""
        if self.plan is None:
            await shelf.fetch(workspace_id, self.version)
        else:
            await shelf.tables.fetch(workspace_id, self.plan.table_refs)


@dataclass(slots=True)
class GroupResult:
    """A pass that is decided and written, but not committed. `left` were not reached in its time."""

    desk: DecisionSession
    entry: JournalEntry | None
    left: Sequence[Job]
    told: dict[str, bytes]


async def prepare(
    connection: Connection,
    workspace_id: int,
    memory: Snapshot | None,
    jobs: Sequence[Job],
    shelf: PlanCache,
    decided: Callable[[], None],
) -> GroupResult:
    """Decide `jobs`, say that they are `decided`, and write the books. The gate is held; the caller commits.

    Raises NotReady.
    """
    desk = await open_session(connection, workspace_id, memory, jobs, shelf)
    left = await _decide(desk, jobs)
    decided()
    entry = await _write(connection, workspace_id, desk)
    told = await _replayed(connection, workspace_id, desk)
    return GroupResult(desk, entry, left, told)


async def open_session(
    connection: Connection,
    workspace_id: int,
    memory: Snapshot | None,
    jobs: Sequence[Job],
    shelf: PlanCache,
) -> DecisionSession:
    """Everything read that these jobs need, ready to decide.

    Raises NotReady.
    """
    known = shelf.get_ready(workspace_id, memory.entry.plan_version) if memory is not None else None
    wants_accounts = known is None or known.wants_accounts
    found, snapshot = await read_facts(connection, workspace_id, memory, jobs, wants_accounts)
    version = snapshot.entry.plan_version
    plan = shelf.get_ready(workspace_id, version)
    tables = shelf.tables.get_ready(workspace_id, plan, snapshot.directory) if plan else None
    if plan is None or tables is None:
        raise CompileFirst(version, plan)
    extra = await read_extra(connection, workspace_id, jobs, snapshot.directory)
    if plan.wants_accounts:
        await read_accounts(connection, workspace_id, jobs, found, extra)
    return _desk(plan, tables, snapshot, found, extra)


def _desk(
    plan: Plan, tables: Tables, snapshot: Snapshot, found: Prefetched, extra: ExtraFacts
) -> DecisionSession:
    stored = {prior.lead_id for prior in found.priors.values()} | set(extra.leads)
    stored |= {lead.prior.lead_id for waiting in extra.queues.values() for lead in waiting}
    now = max(found.time, snapshot.entry.at)
    return DecisionSession(plan, found, extra, UnitOfWork(snapshot, plan.version, now, stored, tables))


async def _decide(desk: DecisionSession, jobs: Sequence[Job]) -> Sequence[Job]:
    begun = breath = time.perf_counter()
    for at, job in enumerate(jobs):
        desk.take(job)
        spent = time.perf_counter()
        if spent - begun > MAX_DECIDING_SECONDS:
            return jobs[at + 1 :]
        if spent - breath > YIELD_SECONDS:
            await asyncio.sleep(0)
            breath = time.perf_counter()
    return ()


async def _write(connection: Connection, workspace_id: int, desk: DecisionSession) -> JournalEntry | None:
    """Books and journal, if the pass changed anything."""
    booking = desk.booking
    changed = booking.decided or booking.snapshot.state.touched or booking.rows.events or booking.rows.keys
    if not changed:
        return None
    before = booking.snapshot.entry
    entry = replace(
        before,
        at=booking.now,
        decision_number=booking.decision_number,
        received=before.received + desk.received,
        matched=before.matched + desk.matched,
    )
    full = next_entry(booking.snapshot, entry)
    await group_write.write(connection, workspace_id, booking.rows, full)
    return await mark_written(connection, workspace_id, booking.snapshot, full)


async def _replayed(connection: Connection, workspace_id: int, desk: DecisionSession) -> dict[str, bytes]:
    """What was answered to the keys that came again; those of this very pass are at hand."""
    wanted = {id_ for _, id_ in desk.replays}
    here = desk.booking.rows.answers
    told = {id_: here[id_] for id_ in wanted if id_ in here}
    missing = sorted(wanted - told.keys())
    if missing:
        told |= await current_leads.answers(connection, workspace_id, missing)
    return told
