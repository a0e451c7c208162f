"""What is found out about a lead before the workspace lock is taken.

Everything that waits for something else stands here: look-ups that are too slow for the lock, and calls to
other services. Preparers run in their order, so a later one sees what the earlier ones found. With a plan
that wants none of them, nothing runs and nothing is read.
"""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Protocol

from app.dispatch.caches import PlanCache
from app.dispatch.failures import CONTENTION_ERRORS, is_database_error
from app.dispatch.jobs.base import Job
from app.engine.compile.plan import Plan
from app.store.connection.pool import Pool, transaction
from app.store.life.suppressions import find_suppressed
from app.store.path.journal import read_plan_version
from app.store.path.snapshot import read_snapshot, settle_time

BULK_PREPARATION_FACTOR = 10
"""How many times longer the jobs of a bulk call may take together."""


@dataclass(frozen=True, slots=True)
class PreparedFor:
    """The workspace and the plan that leads are prepared for, at which time, and whether a caller waits.

    A `dry_run` stores nothing, and asks nobody outside.
    """

    workspace_id: int
    plan: Plan
    now: datetime
    bulk: bool
    dry_run: bool = False


class Preparer(Protocol):
    """Finds out one kind of thing. `name` is shown in `degraded` when it takes too long.

    `outside` says that it gives data of leads to others. Suppressed leads and junk never reach it.
    """

    name: str
    outside: bool

    def wanted(self, plan: Plan) -> bool:
        """Whether the plan uses what this one finds out."""

    async def prepare(self, jobs: Sequence[Job], of: PreparedFor) -> None:
        """Add what was found about the leads of these jobs (`job.arriving`) to their `job.prepared`."""


@dataclass(frozen=True, slots=True)
class _Observed:
    """The plan in force after the newest commit seen here, and how far the time is ahead of real time.

    There is no `plan_version` where the plan wants nothing prepared.
    """

    plan_version: int | None
    ahead: timedelta = timedelta()


_NOTHING_WANTED = _Observed(None)


class Preparation:
    """The preparers as one workspace uses them. A single request waits for all of them `seconds` at most."""

    def __init__(
        self, pool: Pool, workspace_id: int, plans: PlanCache, preparers: Sequence[Preparer], seconds: float
    ) -> None:
        self._pool = pool
        self._workspace_id = workspace_id
        self._plans = plans
        self._preparers = preparers
        self._seconds = seconds
        self._observed: _Observed | None = None
        self._wanted_by: tuple[int | None, Sequence[Preparer]] = (None, ())
        self._again: set[asyncio.Task[None]] = set()

    def observe(self, plan: Plan, now: datetime) -> None:
        """Take note of the plan in force after a commit."""
        if self._wanted(plan):
            self._observed = _Observed(plan.version, now - datetime.now(UTC))
        else:
            self._observed = _NOTHING_WANTED

    async def prepare(self, jobs: Sequence[Job]) -> None:
        """Prepare jobs that are about to enter, if the plan observed last wants it.

        A single job of a workspace that was not observed yet enters as it is: the lock shows what is wanted.
        """
        if not self._preparers:
            return
        observed = self._observed
        if observed is None:
            if not jobs or not jobs[0].bulk:
                return
            observed = await self._read_observed()
        if observed.plan_version is None:
            return
        plan = self._plans.get_ready(self._workspace_id, observed.plan_version)
        if plan is None and jobs[0].bulk:
            with suppress(LookupError):
                plan = await self._plans.fetch(self._workspace_id, observed.plan_version)
        if plan is not None:
            await self.prepare_for(plan, jobs, datetime.now(UTC) + observed.ahead)

    async def prepare_for(
        self, plan: Plan, jobs: Sequence[Job], now: datetime, *, dry_run: bool = False
    ) -> None:
        """Prepare jobs for this plan."""
        wanted = self._wanted(plan)
        arriving = [job for job in jobs if job.arriving() is not None] if wanted else []
        if not arriving:
            return
        for job in arriving:
            job.prepared.begin(plan.version)
        bulk = all(job.bulk for job in arriving)
        of = PreparedFor(self._workspace_id, plan, now, bulk, dry_run)
        seconds = self._seconds * (BULK_PREPARATION_FACTOR if bulk else 1)
        until = asyncio.get_running_loop().time() + seconds
        allowed: list[Job] | None = None
        for preparer in wanted:
            limit = asyncio.timeout_at(until)
            try:
                async with limit:
                    if preparer.outside and allowed is None:
                        allowed = await self._allowed(_without_junk(arriving, plan), of)
                    if found := (allowed or []) if preparer.outside else arriving:
                        await preparer.prepare(found, of)
            except Exception as error:
                if not limit.expired() and not may_wait_for_the_lock(error):
                    raise
                for job in arriving:
                    job.prepared.miss(preparer.name, again=not limit.expired())

    def is_missing(self, job: Job, plan: Plan) -> bool:
        """Whether a job has to be prepared before it is decided by this plan.

        A plan that wants nothing prepared decides without what was found for the plan before it.
        """
        if not self._wanted(plan):
            job.prepared.keep_only_for(plan.version)
            return False
        return job.prepared.is_missing(plan.version) and job.arriving() is not None

    def prepare_again(
        self, plan: Plan, jobs: Sequence[Job], now: datetime, enter: Callable[[Job], None]
    ) -> None:
        """Prepare jobs that were not ready under the lock, and let them enter again."""
        if jobs:
            task = asyncio.create_task(self._prepare_again(plan, jobs, now, enter))
            self._again.add(task)
            task.add_done_callback(self._again.discard)

    async def _prepare_again(
        self, plan: Plan, jobs: Sequence[Job], now: datetime, enter: Callable[[Job], None]
    ) -> None:
        try:
            await self.prepare_for(plan, jobs, now)
        finally:
            for job in jobs:
                job.taken = False
                enter(job)

    async def _allowed(self, jobs: Sequence[Job], of: PreparedFor) -> list[Job]:
        """The jobs whose leads are on no suppression list. The others are marked.

        There are none once the plan has been replaced: a provider that it has no more hears of nobody, and
        nobody waits twice. The lock asks for another round.
        """
        keys = {key for job in jobs for key in job.suppression_keys()}
        async with transaction(self._pool, self._workspace_id, read_only=True) as connection:
            version = await read_plan_version(connection, self._workspace_id)
            found = await find_suppressed(connection, self._workspace_id, keys)
        if version != of.plan.version and not of.dry_run:
            for job in jobs:
                job.prepared.plan_version = None
            return []
        for job in jobs:
            job.prepared.suppressed = not found.keys().isdisjoint(job.suppression_keys())
        return [job for job in jobs if not job.prepared.suppressed]

    async def _read_observed(self) -> _Observed:
        """The plan in force as it is stored, while no commit has been observed."""
        async with (
            asyncio.timeout(self._seconds),
            transaction(self._pool, self._workspace_id, read_only=True) as connection,
        ):
            found, snapshot = await read_snapshot(connection, self._workspace_id)
        if self._observed is None:
            ahead = settle_time(found, snapshot) - datetime.now(UTC)
            self._observed = _Observed(snapshot.entry.plan_version, ahead)
        return self._observed

    def _wanted(self, plan: Plan) -> Sequence[Preparer]:
        """The preparers whose finds the plan uses. They are asked once for a version."""
        if self._wanted_by[0] != plan.version:
            self._wanted_by = (plan.version, [each for each in self._preparers if each.wanted(plan)])
        return self._wanted_by[1]


def _without_junk(jobs: Sequence[Job], plan: Plan) -> list[Job]:
    """The jobs whose leads are not blocked as junk by what they say themselves."""
    return [job for job in jobs if (lead := job.arriving()) is None or not plan.junk.blocks(lead.values)]


def may_wait_for_the_lock(error: Exception) -> bool:
    """Whether the database is at fault: it refuses again under the lock, where the caller gets the reply."""
    return is_database_error(error) or isinstance(error, CONTENTION_ERRORS)
