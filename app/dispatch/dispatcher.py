"""The door to every decision: a job goes in, an answer comes out, or a problem is raised."""

import asyncio
from collections.abc import Mapping, Sequence

from app.dispatch.dry_run import Rehearsal, opened
from app.dispatch.failures import is_unable
from app.dispatch.jobs.base import Answer, Job
from app.dispatch.pending_jobs import WaitingRoom
from app.dispatch.plan_cache import PlanShelf
from app.dispatch.plugin_calls import Advising
from app.dispatch.workspace_writer import Gatekeeper
from app.dispatch.write_window import Lull
from app.engine.compile.plan import Strategy
from app.errors import OutcomeUnknown, Overloaded, Problem, StoreAway
from app.metrics import Measures
from app.plugins.advisor import Advisor
from app.plugins.conversation import PlugInLimits
from app.store.connection.pool import Limits, Pool

BULK_DEADLINES = 30
"""How many times longer bulk may wait than a single request."""


class Dispatch:
    """One a process. Each workspace has a gatekeeper of its own, made when it is first asked for."""

    def __init__(
        self,
        pool: Pool,
        strategies: Mapping[str, Strategy],
        measures: Measures,
        *,
        deadline: float,
        plug_ins: PlugInLimits | None = None,
    ) -> None:
        self._pool = pool
        self._measures = measures
        self._deadline = deadline
        self._limits = Limits(
            lock=int(deadline * 750), statement=int(deadline * 1000), idle=int(deadline * 500)
        )
        self.shelf = PlanShelf(pool, strategies)
        self._advisor = Advisor(strategies, plug_ins, measures.plug_in_failed)
        self._lull = Lull()
        self._gatekeepers: dict[int, Gatekeeper] = {}

    async def make_way(self) -> None:
        """Let a pass that is being decided go first: a few milliseconds at most."""
        await self._lull.wait()

    async def ask(self, workspace_id: int, job: Job) -> Answer:
        """The answer to one job, durable when it is an answer.

        Raises the job's own Problem; Overloaded when its turn did not come in time and it was taken
        back; OutcomeUnknown when it is under way and nobody knows yet.
        """
        gatekeeper = self._gatekeeper(workspace_id)
        wait = self._deadline * (BULK_DEADLINES if job.bulk else 1)
        deadline = asyncio.get_running_loop().call_later(wait, _too_late, job)
        try:
            if self._advisor:
                await gatekeeper.advising.before([job])
            gatekeeper.enter(job)
            # A caller who goes away cancels this future: a job not yet taken is then passed over, and one
            # that is under way is decided and stored, only not told.
            return await job.done
        finally:
            deadline.cancel()

    async def ask_all(self, workspace_id: int, jobs: Sequence[Job]) -> list[Answer | Problem]:
        """The answers in the order of the jobs; a problem stands where its job stood."""
        gatekeeper = self._gatekeeper(workspace_id)
        if self._advisor:
            await gatekeeper.advising.before(jobs)
        for job in jobs:
            gatekeeper.enter(job)
        try:
            await asyncio.wait([job.done for job in jobs], timeout=self._deadline * BULK_DEADLINES)
        finally:
            for job in jobs:
                if not job.taken:
                    job.done.cancel()
        return [self._outcome(job) for job in jobs]

    def _outcome(self, job: Job) -> Answer | Problem:
        if not job.done.done():
            return OutcomeUnknown("the decision is under way; ask again with the same key")
        if job.done.cancelled():
            return Overloaded("the line is too long at this moment")
        error = job.done.exception()
        return error if isinstance(error, Problem) else job.done.result()

    async def rehearse(self, workspace_id: int, jobs: Sequence[Job]) -> list[Answer | Problem]:
        """What the answers would be now, each job seeing what the ones before would have done.

        Raises StoreAway.
        """
        return await (await self.rehearsal(workspace_id, jobs)).take(jobs)

    async def rehearsal(self, workspace_id: int, jobs: Sequence[Job]) -> Rehearsal:
        """A dry run of these jobs, to be taken part by part.

        Raises StoreAway.
        """
        try:
            return await opened(
                self._pool, workspace_id, jobs, self.shelf, self._gatekeeper(workspace_id).advising
            )
        except Exception as error:
            if is_unable(error):
                raise StoreAway() from error
            raise

    async def close(self) -> None:
        """End the processes of plug-ins."""
        await self._advisor.close()

    def _gatekeeper(self, workspace_id: int) -> Gatekeeper:
        found = self._gatekeepers.get(workspace_id)
        if found is None:
            found = Gatekeeper(
                self._pool,
                workspace_id,
                self.shelf,
                self._measures,
                self._limits,
                self._deadline,
                WaitingRoom(),
                self._lull,
                Advising(self._pool, workspace_id, self.shelf, self._advisor, self._deadline / 2),
            )
            self._gatekeepers[workspace_id] = found
        return found


def _too_late(job: Job) -> None:
    if not job.done.done():
        job.done.set_exception(
            OutcomeUnknown("the decision is under way; ask again with the same key")
            if job.taken
            else Overloaded("the line is too long at this moment")
        )
