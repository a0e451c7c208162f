"""The one writer of a workspace: its commit groups one after another, and what to do when one fails."""

import asyncio
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

import structlog

from app.dispatch.caches import PlanCache
from app.dispatch.commit_group import CompileFirst, DecidingTime, GroupResult, decide_and_write
from app.dispatch.decision_rows import as_replayed
from app.dispatch.failures import (
    CONTENTION_ERRORS,
    error_summary,
    is_database_error,
    keep_failed,
    note_unusable,
    reason_of,
)
from app.dispatch.jobs.base import Job, Reply
from app.dispatch.pending_jobs import PendingJobs
from app.dispatch.preparation import Preparation
from app.dispatch.state_ahead import StateAhead
from app.dispatch.tallies import tally_of
from app.dispatch.write_window import WriteWindow
from app.errors import DatabaseUnavailable, Erased, Overloaded, Problem
from app.metrics.process import Metrics
from app.plugins.port import PluginPort
from app.store.connection.pool import (
    Connection,
    Limits,
    Pool,
    begin_statement,
    close_broken,
    give_back,
    is_connection_error,
    note_stalled,
    renew_if_read_only,
    require_workspace,
    take_connection,
)
from app.store.path.commit_outcome import RETRY_SECONDS, was_committed
from app.store.path.current_state import read_ahead
from app.store.path.journal import JournalEntry
from app.store.path.snapshot import Snapshot, note_step_back
from app.tracing import Tracing

log = structlog.get_logger()


MARGIN_SHARE = 0.25
"""The part of a caller's time, at most, that is kept free for writing what was decided."""


class UnclearCommit(Exception):
    """The connection broke during COMMIT. The journal tells whether `entry` was committed."""

    def __init__(self, result: GroupResult, entry: JournalEntry) -> None:
        super().__init__("commit without reply")
        self.result, self.entry = result, entry


@dataclass(slots=True)
class WorkspaceWriter:
    """Runs the commit groups of one workspace in this process, never two at a time.

    `snapshot` is the state after the group this process committed last. A group takes it, changes it, and
    gives it back with a confirmed commit only. `unavailable` says that the database is at fault if jobs wait.
    """

    pool: Pool
    workspace_id: int
    plans: PlanCache
    metrics: Metrics
    limits: Limits
    deadline: float
    write_window: WriteWindow
    preparation: Preparation
    plugins: PluginPort
    pending: PendingJobs
    tracing: Tracing | None = None
    snapshot: Snapshot | None = None
    running: asyncio.Task[None] | None = None
    unavailable: bool = False
    begin: str = ""
    state_ahead: StateAhead = field(init=False)

    def __post_init__(self) -> None:
        self.state_ahead = StateAhead(lambda: read_ahead(self.pool, self.workspace_id))
        self.begin = begin_statement(self.pool, self.workspace_id, self.limits, lock=True)

    def refusal(self, jobs: int, seconds: float, *, bulk: bool, with_coming: bool = False) -> Problem | None:
        """Why jobs that would wait too long do not enter: their callers are told at once.

        `with_coming` tells that they are not under way yet, and enter behind those that are.

        It is Overloaded, or DatabaseUnavailable when that is why jobs wait.
        """
        fits = self.pending.has_room(jobs, seconds, bulk=bulk, with_coming=with_coming)
        return None if fits else self.too_late()

    def too_late(self) -> Problem:
        """What the caller of a job hears whose decision has not begun in time."""
        return DatabaseUnavailable() if self.unavailable else Overloaded("Too many requests are waiting.")

    def enter(self, job: Job) -> None:
        """Queue a job for the next group. Groups run in a task that no canceled request ends."""
        self.pending.enter(job)
        self._wake()

    def enter_again(self, job: Job) -> None:
        """Queue a job again that was away, to be prepared or for plugins."""
        self.pending.come_back(job)
        self._wake()

    def _wake(self) -> None:
        if self.running is None or self.running.done():
            self.running = asyncio.create_task(self._run(), name=f"writer of workspace {self.workspace_id}")

    async def _run(self) -> None:
        while len(self.pending):
            await self.pending.expect_single()
            jobs = self.pending.next_group()
            if jobs:
                self.pending.group_begins(len(jobs))
                try:
                    await self._commit(jobs)
                finally:
                    self.pending.group_ends()

    async def _commit(self, jobs: list[Job]) -> None:
        """Bring jobs to their end. A group that fails because of a job is run again, job by job."""
        jobs = _in_order(jobs)
        if not jobs:
            return
        try:
            await self._until_deadline(jobs)
        except Problem as problem:
            _fail(jobs, problem)
        except Exception as error:
            log.error(
                "commit group failed", jobs=len(jobs), workspace_id=self.workspace_id, **error_summary(error)
            )
            if len(jobs) == 1:
                self.metrics.lead_not_decided(reason_of(error))
                _fail(jobs, await keep_failed(self.pool, self.workspace_id, self.limits, jobs[0], error))
                return
            for job in jobs:
                await self._commit([job])

    async def _until_deadline(self, jobs: list[Job]) -> None:
        """Retry while the database is at fault. Raises a Problem when nothing was written in time."""
        until = time.monotonic() + self.deadline
        while True:
            try:
                if await self._attempt(jobs, until):
                    self.unavailable = False
                    return
                self.unavailable = False
            except CONTENTION_ERRORS:
                raise Overloaded("Other work of the workspace was in the way for too long.") from None
            except Exception as error:
                if not is_database_error(error):
                    raise
                if note_unusable(self.pool, error):
                    await renew_if_read_only(self.pool, error)
                    raise DatabaseUnavailable from error
                self.unavailable = True
                await asyncio.sleep(RETRY_SECONDS)
            if time.monotonic() > until:
                if self.unavailable:
                    raise DatabaseUnavailable
                raise Overloaded("The commit group did not finish in time.")

    async def _attempt(self, jobs: Sequence[Job], until: float) -> bool:
        """One transaction. False when nothing was written and it may be tried again."""
        if self.snapshot is None:
            self.snapshot = await self.state_ahead.take(until)
        try:
            await self._transaction(jobs)
        except CompileFirst as missing:
            await missing.fetch(self.workspace_id, self.plans)
            return False
        except UnclearCommit as end:
            if not await was_committed(self.pool, self.workspace_id, end.entry, self.limits, until):
                return False
            self._accept(end.result)
        return True

    async def _transaction(self, jobs: Sequence[Job]) -> None:
        """Lock, decide, write and commit. The snapshot is dropped until the commit is confirmed.

        Raises UnclearCommit for every connection error from COMMIT on.
        """
        started = time.perf_counter()
        connection = await take_connection(self.pool, self.deadline)
        known, self.snapshot = self.snapshot, None
        try:
            result, locked = await self._prepare(connection, known, jobs)
            written = time.perf_counter()
            await self._commit_transaction(connection, result)
            ended = time.perf_counter()
            self._trace(jobs, (started, locked, written, ended))
            self.metrics.group_committed(len(jobs), locked - started, ended - locked)
            self.pending.group_decided(result.decisions, result.seconds)
            self._accept(result)  # before the connection is given back: nobody waits for that
        except Exception as error:
            self._trace(jobs, (started, time.perf_counter()), error)
            raise
        finally:
            await give_back(self.pool, connection)

    def _trace(self, jobs: Sequence[Job], times: Sequence[float], error: Exception | None = None) -> None:
        if self.tracing is not None:
            # A plan that has to be compiled first is no failure: the group is tried again.
            failed = None if error is None or isinstance(error, CompileFirst) else type(error).__name__
            self.tracing.group_ended(self.workspace_id, jobs, times, failed)

    async def _commit_transaction(self, connection: Connection, result: GroupResult) -> None:
        try:
            with _terminated_when_in_doubt(connection):
                await connection.execute("COMMIT", timeout=self.deadline)
        except Exception as error:
            if isinstance(error, TimeoutError):
                note_stalled(self.pool)
            if result.entry is not None and is_connection_error(error):
                raise UnclearCommit(result, result.entry) from error
            raise

    async def _prepare(
        self, connection: Connection, known: Snapshot | None, jobs: Sequence[Job]
    ) -> tuple[GroupResult, float]:
        """A result that is ready to commit, and when the workspace lock was taken."""
        with _terminated_when_in_doubt(connection):
            try:
                with self.write_window.deciding() as decided, _watched(connection, 2 * self.deadline):
                    await self._lock(connection, known)
                    locked = time.perf_counter()
                    result = await decide_and_write(
                        connection,
                        self.workspace_id,
                        known,
                        jobs,
                        self.plans,
                        self.preparation,
                        self._allowed(jobs),
                        decided,
                    )
                    return result, locked
            except Exception as error:
                if not is_connection_error(error):
                    await connection.execute("ROLLBACK")
                raise

    def _allowed(self, jobs: Sequence[Job]) -> DecidingTime:
        times, single = self.pending.times, any(not job.bulk for job in jobs)
        return DecidingTime(
            seconds=times.deciding_seconds(),
            margin=min(times.overhead, self.deadline * MARGIN_SHARE),
            hurries=lambda: single or self.pending.single_waits,
        )

    async def _lock(self, connection: Connection, known: Snapshot | None) -> None:
        """Begin the transaction. A group that does not get the lock has not changed the state."""
        try:
            status = await connection.execute(self.begin)
        except CONTENTION_ERRORS:
            self.snapshot = known
            raise
        require_workspace(status)

    def _accept(self, result: GroupResult) -> None:
        """The commit is confirmed: keep the snapshot, count, and reply to every job."""
        session, work = result.session, result.session.work
        self.snapshot = work.snapshot
        if result.entry is not None:
            if note_step_back(self.workspace_id, self.snapshot.entry, result.entry):
                self.metrics.time_went_back()
            self.snapshot.entry = result.entry
        self.preparation.observe(session.plan, work.now)
        self.plugins.observe(session.plan, self.snapshot, work.now)
        if tally := tally_of(session):
            self.metrics.group_decided(self.workspace_id, session.plan.version, tally)
        for job, reply in result.replies:
            _reply(job, reply)
        for job, assignment_id in result.replays:
            body = result.bodies[assignment_id]
            if body:
                _reply(job, Reply(200, as_replayed(body), replayed=True))
            else:
                _fail([job], Erased())
        for job, problem in result.problems:
            _fail([job], problem)
        self.pending.requeue(result.left)
        self.plans.prepare_newest(self.workspace_id, self.snapshot.entry.directory_version)
        for job in (*result.unprepared, *(job for job, _ in result.awaiting_plugins)):
            self.pending.leave(job)
        self.preparation.prepare_again(session.plan, result.unprepared, work.now, self.enter_again)
        self.plugins.call_again(session.plan, result.awaiting_plugins, work.now, self.enter_again)


@contextmanager
def _watched(connection: Connection, seconds: float) -> Iterator[None]:
    """End a connection that falls silent; the statement under way then fails with a connection error."""
    timer = asyncio.get_running_loop().call_later(seconds, connection.terminate)
    try:
        yield
    finally:
        timer.cancel()


@contextmanager
def _terminated_when_in_doubt(connection: Connection) -> Iterator[None]:
    """End a connection that may be broken; the pool would wait for its statement to end."""
    try:
        yield
    except BaseException as error:
        if is_connection_error(error) or isinstance(error, asyncio.CancelledError):
            close_broken(connection)
        raise


def _reply(job: Job, reply: Reply) -> None:
    if not job.done.done():
        job.done.set_result(reply)


def _in_order(jobs: Sequence[Job]) -> list[Job]:
    """The jobs that may be decided; those that would overtake an earlier one of their batch fail like it."""
    for job in jobs:
        if job.batch is not None and job.batch.fault is not None:
            _fail([job], job.batch.fault)
    return [job for job in jobs if job.batch is None or job.batch.fault is None]


def _fail(jobs: Sequence[Job], problem: Problem) -> None:
    for job in jobs:
        if job.batch is not None and problem.status == DatabaseUnavailable.status:
            job.batch.fault = problem
        if not job.done.done():
            job.done.set_exception(problem)
            job.done.exception()  # retrieved, so that asyncio logs nothing when the caller has gone
