"""Dry runs: jobs are decided on a copy of the state, and nothing is locked or written."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import orjson

from app.dispatch.caches import PlanCache
from app.dispatch.commit_group import CompileFirst, GroupResult, open_session
from app.dispatch.jobs.base import Job, Reply
from app.dispatch.record import as_replayed
from app.errors import Problem
from app.plugins.port import PluginPort
from app.store.connection.pool import Limits, Pool, transaction
from app.store.leads import current_leads

_NO_IDS = {"assignment_id": None, "decision_number": None}
LIMITS = Limits(statement=60_000)
"""The facts for a whole file are read in one statement, without a lock."""


@dataclass(slots=True)
class DryRun:
    """A dry run under way: a later job sees what the earlier ones would have done.

    `bodies` are the stored responses of assignments that keys stood for when it began.
    """

    result: GroupResult
    plugins: PluginPort
    bodies: dict[str, bytes] = field(default_factory=dict)

    async def take(self, jobs: Sequence[Job]) -> list[Reply | Problem]:
        """Decide the next of the jobs it was opened for, in order. Replies have status 200."""
        result, session = self.result, self.result.session
        for job in jobs:
            result.take(job)
            while result.awaiting_plugins:
                awaiting, result.awaiting_plugins = result.awaiting_plugins, []
                await self.plugins.call_for_dry_run(
                    session.plan, awaiting, session.work.now, session.work.snapshot
                )
                result.take(job)
        outcomes: dict[int, Reply | Problem] = {
            id(job): self._preview(reply.body) for job, reply in result.replies
        }
        outcomes |= {id(job): self._replayed(assignment_id) for job, assignment_id in result.replays}
        outcomes |= {id(job): problem for job, problem in result.problems}
        for each in (result.replies, result.replays, result.problems, session.work.rows.inputs):
            each.clear()
        return [outcomes[id(job)] for job in jobs]

    def _replayed(self, assignment_id: str) -> Reply:
        stored = self.bodies.get(assignment_id)
        if stored is not None:
            return Reply(200, as_replayed(stored))
        return Reply(200, as_replayed(self._preview(self.result.session.work.responses[assignment_id]).body))

    def _preview(self, body: bytes) -> Reply:
        """A response without the ids that nothing was stored under."""
        preview = {**orjson.loads(body), **_NO_IDS}
        if preview["lead_id"] not in self.result.session.work.stored:
            preview["lead_id"] = None
        return Reply(200, orjson.dumps(preview))


async def open_dry_run(
    pool: Pool, workspace_id: int, jobs: Sequence[Job], plans: PlanCache, plugins: PluginPort
) -> DryRun:
    """Read everything that these jobs need, as it is now."""
    while True:
        try:
            async with transaction(pool, workspace_id, read_only=True, limits=LIMITS) as connection:
                session = await open_session(connection, workspace_id, None, jobs, plans)
                known = {each.assignment_id for each in session.found.replays.values() if each.assignment_id}
                bodies = (
                    await current_leads.find_responses(connection, workspace_id, sorted(known))
                    if known
                    else {}
                )
                return DryRun(GroupResult(session), plugins, bodies)
        except CompileFirst as missing:
            await missing.fetch(workspace_id, plans)
