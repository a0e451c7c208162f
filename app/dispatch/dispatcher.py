"""The door to every decision: a job goes in, an answer comes out, or a problem is raised."""

import asyncio
from collections.abc import Mapping, Sequence

from app.dispatch.dry_run import DryRun, open_dry_run
from app.dispatch.failures import is_database_error
from app.dispatch.jobs.base import Answer, Job
from app.dispatch.pending_jobs import PendingJobs
from app.dispatch.plan_cache import PlanCache
from app.dispatch.plugin_calls import PluginCalls
from app.dispatch.workspace_writer import WorkspaceWriter
from app.dispatch.write_window import WriteWindow
from app.engine.compile.plan import Strategy
from app.errors import DatabaseUnavailable, OutcomeUnknown, Overloaded, Problem
from app.metrics import Metrics
from app.plugins.advisor import PluginRunner
from app.plugins.conversation import PluginLimits
from app.store.connection.pool import Limits, Pool

BULK_TIMEOUT_FACTOR = 30
"""How many times longer bulk may wait than a single request."""


class Dispatcher:
    """One a process. Each workspace has a gatekeeper of its own, made when it is first asked for."""

    def __init__(
        self,
        pool: Pool,
        strategies: Mapping[str, Strategy],
        measures: Metrics,
        *,
        deadline: float,
        plugins: PluginLimits | None = None,
    ) -> None:
        self._pool = pool
        self._measures = measures
        self._deadline = deadline
        self._limits = Limits(
            lock=int(deadline * 750), statement=int(deadline * 1000), idle=int(deadline * 500)
        )
        self.shelf = PlanCache(pool, strategies)
        self._advisor = PluginRunner(strategies, plugins, measures.plugin_failed)
        self._write_window = WriteWindow()
        self._writers: dict[int, WorkspaceWriter] = {}

    async def make_way(self) -> None:
        """Let a pass that is being decided go first: a few milliseconds at most."""
        await self._write_window.wait()

    async def ask(self, workspace_id: int, job: Job) -> Answer:
        """The answer to one job, durable when it is an answer.

        Raises the job's own Problem; Overloaded when its turn did not come in time and it was taken
        back; OutcomeUnknown when it is under way and nobody knows yet.
        """
        writer = self._writer(workspace_id)
        wait = self._deadline * (BULK_TIMEOUT_FACTOR if job.bulk else 1)
        deadline = asyncio.get_running_loop().call_later(wait, _too_late, job)
        try:
            if self._advisor:
                await writer.plugin_calls.before([job])
            writer.enter(job)
            # A caller who goes away cancels this future: a job not yet taken is then passed over, and one
            # that is under way is decided and stored, only not told.
            return await job.done
        finally:
            deadline.cancel()

    async def ask_all(self, workspace_id: int, jobs: Sequence[Job]) -> list[Answer | Problem]:
        """The answers in the order of the jobs; a problem stands where its job stood."""
        writer = self._writer(workspace_id)
        if self._advisor:
            await writer.plugin_calls.before(jobs)
        for job in jobs:
            writer.enter(job)
        try:
            await asyncio.wait([job.done for job in jobs], timeout=self._deadline * BULK_TIMEOUT_FACTOR)
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

    async def dry_run_all(self, workspace_id: int, jobs: Sequence[Job]) -> list[Answer | Problem]:
        """What the answers would be now, each job seeing what the ones before would have done.

        Raises StoreAway.
        """
        return await (await self.open_dry_run(workspace_id, jobs)).take(jobs)

    async def open_dry_run(self, workspace_id: int, jobs: Sequence[Job]) -> DryRun:
        """A dry run of these jobs, to be taken part by part.

        Raises StoreAway.
        """
        try:
            return await open_dry_run(
                self._pool, workspace_id, jobs, self.shelf, self._writer(workspace_id).plugin_calls
            )
        except Exception as error:
            if is_database_error(error):
                raise DatabaseUnavailable() from error
            raise

    async def close(self) -> None:
        """End the processes of plugins."""
        await self._advisor.close()

    def _writer(self, workspace_id: int) -> WorkspaceWriter:
        found = self._writers.get(workspace_id)
        if found is None:
            found = WorkspaceWriter(
                self._pool,
                workspace_id,
                self.shelf,
                self._measures,
                self._limits,
                self._deadline,
                PendingJobs(),
                self._write_window,
                PluginCalls(self._pool, workspace_id, self.shelf, self._advisor, self._deadline / 2),
            )
            self._writers[workspace_id] = found
        return found


def _too_late(job: Job) -> None:
    if not job.done.done():
        job.done.set_exception(
            OutcomeUnknown("the decision is under way; ask again with the same key")
            if job.taken
            else Overloaded("the line is too long at this moment")
        )
