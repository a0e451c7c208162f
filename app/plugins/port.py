"""Where dispatch meets plugins: what they returned for a job, and when they are called.

Plugins run in processes of their own. They are called before a job joins a commit group, never while the
workspace lock is held. With no plugin installed nothing here does any work.
"""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Protocol, TypeVar

from app.engine.compile.plan import Plan
from app.engine.model.accounts import AccountKey
from app.engine.model.decision import DecisionRequest
from app.engine.model.lead_keys import SuppressionKey
from app.engine.model.plugin_replies import PluginResults
from app.engine.pipeline.decide import with_derived_fields
from app.intake.account_match import match_account
from app.plugins.runner import PluginLead, PluginRunner
from app.plugins.supervisor import PluginSnapshot
from app.store.connection.pool import Pool, transaction
from app.store.directory import accounts
from app.store.life.suppressions import find_suppressed
from app.store.path.snapshot import Snapshot, read_snapshot, settle_time

MAX_AGE = timedelta(minutes=1)
"""Results further than this from the workspace's time, in either direction, are fetched again."""
MAX_CALLS = 2
"""Calls for one job; after them it is decided with the results there are."""
BULK_TIMEOUT_FACTOR = 30
"""How many times longer bulk jobs may wait for plugins."""


class PluginResultMissing(Exception):
    """Plugins have to be called for this request first."""

    def __init__(self, request: DecisionRequest) -> None:
        super().__init__(request.kind)
        self.request = request


@dataclass(slots=True)
class PluginCall:
    """What plugins returned for the lead of one job, and how often they were called for it."""

    results: PluginResults | None = None
    count: int = 0

    def attach_results(self, request: DecisionRequest, plan: Plan, now: datetime) -> DecisionRequest:
        """The request with the results of plugins.

        Raises PluginResultMissing when a step that may run has no result, or one of another plan or time.
        """
        if not plan.plugin_steps or (request.to is not None and request.to.kind != "team"):
            return request
        if request.contact is not None and request.contact.suppressed:
            return request
        current = self.results is not None and self.results.plan_version == plan.version
        results = self.results if current else None
        by_step = results.by_step if results is not None else {}
        if self.count < MAX_CALLS:
            complete = with_derived_fields(request, plan, now)
            steps = {step.name for step in plan.plugin_steps if step.may_hold(complete.values, now)}
            fresh = results is not None and abs(now - results.at) <= MAX_AGE
            if steps and not (fresh and by_step.keys() >= steps):
                raise PluginResultMissing(complete)
        return replace(request, plugin_replies=by_step)


class PluginJob(Protocol):
    """What the port needs to know of a job."""

    bulk: bool
    taken: bool
    plugin: PluginCall

    def preview(self) -> DecisionRequest | None:
        """The request as far as it is known before the job is in a commit group."""

    def account_keys(self) -> Sequence[AccountKey]:
        """The keys of the lead's account."""

    def suppression_keys(self) -> Sequence[SuppressionKey]:
        """What may be on a suppression list."""


class Plans(Protocol):
    """The compiled plans of this process."""

    def get_ready(self, workspace_id: int, version: int) -> Plan | None:
        """The plan if it is compiled."""

    async def fetch(self, workspace_id: int, version: int) -> Plan:
        """The plan, compiled if necessary. Raises LookupError when there is none."""


J = TypeVar("J", bound=PluginJob)


@dataclass(frozen=True, slots=True)
class _Observed:
    """The workspace after the newest commit seen here, and how far its time is ahead of real time."""

    plan_version: int
    snapshot: PluginSnapshot
    ahead: timedelta

    @property
    def now(self) -> datetime:
        """The workspace's time, as far as it is known without a query."""
        return datetime.now(UTC) + self.ahead


class PluginPort:
    """The plugins as one workspace calls them. A single request waits for them `seconds` at most."""

    def __init__(
        self, pool: Pool, workspace_id: int, plans: Plans, runner: PluginRunner, seconds: float
    ) -> None:
        self._pool = pool
        self._workspace_id = workspace_id
        self._plans = plans
        self._runner = runner
        self._any_installed = bool(runner)
        self._seconds = seconds
        self._observed: _Observed | None = None
        self._calling: set[asyncio.Task[None]] = set()

    def observe(self, plan: Plan, snapshot: Snapshot, now: datetime) -> None:
        """Take note of how the workspace stands after a commit."""
        if self._any_installed or plan.plugin_steps:
            self._observe(snapshot, now)

    async def call(self, jobs: Sequence[PluginJob]) -> None:
        """Call plugins for jobs that are about to enter, if the plan observed last has a step for them."""
        if not self._any_installed:
            return
        previews = [(job, request) for job in jobs if (request := job.preview()) is not None]
        if not previews:
            return
        observed = self._observed or await self._read_observed()
        plan = await self._plan(observed, wait=previews[0][0].bulk)
        if plan is None or not plan.plugin_steps:
            return
        requests = await self._complete(previews, plan, observed.now)
        if requests:
            await self._call(plan, requests, observed.now, observed.snapshot)

    def call_again(
        self,
        plan: Plan,
        awaiting: Sequence[tuple[J, DecisionRequest]],
        now: datetime,
        enter: Callable[[J], None],
    ) -> None:
        """Call plugins for jobs whose results were missing under the lock, and let them enter again."""
        if awaiting and self._observed is not None:
            snapshot = self._observed.snapshot
            task = asyncio.create_task(self._call_again(plan, awaiting, now, snapshot, enter))
            self._calling.add(task)
            task.add_done_callback(self._calling.discard)

    async def call_for_dry_run(
        self, plan: Plan, awaiting: Sequence[tuple[J, DecisionRequest]], now: datetime, snapshot: Snapshot
    ) -> None:
        """Call plugins for jobs of a dry run, with the state it has reached."""
        shown = PluginSnapshot(self._workspace_id, snapshot.directory, snapshot.state, object())
        await self._call(plan, awaiting, now, shown)

    async def _call_again(
        self,
        plan: Plan,
        awaiting: Sequence[tuple[J, DecisionRequest]],
        now: datetime,
        snapshot: PluginSnapshot,
        enter: Callable[[J], None],
    ) -> None:
        try:
            await self._call(plan, awaiting, now, snapshot)
        finally:
            for job, _ in awaiting:
                job.taken = False
                enter(job)

    async def _call(
        self,
        plan: Plan,
        awaiting: Sequence[tuple[J, DecisionRequest]],
        now: datetime,
        snapshot: PluginSnapshot,
    ) -> None:
        for job, _ in awaiting:
            job.plugin.count += 1
        leads = [PluginLead(request.values, now, snapshot) for _, request in awaiting]
        seconds = self._seconds * (BULK_TIMEOUT_FACTOR if all(job.bulk for job, _ in awaiting) else 1)
        results = await self._runner.run(plan, leads, seconds)
        for (job, _), result in zip(awaiting, results, strict=True):
            job.plugin.results = result

    def _observe(self, snapshot: Snapshot, now: datetime) -> _Observed:
        shown = self._observed.snapshot if self._observed is not None else None
        entry, directory = snapshot.entry, snapshot.directory
        if shown is None or shown.stamp != entry.token or shown.directory is not directory:
            shown = PluginSnapshot(self._workspace_id, directory, snapshot.state, entry.token)
        self._observed = _Observed(entry.plan_version, shown, now - datetime.now(UTC))
        return self._observed

    async def _read_observed(self) -> _Observed:
        """The workspace as it is stored, while no commit has been observed."""
        async with (
            asyncio.timeout(self._seconds),
            transaction(self._pool, self._workspace_id, read_only=True) as connection,
        ):
            found, snapshot = await read_snapshot(connection, self._workspace_id)
        return self._observed or self._observe(snapshot, settle_time(found, snapshot))

    async def _plan(self, observed: _Observed, *, wait: bool) -> Plan | None:
        """The plan if it is compiled. Bulk waits for it, so that plugins are called once for all its jobs."""
        plan = self._plans.get_ready(self._workspace_id, observed.plan_version)
        if plan is None and wait:
            with suppress(LookupError):
                plan = await self._plans.fetch(self._workspace_id, observed.plan_version)
        return plan

    async def _complete(
        self, previews: Sequence[tuple[J, DecisionRequest]], plan: Plan, now: datetime
    ) -> list[tuple[J, DecisionRequest]]:
        """The requests with all fields that a decision would see, without those that a list suppresses."""
        found = None
        async with transaction(self._pool, self._workspace_id, read_only=True) as connection:
            blocking = await find_suppressed(
                connection, self._workspace_id, {key for job, _ in previews for key in job.suppression_keys()}
            )
            if plan.wants_accounts:
                keys = list({key for job, _ in previews for key in job.account_keys()})
                found = await accounts.find_accounts(connection, self._workspace_id, keys)
        complete = []
        for job, request in previews:
            if not blocking.keys().isdisjoint(job.suppression_keys()) or plan.junk.blocks(request.values):
                continue
            account = (
                match_account(request.values, job.account_keys(), found, plan.account_match)
                if found is not None
                else None
            )
            complete.append((job, with_derived_fields(replace(request, account=account), plan, now)))
        return complete
