"""What plug-ins say about the jobs of one workspace: asked before the gate, never while it is held."""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from app.dispatch.failures import BUSY, is_unable
from app.dispatch.jobs.base import Assign, Job
from app.dispatch.plan_cache import PlanShelf
from app.engine.compile.plan import Plan
from app.engine.model.decision import Question
from app.engine.pipeline.decide import asked
from app.plugins.advisor import Advisor, Lead
from app.plugins.line import Picture
from app.store.connection.pool import Pool, transaction
from app.store.directory import accounts
from app.store.path.snapshot import Remembered, from_the_start

BULK = 30
"""How many times longer bulk may wait for its advice."""


@dataclass(slots=True)
class Seen:
    """How the workspace stood after the pass seen last, and how far its time is ahead of the real one."""

    plan_version: int
    picture: Picture
    ahead: timedelta

    @property
    def now(self) -> datetime:
        """The workspace's time, as far as it can be told without asking."""
        return datetime.now(UTC) + self.ahead


@dataclass(slots=True)
class Advising:
    """One a workspace and process. `seconds` is how long one request waits for its plug-ins at most."""

    pool: Pool
    workspace_id: int
    shelf: PlanShelf
    advisor: Advisor
    seconds: float
    seen: Seen | None = None
    asking: set[asyncio.Task[None]] = field(default_factory=set)

    def saw(self, remembered: Remembered, now: datetime) -> Seen:
        """Take note of how the workspace stands at `now`."""
        before = self.seen.picture if self.seen is not None else None
        entry, directory, state = remembered.entry, remembered.directory, remembered.state
        if before is None or before.stamp != entry.token or before.directory is not directory:
            before = Picture(self.workspace_id, directory, state, entry.token)
        self.seen = Seen(entry.plan_version, before, now - datetime.now(UTC))
        return self.seen

    async def before(self, jobs: Sequence[Job]) -> None:
        """Give jobs that are about to enter what plug-ins say about them, if the plan seen last asks any.

        What the database refuses here it refuses at the gate too, and from there it is told.
        """
        arrived = [job for job in jobs if isinstance(job, Assign)]
        if self.advisor and arrived:
            try:
                await self._before(arrived)
            except Exception as error:
                if not is_unable(error) and not isinstance(error, BUSY):
                    raise

    async def _before(self, arrived: Sequence[Assign]) -> None:
        seen = self.seen or await self._looked()
        plan = await self._plan(seen, wait=arrived[0].bulk)
        if plan is None or not plan.plugged:
            return
        questions = await self._questions(arrived, plan, seen.now)
        await self._ask(plan, list(zip(arrived, questions, strict=True)), seen.now, seen.picture)

    def again(
        self, plan: Plan, unasked: Sequence[tuple[Job, Question]], now: datetime, enter: Callable[[Job], None]
    ) -> None:
        """Ask about jobs of which a pass found out that plug-ins have not spoken, and let them enter anew."""
        picture = self.seen.picture if self.seen is not None else None
        if picture is not None:
            task = asyncio.create_task(self._again(plan, unasked, now, picture, enter))
            self.asking.add(task)
            task.add_done_callback(self.asking.discard)

    async def rehearsed(
        self, plan: Plan, unasked: Sequence[tuple[Job, Question]], now: datetime, remembered: Remembered
    ) -> None:
        """The same for a dry run, as it stands there."""
        picture = Picture(self.workspace_id, remembered.directory, remembered.state, object())
        await self._ask(plan, unasked, now, picture)

    async def _again(
        self,
        plan: Plan,
        unasked: Sequence[tuple[Job, Question]],
        now: datetime,
        picture: Picture,
        enter: Callable[[Job], None],
    ) -> None:
        try:
            await self._ask(plan, unasked, now, picture)
        finally:
            for job, _ in unasked:
                job.taken = False
                enter(job)

    async def _ask(
        self, plan: Plan, unasked: Sequence[tuple[Job, Question]], now: datetime, picture: Picture
    ) -> None:
        for job, _ in unasked:
            job.asked += 1
        leads = [Lead(question.values, now, picture) for _, question in unasked]
        seconds = self.seconds * (BULK if all(job.bulk for job, _ in unasked) else 1)
        for (job, _), advised in zip(unasked, await self.advisor.advise(plan, leads, seconds), strict=True):
            job.advised = advised

    async def _looked(self) -> Seen:
        """How the workspace stands, read the first time, when no pass has come to its end here."""
        async with (
            asyncio.timeout(self.seconds),
            transaction(self.pool, self.workspace_id, read_only=True) as connection,
        ):
            found, remembered = await from_the_start(connection, self.workspace_id)
        return self.seen or self.saw(remembered, max(found.time, remembered.entry.at))

    async def _plan(self, seen: Seen, *, wait: bool) -> Plan | None:
        """The plan if it is at hand; bulk waits for it, so that all of it is asked about in one go."""
        plan = self.shelf.at_hand(self.workspace_id, seen.plan_version)
        if plan is None and wait:
            with suppress(LookupError):
                plan = await self.shelf.fetch(self.workspace_id, seen.plan_version)
        return plan

    async def _questions(self, jobs: Sequence[Assign], plan: Plan, now: datetime) -> list[Question]:
        """Each lead with all its fields, as the pass will see them."""
        found = None
        if plan.wants_accounts:
            keys = list({key for job in jobs for key in job.account_keys()})
            async with transaction(self.pool, self.workspace_id, read_only=True) as connection:
                found = await accounts.find(connection, self.workspace_id, keys)
        return [
            asked(
                Question(
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
