"""One workspace's way through its gate: passes one after another, and what to do when one goes wrong."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass

import asyncpg
import structlog

from app.dispatch.answer import replayed
from app.dispatch.jobs import Answer, Job
from app.dispatch.passes import Passed, PlanNotReady, prepare
from app.dispatch.plans import PlanShelf
from app.dispatch.waiting import WaitingRoom
from app.measures import Measures
from app.problems import OutcomeUnknown, Overloaded, Problem, StoreAway
from app.store import journal
from app.store.database import Limits, Pool, is_away, opening
from app.store.remembered import Remembered

RETRY_SECONDS = 0.05
log = structlog.get_logger()


class Unclear(Exception):
    """The connection broke at COMMIT: done or not done, only the journal knows."""

    def __init__(self, passed: Passed) -> None:
        super().__init__("commit without reply")
        self.passed = passed


@dataclass(slots=True)
class Gatekeeper:
    """The passes of one workspace in this process: never two at the same time.

    `memory` is the state after the pass this process committed last. It is lent to a pass, which
    changes it, and comes back only with a confirmed commit.
    """

    pool: Pool
    workspace_id: int
    shelf: PlanShelf
    measures: Measures
    limits: Limits
    deadline: float
    room: WaitingRoom
    memory: Remembered | None = None
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
        except Exception:
            log.exception("pass failed", jobs=len(jobs), workspace_id=self.workspace_id)
            if len(jobs) == 1:
                _tell(jobs, Problem())
                return
            for job in jobs:
                await self._pass([job])

    async def _until_deadline(self, jobs: list[Job]) -> None:
        until = time.monotonic() + self.deadline
        unclear = False
        while True:
            try:
                await self._once(jobs)
                return
            except PlanNotReady as missing:
                await self.shelf.fetch(self.workspace_id, missing.version)
            except Unclear as end:
                unclear = True
                if await self._was_committed(end.passed, until):
                    self._accept(end.passed)
                    return
            except asyncpg.LockNotAvailableError:
                raise Overloaded("the gate of this workspace stayed taken for too long") from None
            except Exception as error:
                if not is_away(error):
                    raise
            if time.monotonic() + RETRY_SECONDS > until:
                raise OutcomeUnknown() if unclear else StoreAway()
            await asyncio.sleep(RETRY_SECONDS)

    async def _once(self, jobs: Sequence[Job]) -> None:
        """One transaction. What was remembered is gone until the commit is confirmed."""
        memory, self.memory = self.memory, None
        begun = time.perf_counter()
        async with self.pool.acquire(timeout=self.deadline) as connection:
            await connection.execute(opening(self.workspace_id, self.limits, gate=True))
            entered = time.perf_counter()
            try:
                passed = await prepare(connection, self.workspace_id, memory, jobs, self.shelf)
            except BaseException:
                if not connection.is_closed():
                    await connection.execute("ROLLBACK")
                raise
            try:
                await connection.execute("COMMIT")
            except Exception as error:
                if passed.entry is not None and is_away(error):
                    raise Unclear(passed) from error
                raise
        self.measures.passed(len(jobs), entered - begun, time.perf_counter() - entered)
        self._accept(passed)

    async def _was_committed(self, passed: Passed, until: float) -> bool:
        """Behind the gate the old transaction is over, whichever way; its token tells which."""
        entry = passed.entry
        while entry is not None:
            try:
                async with self.pool.acquire(timeout=self.deadline) as connection:
                    await connection.execute(opening(self.workspace_id, self.limits, gate=True))
                    found = await journal.has_token(connection, self.workspace_id, entry.number, entry.token)
                    await connection.execute("ROLLBACK")
                    return found
            except Exception as error:
                if not is_away(error) and not isinstance(error, asyncpg.LockNotAvailableError):
                    raise
                if time.monotonic() + RETRY_SECONDS > until:
                    raise OutcomeUnknown() from error
                await asyncio.sleep(RETRY_SECONDS)
        return False

    def _accept(self, passed: Passed) -> None:
        """The commit is confirmed: remember, count, and tell everybody."""
        desk = passed.desk
        self.memory = desk.remembered
        if passed.entry is not None:
            self.memory.entry = passed.entry
        for decision in desk.decided:
            self.measures.decided(decision.outcome, decision.step, decision.code)
        for job, answer in desk.answers:
            _settle(job, answer)
        for job, assignment_id in desk.replays:
            _settle(job, Answer(200, replayed(passed.told[assignment_id])))
        for job, problem in desk.problems:
            _tell([job], problem)
        self.room.put_back(list(passed.left))


def _settle(job: Job, answer: Answer) -> None:
    if not job.done.done():
        job.done.set_result(answer)


def _tell(jobs: Sequence[Job], problem: Problem) -> None:
    for job in jobs:
        if not job.done.done():
            job.done.set_exception(problem)
