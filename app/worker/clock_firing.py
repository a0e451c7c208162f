"""SLA clocks whose time has come are looked at."""

from collections import Counter

from app.dispatch.dispatcher import Dispatcher
from app.dispatch.jobs.base import Reply
from app.dispatch.jobs.fire_clock import FireClock
from app.store.connection.pool import Pool, transaction
from app.store.crm import inbox
from app.store.life import due_clocks
from app.store.life.agenda import Agenda
from app.worker.deferred import Deferred
from app.worker.downtime import Downtime

SLICE = 64
"""Clocks looked at in one go, before other requests and workspaces get their turn."""


class ClockFiring:
    """Finds due clocks without a lock, and asks dispatch to look at them."""

    def __init__(self, pool: Pool, dispatch: Dispatcher) -> None:
        self._pool = pool
        self._dispatch = dispatch
        self._deferred = Deferred()
        self._downtime = Downtime(pool)

    def is_due(self, agenda: Agenda) -> bool:
        """Whether the time of a clock has come, or the run of this worker must be noted."""
        return self._downtime.must_note(agenda.workspace_id, agenda.run) or agenda.clock

    async def run(self, agenda: Agenda) -> bool:
        """Look at one slice of due clocks. Returns whether there may be more."""
        workspace_id = agenda.workspace_id
        over, gap = await self._downtime.is_over(workspace_id, agenda.run)
        if not over:
            return False
        async with transaction(self._pool, workspace_id, read_only=True) as connection:
            # What a CRM sent before a clock's time may say that the lead was touched.
            unread = await inbox.find_oldest_unread(connection, workspace_id)
            due = await due_clocks.find_due_sla_clocks(
                connection, workspace_id, SLICE, self._deferred.ids(), unread
            )
        if not due:
            return False
        jobs = [
            FireClock(lead_id=each.lead_id, assignment_id=each.assignment_id, kind=each.kind, gap=gap)
            for each in due
        ]
        replies = await self._dispatch.ask_all(workspace_id, jobs)
        self._deferred.note(due, replies)
        done = Counter(
            reply.body.decode() for reply in replies if isinstance(reply, Reply) and reply.status == 200
        )
        self._dispatch.metrics.clocks_fired(done, (each.late for each in due))
        return bool(done) and len(due) == SLICE
