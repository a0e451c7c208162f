"""Dry runs: jobs are decided on a copy of the state, and nothing is locked or written."""

import zlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import orjson

from app.dispatch.caches import PlanCache
from app.dispatch.commit_group import CompileFirst, GroupResult, open_session
from app.dispatch.decision_rows import as_replayed
from app.dispatch.decision_session import DecisionSession
from app.dispatch.failures import TOO_COSTLY
from app.dispatch.jobs.base import Job, Reply
from app.dispatch.preparation import Preparation
from app.engine.model.accounts import AccountKey, Accounts
from app.engine.model.effort import DecisionTooCostly
from app.errors import Erased, LeadNotDecided, Problem
from app.pace import Pace
from app.plugins.port import PluginPort
from app.store.connection.pool import Limits, Pool, transaction
from app.store.directory import accounts
from app.store.leads import current_leads
from app.store.path.facts import KnownLead

_NO_IDS = {"assignment_id": None, "decision_number": None}
LIMITS = Limits(statement=60_000)
"""The facts of a dry run are read in one statement, without a lock."""


@dataclass(frozen=True, slots=True)
class _Reader:
    """Reads what jobs need, as it is now: a session, and the stored responses that keys stand for."""

    pool: Pool
    workspace_id: int
    plans: PlanCache
    version: int | None = None

    async def read(self, jobs: Sequence[Job]) -> tuple[DecisionSession, dict[str, bytes]]:
        while True:
            try:
                async with transaction(
                    self.pool, self.workspace_id, read_only=True, limits=LIMITS
                ) as connection:
                    session = await open_session(
                        connection, self.workspace_id, None, jobs, self.plans, self.version
                    )
                    known = sorted(
                        {each.assignment_id for each in session.found.replays.values() if each.assignment_id}
                    )
                    if not known:
                        return session, {}
                    bodies = await current_leads.find_responses(connection, self.workspace_id, known)
                    return session, bodies
            except CompileFirst as missing:
                await missing.fetch(self.workspace_id, self.plans)

    async def read_accounts(self, keys: Collection[AccountKey]) -> Accounts:
        """The accounts of these keys as they are now."""
        async with transaction(self.pool, self.workspace_id, read_only=True, limits=LIMITS) as connection:
            return await accounts.find_accounts(connection, self.workspace_id, list(keys))


@dataclass(slots=True)
class DryRun:
    """A dry run under way: a later job sees what the earlier ones would have done.

    `bodies` are the stored responses of assignments that the keys of the jobs stand for.
    """

    result: GroupResult
    preparation: Preparation
    plugins: PluginPort
    reader: _Reader
    bodies: dict[str, bytes] = field(default_factory=dict)
    _earlier: dict[str, bytes] = field(default_factory=dict)
    _later: list[tuple[str, KnownLead]] | None = None

    async def read(self, jobs: Sequence[Job]) -> None:
        """Read what the next jobs need, and drop what only the earlier ones did."""
        session = self.result.session
        await self.preparation.prepare_for(session.plan, jobs, session.work.now, dry_run=True)
        more, self.bodies = await self.reader.read(jobs)
        session.found, session.stored, self._later = more.found, more.stored, None
        self._forget_rows()
        session.work.stored |= more.work.stored
        session.work.preferences = more.work.preferences | session.work.preferences
        session.work.contacts = more.work.contacts | session.work.contacts

    async def take(self, jobs: Sequence[Job], times: Sequence[datetime | None] = ()) -> list[Reply | Problem]:
        """Decide the next of the jobs that were read, in order. Replies have status 200.

        `times` are the ascending times at which they are decided; None leaves the time as it is.
        """
        result, session, pace = self.result, self.result.session, Pace()
        for position, job in enumerate(jobs):
            await pace.rest()
            if position < len(times) and (at := times[position]) is not None:
                self._go_to(at)
            self._take(job)
            while result.unprepared or result.awaiting_plugins:
                if result.unprepared:
                    await self._prepare(jobs[position:])
                    self._take(job)
                    continue
                awaiting, result.awaiting_plugins = result.awaiting_plugins, []
                await self.plugins.call_for_dry_run(
                    session.plan, awaiting, session.work.now, session.work.snapshot
                )
                self._take(job)
        outcomes: dict[int, Reply | Problem] = {}
        for job, reply in result.replies:
            outcomes[id(job)] = self._preview(reply.body)
            await pace.rest()
        for job, assignment_id in result.replays:
            outcomes[id(job)] = self._replayed(assignment_id)
            await pace.rest()
        outcomes |= {id(job): problem for job, problem in result.problems}
        for each in (result.replies, result.replays, result.problems, session.work.rows.inputs):
            each.clear()
        return [outcomes[id(job)] for job in jobs]

    async def _prepare(self, jobs: Sequence[Job]) -> None:
        """Prepare the jobs that are left, because the plan turned out to want it."""
        session = self.result.session
        self.result.unprepared.clear()
        await self.preparation.prepare_for(session.plan, jobs, session.work.now, dry_run=True)
        keys = {key for job in jobs for key in job.account_keys()}
        if session.found.accounts is not None and keys:
            session.found.accounts = session.found.accounts.joined(await self.reader.read_accounts(keys))

    def _take(self, job: Job) -> None:
        try:
            self.result.take(job)
        except DecisionTooCostly:
            self.result.problems.append((job, LeadNotDecided(TOO_COSTLY)))

    def _go_to(self, at: datetime) -> None:
        """Decide from now on at this time, at which later assignments are not known yet."""
        session = self.result.session
        if at < session.work.now:
            session.work.snapshot.state.rewind(session.work.snapshot.directory, at)
        session.work.now = at
        if self._later is None:
            leads = session.found.known.items()
            self._later = sorted(leads, key=lambda each: each[1].prior.decided_at, reverse=True)
            session.found.known = {}
        while self._later and self._later[-1][1].prior.decided_at <= at:
            id_, lead = self._later.pop()
            session.found.known[id_] = lead

    def _forget_rows(self) -> None:
        """Drop the rows that nobody writes. Responses stay, compressed, for keys that are used again."""
        work = self.result.session.work
        unstored = work.rows.leads.keys() - work.stored
        work.take_rows()
        work.stored -= unstored
        work.decided.clear()
        self._earlier |= {id_: zlib.compress(body, 1) for id_, body in work.responses.items()}
        work.responses.clear()

    def _replayed(self, assignment_id: str) -> Reply | Problem:
        stored = self.bodies.get(assignment_id)
        if stored == b"":
            return Erased()
        if stored is not None:
            return Reply(200, as_replayed(stored))
        body = self.result.session.work.responses.get(assignment_id)
        if body is None:
            body = zlib.decompress(self._earlier[assignment_id])
        return Reply(200, as_replayed(self._preview(body).body))

    def _preview(self, body: bytes) -> Reply:
        """A response without the ids that nothing was stored under."""
        preview = {**orjson.loads(body), **_NO_IDS}
        if preview["lead_id"] not in self.result.session.work.stored:
            preview["lead_id"] = None
        return Reply(200, orjson.dumps(preview))


async def open_dry_run(
    pool: Pool,
    workspace_id: int,
    jobs: Sequence[Job],
    plans: PlanCache,
    preparation: Preparation,
    plugins: PluginPort,
    version: int | None = None,
) -> DryRun:
    """Read everything that these jobs need, as it is now.

    `version` is that of the plan, for None the active one.
    """
    reader = _Reader(pool, workspace_id, plans, version)
    session, bodies = await reader.read(jobs)
    return DryRun(GroupResult(session, preparation), preparation, plugins, reader, bodies)
