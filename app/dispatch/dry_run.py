"""Dry runs: the same desk, on a copy of the state, with the books left shut."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import orjson

from app.dispatch.commit_group import CompileFirst, open_session
from app.dispatch.decision_session import DecisionSession
from app.dispatch.jobs.base import Answer, Job
from app.dispatch.plan_cache import PlanCache
from app.dispatch.plugin_calls import PluginCalls
from app.dispatch.response import as_replayed
from app.errors import Problem
from app.store.connection.pool import Limits, Pool, transaction
from app.store.leads import current_leads

_NOT_YET = {"assignment_id": None, "decision_number": None}
LIMITS = Limits(statement=60_000)
"""The facts for a whole file are read in one statement, and nobody waits behind it."""


@dataclass(slots=True)
class DryRun:
    """A dry run under way: what is asked later sees what the earlier would have done.

    `told` are the answers to keys that had a decision before it began.
    """

    desk: DecisionSession
    plugin_calls: PluginCalls
    told: dict[str, bytes] = field(default_factory=dict)

    async def take(self, jobs: Sequence[Job]) -> list[Answer | Problem]:
        """The next jobs in their order, out of those it was opened for; answers have status 200."""
        desk = self.desk
        for job in jobs:
            desk.take(job)
            while desk.awaiting_plugins:
                awaiting_plugins, desk.awaiting_plugins = desk.awaiting_plugins, []
                await self.plugin_calls.for_dry_run(
                    desk.plan, awaiting_plugins, desk.booking.now, desk.booking.snapshot
                )
                desk.take(job)
        told: dict[int, Answer | Problem] = {id(job): _told(desk, answer) for job, answer in desk.answers}
        told |= {id(job): self._replayed(assignment_id) for job, assignment_id in desk.replays}
        told |= {id(job): problem for job, problem in desk.problems}
        for each in (desk.answers, desk.replays, desk.problems, desk.booking.rows.inputs):
            each.clear()
        return [told[id(job)] for job in jobs]

    def _replayed(self, assignment_id: str) -> Answer:
        before = self.told.get(assignment_id)
        if before is not None:
            return Answer(200, as_replayed(before))
        now = _told(self.desk, Answer(200, self.desk.booking.rows.answers[assignment_id]))
        return Answer(200, as_replayed(now.body))


async def open_dry_run(
    pool: Pool, workspace_id: int, jobs: Sequence[Job], shelf: PlanCache, plugin_calls: PluginCalls
) -> DryRun:
    """Everything read that these jobs need, as if they came now. Nothing is locked or written."""
    while True:
        try:
            async with transaction(pool, workspace_id, read_only=True, limits=LIMITS) as connection:
                desk = await open_session(connection, workspace_id, None, jobs, shelf)
                known = {each.assignment_id for each in desk.found.replays.values() if each.assignment_id}
                told = await current_leads.answers(connection, workspace_id, sorted(known)) if known else {}
                return DryRun(desk, plugin_calls, told)
        except CompileFirst as missing:
            await missing.fetch(workspace_id, shelf)


def _told(desk: DecisionSession, answer: Answer) -> Answer:
    body = {**orjson.loads(answer.body), **_NOT_YET}
    if body["lead_id"] not in desk.booking.stored:
        body["lead_id"] = None
    return Answer(200, orjson.dumps(body))
