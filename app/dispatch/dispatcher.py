"""The entrance to every decision: a job goes in, and a reply comes out or a Problem is raised."""

import asyncio
from collections.abc import Collection, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext

from app.dispatch.attribute_names import AttributeNames
from app.dispatch.caches import PlanCache
from app.dispatch.dry_run import DryRun, open_dry_run
from app.dispatch.failures import is_database_error, note_unusable, why_unavailable
from app.dispatch.jobs.base import Job, Reply
from app.dispatch.pending_jobs import Coming, PendingJobs, ProcessJobs
from app.dispatch.preparation import Preparation, Preparer, may_wait_for_the_lock
from app.dispatch.preparers import make_preparers
from app.dispatch.workspace_writer import WorkspaceWriter
from app.dispatch.write_window import WriteWindow
from app.engine.compile.plan import Strategy
from app.enrichment.enricher import Enricher
from app.enrichment.provider import Provider
from app.enrichment.registry import installed
from app.errors import OutcomeUnknown, Overloaded, Problem
from app.metrics.process import Metrics
from app.outbox.safe_http import SafeHttp
from app.pace import long_work
from app.plugins.port import BULK_TIMEOUT_FACTOR, PluginPort
from app.plugins.process import PluginLimits
from app.plugins.runner import PluginRunner
from app.secrets import SecretBox
from app.store.connection.pool import Limits, Pool
from app.tracing import Tracing

MAX_DRY_RUNS = 2
"""Dry runs of one workspace that are under way at once."""
_UNTRACED = nullcontext()


class Dispatcher:
    """One for each process. It makes a writer for each workspace when the workspace is first used."""

    def __init__(
        self,
        pool: Pool,
        strategies: Mapping[str, Strategy],
        metrics: Metrics,
        *,
        deadline: float,
        plugins: PluginLimits | None = None,
        tracing: Tracing | None = None,
        preparers: Sequence[Preparer] | None = None,
        http: SafeHttp | None = None,
        box: SecretBox | None = None,
        providers: Mapping[str, Provider] | None = None,
    ) -> None:
        """Without `http` no provider is called; what is known of their answers counts. `box` has secrets."""
        self._pool = pool
        self.metrics = metrics
        self._tracing = tracing
        self._enricher = Enricher(pool, providers or installed(), http, box, metrics.enrichment)
        self._preparers = make_preparers(pool, metrics, self._enricher) if preparers is None else preparers
        self._deadline = deadline
        self._limits = Limits(
            lock=int(deadline * 750), statement=int(deadline * 1000), idle=int(deadline * 500)
        )
        self.plans = PlanCache(pool, strategies)
        self.attribute_names = AttributeNames(pool)
        self._plugin_runner = PluginRunner(strategies, plugins, metrics.plugin_failed)
        self.write_window = WriteWindow()
        self._waiting = ProcessJobs()
        self._dry_runs: dict[int, asyncio.Semaphore] = {}
        self._writers: dict[int, WorkspaceWriter] = {}

    def workspaces(self) -> Collection[int]:
        """The workspaces that this process has decided for."""
        return tuple(self._writers)

    def refusal(self, workspace_id: int, *, bulk: bool) -> Problem | None:
        """Overloaded or DatabaseUnavailable if a request would have to wait too long.

        It is asked before the body is read, so that refusing a request costs little.
        """
        writer = self._writers.get(workspace_id)
        if writer is None:
            return None
        return writer.refusal(1, self._seconds(bulk=bulk), bulk=bulk, with_coming=True)

    def coming(self, workspace_id: int, *, bulk: bool) -> Coming:
        """Count an admitted request for those that come after it, until its job enters.

        Otherwise a flood would be admitted before the first of its jobs has entered.
        """
        return self._writer(workspace_id).pending.coming(bulk=bulk)

    def _seconds(self, *, bulk: bool) -> float:
        return self._deadline * (BULK_TIMEOUT_FACTOR if bulk else 1)

    async def ask(self, workspace_id: int, job: Job) -> Reply:
        """The reply to one job, after its commit.

        Raises the job's own Problem; Overloaded or DatabaseUnavailable when it did not get its turn in time,
        or would not get it, and was withdrawn; OutcomeUnknown when its decision has begun and its outcome is
        not known yet.
        """
        writer = self._writer(workspace_id)
        seconds = self._seconds(bulk=job.bulk)
        if (problem := writer.refusal(1, seconds, bulk=job.bulk)) is not None:
            raise problem
        self.attribute_names.note(workspace_id, job.attributes())
        loop = asyncio.get_running_loop()
        job.deadline = loop.time() + seconds
        deadline = loop.call_at(job.deadline, _expire, job, writer)
        try:
            with self._traced(workspace_id, [job]):
                await _find_out(writer, [job])
                writer.enter(job)
                # A caller that goes away cancels this future. A job whose decision has not begun is then
                # dropped; one that is under way is stored all the same.
                with nullcontext() if job.bulk else long_work().hurry():
                    return await job.done
        finally:
            deadline.cancel()

    async def ask_all(self, workspace_id: int, jobs: Sequence[Job]) -> list[Reply | Problem]:
        """The replies in the order of the jobs, with a Problem in place of each reply that failed."""
        writer = self._writer(workspace_id)
        seconds = self._seconds(bulk=True)
        if (problem := writer.refusal(len(jobs), seconds, bulk=True)) is not None:
            return [problem for _ in jobs]
        with self._traced(workspace_id, jobs):
            await _find_out(writer, jobs)
            for job in jobs:
                self.attribute_names.note(workspace_id, job.attributes())
                writer.enter(job)
            try:
                await asyncio.wait([job.done for job in jobs], timeout=seconds)
            finally:
                for job in jobs:
                    if not job.taken:
                        job.done.cancel()
        return [_outcome(job, writer) for job in jobs]

    async def dry_run_all(
        self, workspace_id: int, jobs: Sequence[Job], version: int | None = None
    ) -> list[Reply | Problem]:
        """What the replies would be now, each job seeing what the earlier ones would have done.

        With `version` they are decided by that version of the plan instead of the active one. Of one
        workspace only a few are under way at once; further ones wait. Raises DatabaseUnavailable, Overloaded
        when a dry run would wait too long, or LookupError for a version that does not exist.
        """
        slots = self._dry_runs.setdefault(workspace_id, asyncio.Semaphore(MAX_DRY_RUNS))
        try:
            await asyncio.wait_for(slots.acquire(), self._seconds(bulk=True))
        except TimeoutError:
            raise Overloaded("Too many dry runs are waiting.") from None
        try:
            return await (await self.open_dry_run(workspace_id, jobs, version)).take(jobs)
        finally:
            slots.release()

    async def open_dry_run(
        self, workspace_id: int, jobs: Sequence[Job], version: int | None = None
    ) -> DryRun:
        """A dry run of these jobs, to be taken part by part.

        Raises DatabaseUnavailable or Overloaded.
        """
        writer = self._writer(workspace_id)
        try:
            return await open_dry_run(
                self._pool, workspace_id, jobs, self.plans, writer.preparation, writer.plugins, version
            )
        except Exception as error:
            if is_database_error(error):
                note_unusable(self._pool, error)
                raise why_unavailable(error) from error
            raise

    async def close(self) -> None:
        """End the processes of plugins, and calls of providers."""
        await self._plugin_runner.close()
        await self._enricher.close()

    def _traced(self, workspace_id: int, jobs: Sequence[Job]) -> AbstractContextManager[None]:
        return _UNTRACED if self._tracing is None else self._tracing.deciding(workspace_id, jobs)

    def _writer(self, workspace_id: int) -> WorkspaceWriter:
        writer = self._writers.get(workspace_id)
        if writer is None:
            half = self._deadline / 2
            writer = self._writers[workspace_id] = WorkspaceWriter(
                self._pool,
                workspace_id,
                self.plans,
                self.metrics,
                self._limits,
                self._deadline,
                self.write_window,
                Preparation(self._pool, workspace_id, self.plans, self._preparers, half),
                PluginPort(self._pool, workspace_id, self.plans, self._plugin_runner, half),
                PendingJobs(self._waiting),
                self._tracing,
            )
        return writer


async def _find_out(writer: WorkspaceWriter, jobs: Sequence[Job]) -> None:
    """Prepare the jobs, then call plugins for them."""
    for find_out in (writer.preparation.prepare, writer.plugins.call):
        try:
            await find_out(jobs)
        except Exception as error:
            if not may_wait_for_the_lock(error):
                raise


def _outcome(job: Job, writer: WorkspaceWriter) -> Reply | Problem:
    if not job.done.done():
        return OutcomeUnknown("The decision is still being made.")
    if job.done.cancelled():
        return writer.too_late()
    error = job.done.exception()
    return error if isinstance(error, Problem) else job.done.result()


def _expire(job: Job, writer: WorkspaceWriter) -> None:
    if not job.done.done():
        job.done.set_exception(
            OutcomeUnknown("The decision is still being made.") if job.taken else writer.too_late()
        )
