"""Leads in queues with `release: shift` go to the members who come on shift or become free."""

import time

from app.dispatch.dispatcher import Dispatcher
from app.dispatch.jobs.base import Reply
from app.dispatch.jobs.release_waiting import NOBODY_FREE, ReleaseWaiting
from app.store.connection.pool import Pool, transaction
from app.store.leads.waiting import Place, list_waiting
from app.store.life.agenda import Agenda

SLICE = 20
"""Leads offered at once, before new ones get their turn."""
PAUSE_SECONDS = 2.0
"""A queue whose team has nobody free is looked at again after this time; new leads look at once."""
Queue = tuple[int, str]


class ShiftReleases:
    """Offers the waiting leads of each such queue in their order, slice by slice.

    A slice that nobody can take is followed by the next one, so that it does not keep back those behind it.
    """

    def __init__(self, pool: Pool, dispatch: Dispatcher) -> None:
        self._pool = pool
        self._dispatch = dispatch
        self._after: dict[Queue, Place] = {}
        self._paused: dict[Queue, float] = {}

    def is_due(self, agenda: Agenda) -> bool:
        """Whether the active plan releases the leads of a queue, as far as this process knows."""
        plan = self._dispatch.plans.get_ready(agenda.workspace_id, agenda.plan_version)
        return plan is None or bool(plan.releasing_queues)

    async def run(self, agenda: Agenda) -> bool:
        """Offer one slice of each queue. Returns whether there may be more to offer."""
        workspace_id = agenda.workspace_id
        plan = await self._dispatch.plans.fetch(workspace_id, agenda.plan_version)
        busy = False
        for name in plan.releasing_queues:
            if self._paused.get((workspace_id, name), 0.0) <= time.monotonic():
                busy |= await self._offer(workspace_id, name)
        return busy

    async def _offer(self, workspace_id: int, name: str) -> bool:
        key = (workspace_id, name)
        async with transaction(self._pool, workspace_id, read_only=True) as connection:
            found = await list_waiting(connection, workspace_id, name, SLICE, self._after.pop(key, None))
        if not found:
            return False
        jobs = [ReleaseWaiting(lead_id=each.lead_id, assignment_id=each.assignment_id) for each in found]
        replies = await self._dispatch.ask_all(workspace_id, jobs)
        moved = any(isinstance(reply, Reply) and reply.status == 201 for reply in replies)
        if not moved and any(
            isinstance(reply, Reply) and reply.body == NOBODY_FREE.body for reply in replies
        ):
            self._paused[key] = time.monotonic() + PAUSE_SECONDS
        elif not moved and len(found) == SLICE:
            self._after[key] = found[-1].place
        return moved and len(found) == SLICE
