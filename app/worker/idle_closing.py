"""Leads on which nobody works are closed, where the plan says so."""

from app.dispatch.dispatcher import Dispatcher
from app.dispatch.jobs.base import Reply
from app.dispatch.jobs.close_idle import CloseIdle
from app.store.connection.pool import Connection, Pool, transaction
from app.store.leads import idle
from app.store.leads.idle import IdleTerms
from app.store.life.agenda import Agenda
from app.worker.deferred import Deferred

SLICE = 64
"""Leads closed at once, before other requests and workspaces get their turn."""


class IdleClosing:
    """Finds idle leads without a lock, and asks dispatch to close them."""

    def __init__(self, pool: Pool, dispatch: Dispatcher) -> None:
        self._pool = pool
        self._dispatch = dispatch
        self._deferred = Deferred()
        self._terms: dict[int, tuple[int, IdleTerms | None]] = {}

    def is_due(self, agenda: Agenda) -> bool:
        """Whether the active plan closes idle leads, as far as this worker knows."""
        known = self._terms.get(agenda.workspace_id)
        return known is None or known[0] != agenda.plan_version or known[1] is not None

    async def run(self, agenda: Agenda) -> bool:
        """Close one slice of idle leads. Returns whether there may be more."""
        workspace_id = agenda.workspace_id
        async with transaction(self._pool, workspace_id, read_only=True) as connection:
            terms = await self._terms_of(connection, workspace_id, agenda.plan_version)
            if terms is None:
                return False
            due = await idle.find_idle_leads(connection, workspace_id, terms, SLICE, self._deferred.ids())
        if not due:
            return False
        jobs = [
            CloseIdle(lead_id=each.lead_id, assignment_id=each.assignment_id, since=terms.since)
            for each in due
        ]
        replies = await self._dispatch.ask_all(workspace_id, jobs)
        self._deferred.note(due, replies)
        closed = any(isinstance(reply, Reply) and reply.status == 200 for reply in replies)
        return closed and len(due) == SLICE

    async def _terms_of(self, connection: Connection, workspace_id: int, version: int) -> IdleTerms | None:
        """What this version of the plan says. It is read once."""
        known = self._terms.get(workspace_id)
        if known is None or known[0] != version:
            known = self._terms[workspace_id] = (
                version,
                await idle.find_terms(connection, workspace_id, version),
            )
        return known[1]
