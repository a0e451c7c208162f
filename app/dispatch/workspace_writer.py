"""One workspace's way through its gate: passes one after another, and what to do when one goes wrong."""

import asyncio
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass

import asyncpg
import structlog

from app.dispatch.commit_group import CompileFirst, GroupResult, prepare
from app.dispatch.failures import CONTENTION_ERRORS, error_summary, is_database_error, keep_failed
from app.dispatch.jobs.base import Answer, Job
from app.dispatch.pending_jobs import PendingJobs
from app.dispatch.plan_cache import PlanCache
from app.dispatch.plugin_calls import PluginCalls
from app.dispatch.response import as_replayed
from app.dispatch.write_window import WriteWindow
from app.errors import DatabaseUnavailable, Overloaded, Problem
from app.metrics import Metrics
from app.store.connection.pool import Connection, Limits, Pool, begin_statement, is_connection_error
from app.store.path.commit_outcome import RETRY_SECONDS, was_committed
from app.store.path.journal import JournalEntry
from app.store.path.snapshot import Snapshot

log = structlog.get_logger()


class UnclearCommit(Exception):
    """The connection broke at COMMIT: done or not done, only the journal knows, by the row `entry`."""

    def __init__(self, passed: GroupResult, entry: JournalEntry) -> None:
        super().__init__("commit without reply")
        self.passed, self.entry = passed, entry


@dataclass(slots=True)
class WorkspaceWriter:
    """The passes of one workspace in this process: never two at the same time.

    `memory` is the state after the pass this process committed last. It is lent to a pass, which
    changes it, and comes back only with a confirmed commit.
    """

    pool: Pool
    workspace_id: int
    shelf: PlanCache
    measures: Metrics
    limits: Limits
    deadline: float
    room: PendingJobs
    write_window: WriteWindow
    plugin_calls: PluginCalls
    memory: Snapshot | None = None
    running: asyncio.Task[None] | None = None

    def enter(self, job: Job) -> None:
        """Let a job wait for the next pass. The passes run in a task of their own, whoever goes away."""
        self.room.enter(job)
        if self.running is None or self.running.done():
            self.running = asyncio.create_task(self._run(), name=f"passes of workspace {self.workspace_id}")

    async def _run(self) -> None:
        while len(self.room):
            jobs = self.room.next_pass()
            if jobs:
                await self._pass(jobs)

    async def _pass(self, jobs: list[Job]) -> None:
        """Jobs through the gate. A pass that fails on its own account is run again, job by job."""
        try:
            await self._until_deadline(jobs)
        except Problem as problem:
            _tell(jobs, problem)
        except Exception as error:
            log.error("pass failed", jobs=len(jobs), workspace_id=self.workspace_id, **error_summary(error))
            if len(jobs) == 1:
                _tell(jobs, await keep_failed(self.pool, self.workspace_id, self.limits, jobs[0]))
                return
            for job in jobs:
                await self._pass([job])

    async def _until_deadline(self, jobs: list[Job]) -> None:
        """Try as long as the database, and not a job, is at fault. When this gives up nothing is written."""
        until = time.monotonic() + self.deadline
        while True:
            late: Problem = Overloaded("the pass did not come to its end in time")
            try:
                if await self._attempt(jobs, until):
                    return
            except CONTENTION_ERRORS:
                raise Overloaded("the gate of this workspace stayed taken for too long") from None
            except Exception as error:
                if not is_database_error(error):
                    raise
                late = DatabaseUnavailable()
                await asyncio.sleep(RETRY_SECONDS)
            if time.monotonic() > until:
                raise late

    async def _attempt(self, jobs: Sequence[Job], until: float) -> bool:
        """One transaction, and the truth about it. False: nothing was written, and it may be tried again."""
        try:
            await self._once(jobs)
        except CompileFirst as missing:
            await missing.fetch(self.workspace_id, self.shelf)
            return False
        except UnclearCommit as end:
            if not await was_committed(self.pool, self.workspace_id, end.entry, self.limits, until):
                return False
            self._accept(end.passed)
        return True

    async def _once(self, jobs: Sequence[Job]) -> None:
        """One transaction. What was remembered is gone until the commit is confirmed.

        Raises Unclear for whatever befalls the connection once COMMIT is on its way, its return to the
        pool included.
        """
        memory, self.memory = self.memory, None
        ending: GroupResult | None = None
        begun = time.perf_counter()
        try:
            async with self.pool.acquire(timeout=self.deadline) as connection:
                ending, entered = await self._prepared(connection, memory, jobs)
                with _dropped_when_away(connection):
                    await connection.execute("COMMIT", timeout=self.deadline)
        except Exception as error:
            if ending is not None and ending.entry is not None and is_connection_error(error):
                raise UnclearCommit(ending, ending.entry) from error
            raise
        self.measures.passed(len(jobs), entered - begun, time.perf_counter() - entered)
        self._accept(ending)

    async def _prepared(
        self, connection: Connection, memory: Snapshot | None, jobs: Sequence[Job]
    ) -> tuple[GroupResult, float]:
        """A pass ready to commit, and when it had entered the gate."""
        with _dropped_when_away(connection):
            try:
                with self.write_window.deciding() as decided:
                    async with asyncio.timeout(2 * self.deadline):  # for a line that fell silent
                        await connection.execute(begin_statement(self.workspace_id, self.limits, gate=True))
                        entered = time.perf_counter()
                        passed = await prepare(
                            connection, self.workspace_id, memory, jobs, self.shelf, decided
                        )
                        return passed, entered
            except Exception as error:
                if not is_connection_error(error):
                    await connection.execute("ROLLBACK")
                raise

    def _accept(self, passed: GroupResult) -> None:
        """The commit is confirmed: remember, count, and tell everybody."""
        desk = passed.desk
        self.memory = desk.booking.snapshot
        if passed.entry is not None:
            self.memory.entry = passed.entry
        if self.plugin_calls.advisor:
            self.plugin_calls.saw(self.memory, desk.booking.now)
        for decision in desk.booking.decided:
            self.measures.decided(self.workspace_id, decision.outcome, decision.step, decision.code)
        for job, answer in desk.answers:
            _settle(job, answer)
        for job, assignment_id in desk.replays:
            _settle(job, Answer(200, as_replayed(passed.told[assignment_id]), replayed=True))
        for job, problem in desk.problems:
            _tell([job], problem)
        self.room.put_back(list(passed.left))
        self.shelf.look_ahead(self.workspace_id, self.memory.entry.directory_version)
        if desk.awaiting_plugins:
            self.plugin_calls.again(desk.plan, desk.awaiting_plugins, desk.booking.now, self.enter)


@contextmanager
def _dropped_when_away(connection: Connection) -> Iterator[None]:
    """A connection in doubt is not given back: the pool would wait for the statement to end."""
    try:
        yield
    except BaseException as error:
        if is_connection_error(error) or isinstance(error, asyncio.CancelledError):
            with suppress(asyncpg.InterfaceError):  # the pool has noticed already
                connection.terminate()
        raise


def _settle(job: Job, answer: Answer) -> None:
    if not job.done.done():
        job.done.set_result(answer)


def _tell(jobs: Sequence[Job], problem: Problem) -> None:
    """Let these jobs end with a problem."""
    for job in jobs:
        if not job.done.done():
            job.done.set_exception(problem)
            job.done.exception()  # looked at, so that nobody complains when its caller has gone
