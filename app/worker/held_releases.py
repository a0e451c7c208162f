"""Held leads whose time has come are decided."""

from app.dispatch.dispatcher import Dispatcher
from app.dispatch.jobs.base import Reply
from app.dispatch.jobs.release import Release
from app.store.connection.pool import Pool, transaction
from app.store.leads import held
from app.store.life.agenda import Agenda
from app.worker.deferred import Deferred

SLICE = 64
"""Leads released at once, before other requests and workspaces get their turn."""


class HeldReleases:
    """Finds due leads without a lock, and asks dispatch to decide them."""

    def __init__(self, pool: Pool, dispatch: Dispatcher) -> None:
        self._pool = pool
        self._dispatch = dispatch
        self._deferred = Deferred()

    def is_due(self, agenda: Agenda) -> bool:
        """Whether a held lead can be released."""
        return agenda.held_lead

    async def run(self, agenda: Agenda) -> bool:
        """Release one slice of due leads. Returns whether there may be more to release."""
        workspace_id = agenda.workspace_id
        async with transaction(self._pool, workspace_id, read_only=True) as connection:
            due = await held.find_due_releases(connection, workspace_id, SLICE, self._deferred.ids())
        if not due:
            return False
        jobs = [Release(lead_id=each.lead_id, assignment_id=each.assignment_id) for each in due]
        replies = await self._dispatch.ask_all(workspace_id, jobs)
        self._deferred.note(due, replies)
        released = any(isinstance(reply, Reply) and reply.status == 201 for reply in replies)
        return released and len(due) == SLICE
