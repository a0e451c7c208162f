"""What plugins say about the jobs of one workspace: asked before the gate, never while it is held."""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from app.dispatch.failures import CONTENTION_ERRORS, is_database_error
from app.dispatch.jobs.base import Assign, Job
from app.dispatch.plan_cache import PlanCache
from app.engine.compile.plan import Plan
from app.engine.model.decision import DecisionRequest
from app.engine.pipeline.decide import with_derived_fields
from app.plugins.advisor import PluginLead, PluginRunner
from app.plugins.line import PluginSnapshot
from app.store.connection.pool import Pool, transaction
from app.store.directory import accounts
from app.store.path.snapshot import Snapshot, read_snapshot

BULK_TIMEOUT_FACTOR = 30
"""How many times longer bulk may wait for its advice."""


@dataclass(slots=True)
class SeenState:
    """How the workspace stood after the pass seen last, and how far its time is ahead of the real one."""

    plan_version: int
    picture: PluginSnapshot
    ahead: timedelta

    @property
    def now(self) -> datetime:
        """The workspace's time, as far as it can be told without asking."""
        return datetime.now(UTC) + self.ahead


@dataclass(slots=True)
class PluginCalls:
    """One a workspace and process. `seconds` is how long one request waits for its plugins at most."""

    pool: Pool
    workspace_id: int
    shelf: PlanCache
    advisor: PluginRunner
    seconds: float
    seen: SeenState | None = None
    asking: set[asyncio.Task[None]] = field(default_factory=set)

    def saw(self, snapshot: Snapshot, now: datetime) -> SeenState:
        """Take note of how the workspace stands at `now`."""
        before = self.seen.picture if self.seen is not None else None
        entry, directory, state = snapshot.entry, snapshot.directory, snapshot.state
        if before is None or before.stamp != entry.token or before.directory is not directory:
            before = PluginSnapshot(self.workspace_id, directory, state, entry.token)
        self.seen = SeenState(entry.plan_version, before, now - datetime.now(UTC))
        return self.seen

    async def before(self, jobs: Sequence[Job]) -> None:
        """Give jobs that are about to enter what plugins say about them, if the plan seen last asks any.

        What the database refuses here it refuses at the gate too, and from there it is told.
        """
        arrived = [job for job in jobs if isinstance(job, Assign)]
        if self.advisor and arrived:
            try:
                await self._before(arrived)
            except Exception as error:
                if not is_database_error(error) and not isinstance(error, CONTENTION_ERRORS):
                    raise

    async def _before(self, arrived: Sequence[Assign]) -> None:
        seen = self.seen or await self._looked()
        plan = await self._plan(seen, wait=arrived[0].bulk)
        if plan is None or not plan.plugin_steps:
            return
        questions = await self._questions(arrived, plan, seen.now)
        await self._ask(plan, list(zip(arrived, questions, strict=True)), seen.now, seen.picture)

    def again(
        self,
        plan: Plan,
        awaiting_plugins: Sequence[tuple[Job, DecisionRequest]],
        now: datetime,
        enter: Callable[[Job], None],
    ) -> None:
        """Ask about jobs of which a pass found out that plugins have not spoken, and let them enter anew."""
        picture = self.seen.picture if self.seen is not None else None
        if picture is not None:
            task = asyncio.create_task(self._again(plan, awaiting_plugins, now, picture, enter))
            self.asking.add(task)
            task.add_done_callback(self.asking.discard)

    async def for_dry_run(
        self,
        plan: Plan,
        awaiting_plugins: Sequence[tuple[Job, DecisionRequest]],
        now: datetime,
        snapshot: Snapshot,
    ) -> None:
        """The same for a dry run, as it stands there."""
        picture = PluginSnapshot(self.workspace_id, snapshot.directory, snapshot.state, object())
        await self._ask(plan, awaiting_plugins, now, picture)

    async def _again(
        self,
        plan: Plan,
        awaiting_plugins: Sequence[tuple[Job, DecisionRequest]],
        now: datetime,
        picture: PluginSnapshot,
        enter: Callable[[Job], None],
    ) -> None:
        try:
            await self._ask(plan, awaiting_plugins, now, picture)
        finally:
            for job, _ in awaiting_plugins:
                job.taken = False
                enter(job)

    async def _ask(
        self,
        plan: Plan,
        awaiting_plugins: Sequence[tuple[Job, DecisionRequest]],
        now: datetime,
        picture: PluginSnapshot,
    ) -> None:
        for job, _ in awaiting_plugins:
            job.asked += 1
        leads = [PluginLead(question.values, now, picture) for _, question in awaiting_plugins]
        seconds = self.seconds * (BULK_TIMEOUT_FACTOR if all(job.bulk for job, _ in awaiting_plugins) else 1)
        for (job, _), advised in zip(
            awaiting_plugins, await self.advisor.advise(plan, leads, seconds), strict=True
        ):
            job.advised = advised

    async def _looked(self) -> SeenState:
        """How the workspace stands, read the first time, when no pass has come to its end here."""
        async with (
            asyncio.timeout(self.seconds),
            transaction(self.pool, self.workspace_id, read_only=True) as connection,
        ):
            found, snapshot = await read_snapshot(connection, self.workspace_id)
        return self.seen or self.saw(snapshot, max(found.time, snapshot.entry.at))

    async def _plan(self, seen: SeenState, *, wait: bool) -> Plan | None:
        """The plan if it is at hand; bulk waits for it, so that all of it is asked about in one go."""
        plan = self.shelf.get_ready(self.workspace_id, seen.plan_version)
        if plan is None and wait:
            with suppress(LookupError):
                plan = await self.shelf.fetch(self.workspace_id, seen.plan_version)
        return plan

    async def _questions(self, jobs: Sequence[Assign], plan: Plan, now: datetime) -> list[DecisionRequest]:
        """Each lead with all its fields, as the pass will see them."""
        found = None
        if plan.wants_accounts:
            keys = list({key for job in jobs for key in job.account_keys()})
            async with transaction(self.pool, self.workspace_id, read_only=True) as connection:
                found = await accounts.find(connection, self.workspace_id, keys)
        return [
            with_derived_fields(
                DecisionRequest(
                    kind="assign",
                    assignment_id="",
                    lead_id="",
                    values={**job.arrival.values, "trigger": job.trigger},
                    account=found.matched(job.account_keys()) if found is not None else None,
                ),
                plan,
                now,
            )
            for job in jobs
        ]
