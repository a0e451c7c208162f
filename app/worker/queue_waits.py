"""Waits in queues that took too long, claims whose lease has ended, and handoffs to be tried again."""

from collections.abc import Mapping

from app.dispatch.dispatcher import Dispatcher
from app.dispatch.jobs.base import Job, Reply
from app.dispatch.jobs.end_lease import EndLease
from app.dispatch.jobs.leave_queue import LeaveQueue
from app.dispatch.jobs.retry_handoff import RetryHandoff
from app.store.connection.pool import Pool, transaction
from app.store.life import due_clocks
from app.store.life.agenda import Agenda
from app.store.life.due_clocks import DueClock
from app.worker.deferred import Deferred

SLICE = 64
"""Clocks looked at in one go, before other requests and workspaces get their turn."""
JOBS: Mapping[str, type[EndLease] | type[LeaveQueue] | type[RetryHandoff]] = {
    "lease": EndLease,
    "max_wait": LeaveQueue,
    "handoff": RetryHandoff,
}
"""What is done, by the kind of the clock."""


class QueueWaits:
    """Finds due clocks of these kinds without a lock, and asks dispatch to act on them."""

    def __init__(self, pool: Pool, dispatch: Dispatcher) -> None:
        self._pool = pool
        self._dispatch = dispatch
        self._deferred = Deferred()

    def is_due(self, agenda: Agenda) -> bool:
        """Whether the time of a clock has come."""
        return agenda.clock

    async def run(self, agenda: Agenda) -> bool:
        """Act on one slice of due clocks. Returns whether there may be more."""
        workspace_id = agenda.workspace_id
        async with transaction(self._pool, workspace_id, read_only=True) as connection:
            due = await due_clocks.find_due_queue_clocks(
                connection, workspace_id, SLICE, self._deferred.ids()
            )
        if not due:
            return False
        replies = await self._dispatch.ask_all(workspace_id, [_job(each) for each in due])
        self._deferred.note(due, replies)
        moved = any(isinstance(reply, Reply) and reply.status != 204 for reply in replies)
        return moved and len(due) == SLICE


def _job(due: DueClock) -> Job:
    return JOBS[due.kind](lead_id=due.lead_id, assignment_id=due.assignment_id)
