"""One commit group: read, decide and write its jobs in one transaction, which the caller commits."""

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Self

from app.dispatch.caches import PlanCache
from app.dispatch.decision_session import DecisionSession
from app.dispatch.jobs.base import Job, Reply
from app.dispatch.prefetch import (
    read_accounts,
    read_arrivals,
    read_backlogs,
    read_claims,
    read_companies,
    read_contacts,
    read_facts,
    read_leads,
    read_waiting_first,
)
from app.dispatch.preparation import Preparation
from app.dispatch.prepared import PreparationMissing
from app.dispatch.stored_leads import StoredLeads
from app.dispatch.unit_of_work import UnitOfWork
from app.engine.compile.plan import Plan
from app.engine.model.decision import DecisionRequest
from app.engine.model.state import Facts
from app.errors import Erased, Problem
from app.garbage import collect_young
from app.pace import SLICE_SECONDS, long_work
from app.plugins.port import PluginResultMissing
from app.store.connection.pool import Connection
from app.store.leads import current_leads
from app.store.path import group_write
from app.store.path.journal import JournalEntry
from app.store.path.snapshot import Snapshot, mark_written, next_entry, settle_time

PART_SIZE = 32
"""Decisions after which a group begins to write them while it decides the rest."""


class CompileFirst(Exception):
    """The active plan, or one of its tables, is not compiled in this process.

    That is done without the workspace lock, by `fetch`; then the group is tried again.
    """

    def __init__(self, version: int, plan: Plan | None) -> None:
        super().__init__(version)
        self.version, self.plan = version, plan

    async def fetch(self, workspace_id: int, plans: PlanCache) -> None:
        """Compile what is missing."""
        if self.plan is None:
            await plans.fetch(workspace_id, self.version)
        else:
            await plans.tables.fetch(workspace_id, self.plan.table_refs)


@dataclass(frozen=True, slots=True)
class DecidingTime:
    """How long a group may decide.

    seconds: after so many, the rest of its jobs is left.
    margin:  a job whose caller stops waiting within so many is not decided: the reply would be late.
    hurries: whether single calls wait for it. If not, it gives way like any other long work.
    """

    seconds: float
    margin: float
    hurries: Callable[[], bool]


@dataclass(slots=True)
class GroupResult:
    """What became of the jobs of a group. No caller gets a reply before the commit is confirmed.

    replies, problems: what the callers get.
    replays:           jobs whose key stands for an earlier assignment.
    unprepared:        jobs about whose leads something has to be found out first.
    awaiting_plugins:  jobs that cannot be decided before plugins are called.
    left:              jobs for which there was no time.
    entry:             the journal entry, None when nothing was written.
    bodies:            the responses of replayed assignments; empty for those that were erased.
    decisions:         how many jobs were decided, and how many `seconds` that took.
    """

    session: DecisionSession
    preparation: Preparation
    replies: list[tuple[Job, Reply]] = field(default_factory=list)
    problems: list[tuple[Job, Problem]] = field(default_factory=list)
    replays: list[tuple[Job, str]] = field(default_factory=list)
    unprepared: list[Job] = field(default_factory=list)
    awaiting_plugins: list[tuple[Job, DecisionRequest]] = field(default_factory=list)
    left: Sequence[Job] = ()
    entry: JournalEntry | None = None
    bodies: dict[str, bytes] = field(default_factory=dict)
    decisions: int = 0
    seconds: float = 0.0

    def take(self, job: Job) -> None:
        """Decide one job. Its problem is its own; the other jobs go on."""
        try:
            if self._replay(job):
                return
            if self.preparation.is_missing(job, self.session.plan):
                raise PreparationMissing
            reply = job.decide(self.session)
        except Problem as problem:
            self.problems.append((job, problem))
            return
        except PreparationMissing:
            job.taken = False
            self.unprepared.append(job)
            return
        except PluginResultMissing as missing:
            job.taken = False
            self.awaiting_plugins.append((job, missing.request))
            return
        if job.key is not None and reply.kept:
            self.session.work.keep_reply(job.key, reply)
        self.replies.append((job, reply))

    def is_away(self, job: Job) -> bool:
        """Whether the job taken last has to wait for something, and will come back."""
        waits = self.unprepared[-1] if self.unprepared else None
        calls = self.awaiting_plugins[-1][0] if self.awaiting_plugins else None
        return job is waits or job is calls

    def _replay(self, job: Job) -> bool:
        """Whether the job's key has a reply. Raises IdempotencyMismatch for another body, or Erased."""
        reply = self.session.stored_reply(job.key) if job.key is not None else None
        if reply is None:
            return False
        if reply.status == Erased.status:
            raise Erased()
        if reply.assignment_id is not None:
            self.replays.append((job, reply.assignment_id))
        else:
            self.replies.append((job, job.repeated(reply.status, (reply.body or "").encode())))
        return True


async def decide_and_write(
    connection: Connection,
    workspace_id: int,
    known: Snapshot | None,
    jobs: Sequence[Job],
    plans: PlanCache,
    preparation: Preparation,
    allowed: DecidingTime,
    decided: Callable[[], None],
) -> GroupResult:
    """Decide `jobs` and write the result, under the workspace lock. `decided` is called once all are decided.

    Raises CompileFirst.
    """
    session = await open_session(connection, workspace_id, known, jobs, plans)
    result = GroupResult(session, preparation)
    async with _PartWriter(connection, workspace_id) as writer:
        await _decide(result, jobs, writer, allowed)
        decided()
        await writer.finish()
    result.entry = await _write(connection, workspace_id, session)
    result.bodies = await _replayed_bodies(connection, workspace_id, result)
    return result


class _PartWriter:
    """Writes the first parts of a large group while the next part is decided. All in one transaction."""

    def __init__(self, connection: Connection, workspace_id: int) -> None:
        self._connection = connection
        self._workspace_id = workspace_id
        self._writing: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, _kind: object, error: BaseException | None, _traceback: object) -> None:
        """Nothing is under way afterwards, so that the transaction can be rolled back."""
        if self._writing is not None:
            if isinstance(error, asyncio.CancelledError):
                self._writing.cancel()
            await asyncio.gather(self._writing, return_exceptions=True)

    async def start(self, work: UnitOfWork) -> None:
        """Start to write the rows so far."""
        await self.finish()
        write = group_write.write_group(self._connection, self._workspace_id, work.take_rows(), None)
        self._writing = asyncio.create_task(write)
        await asyncio.sleep(0)  # sends the statement before the next part is decided

    async def finish(self) -> None:
        """Wait for the write that is under way. Raises its error."""
        if self._writing is not None:
            await self._writing
            self._writing = None


async def open_session(
    connection: Connection,
    workspace_id: int,
    known: Snapshot | None,
    jobs: Sequence[Job],
    plans: PlanCache,
    version: int | None = None,
) -> DecisionSession:
    """Read everything that these jobs need. `version` is that of the plan, for None the active one.

    Raises CompileFirst.
    """
    expected = plans.get_ready(workspace_id, known.entry.plan_version) if known is not None else None
    wants_accounts = expected is None or expected.reads_accounts
    found, snapshot = await read_facts(
        connection,
        workspace_id,
        known,
        jobs,
        wants_accounts,
        expected is None or expected.probable is not None,
    )
    version = snapshot.entry.plan_version if version is None else version
    plan = plans.get_ready(workspace_id, version)
    tables = plans.tables.get_ready(workspace_id, plan, snapshot.directory) if plan else None
    if plan is None or tables is None:
        raise CompileFirst(version, plan)
    asking = [job for job in jobs if job.asks_for_stored()]
    stored = StoredLeads()
    if asking:
        stored = await read_leads(connection, workspace_id, asking, snapshot.directory, found)
        await read_claims(connection, workspace_id, asking, plan, stored)
    if plan.same_company is not None:
        await read_companies(connection, workspace_id, jobs, plan.same_company, stored)
    now = settle_time(found, snapshot)
    if plan.junk.velocity:
        await read_arrivals(connection, workspace_id, jobs, plan.junk, now, stored)
    if plan.releasing_queues:
        facts = Facts(now, snapshot.directory, snapshot.state)
        await read_waiting_first(connection, workspace_id, jobs, plan, facts, stored)
    if stored.first_waiting or any(job.releases() for job in asking):
        await read_backlogs(connection, workspace_id, asking, plan, stored)
    suppressing = any(plan.rejects.suppresses_domain(job.reject_reason()) for job in asking)
    if plan.reads_accounts or suppressing:
        await read_accounts(connection, workspace_id, jobs, found, stored)
    leads = stored.all_leads()
    lead_ids = found.known.keys() | leads.keys()
    work = UnitOfWork(snapshot, plan.version, now, lead_ids, tables, plan.queues, histories=stored.histories)
    session = DecisionSession(plan, found, stored, work)
    await read_contacts(connection, workspace_id, jobs, leads, session)
    return session


async def _decide(
    result: GroupResult,
    jobs: Sequence[Job],
    writer: _PartWriter,
    allowed: DecidingTime,
) -> None:
    """Decide the jobs whose callers still wait, as far as there is time."""
    work = result.session.work
    now = yielded = time.monotonic()
    for position, job in enumerate(jobs, 1):
        if job.done.done() or job.deadline <= now + allowed.margin:
            continue
        job.taken = True
        result.take(job)
        before, now = now, time.monotonic()
        result.decisions += 1
        result.seconds += now - before
        if job.bulk and result.is_away(job):
            result.left = jobs[position:]  # a batch is decided in its order
            return
        if result.seconds > allowed.seconds:
            result.left = jobs[position:]
            return
        if len(work.rows.assignments) >= PART_SIZE and position < len(jobs):
            collect_young()
            await writer.start(work)
            now = yielded = time.monotonic()
        elif now - yielded > SLICE_SECONDS:
            if allowed.hurries():
                collect_young()
                await asyncio.sleep(0)
            else:
                # Before other long work, because it holds the workspace lock.
                await long_work().next_slice(first=True)
            now = yielded = time.monotonic()


async def _write(connection: Connection, workspace_id: int, session: DecisionSession) -> JournalEntry | None:
    """Write rows and journal entry, if the group changed anything."""
    work = session.work
    if not (
        work.decided
        or work.snapshot.state.touched
        or work.rows.events
        or work.rows.keys
        or work.rows.identities
        or work.rows.clocks
        or work.rows.progress
        or work.rows.barred
        or work.rows.actions
        or work.rows.bulk_results
        or work.rows.finished_jobs
        or work.rows.rejects
        or work.rows.signals
        or work.rows.preferences
        or work.rows.contacts
        or work.rows.passed_contacts
        or work.rows.crm
        or work.rows.merges
        or work.rows.erased
    ):
        return None
    before = work.snapshot.entry
    entry = replace(
        before,
        at=work.now,
        decision_number=work.decision_number,
        received=before.received + session.received,
        matched=before.matched + session.matched,
        directory_version=work.directory_version,
    )
    full = await next_entry(work.snapshot, entry)
    await group_write.write_group(connection, workspace_id, work.rows, full)
    if work.changes:  # of leads, so the directory itself is the same
        work.snapshot.directory = replace(work.snapshot.directory, version=full.directory_version)
    return await mark_written(connection, workspace_id, work.snapshot, full)


async def _replayed_bodies(
    connection: Connection, workspace_id: int, result: GroupResult
) -> dict[str, bytes]:
    """The response to each replayed assignment: of this group, or stored."""
    wanted = {id_ for _, id_ in result.replays}
    here = result.session.work.responses
    bodies = {id_: here[id_] for id_ in wanted if id_ in here}
    missing = sorted(wanted - bodies.keys())
    if missing:
        bodies |= await current_leads.find_responses(connection, workspace_id, missing)
    return bodies
