"""Leads that were decided without a provider, and whose time to be decided again has come."""

from app.dispatch.dispatcher import Dispatcher
from app.dispatch.jobs.base import Reply
from app.dispatch.jobs.recheck import Recheck
from app.intake.arrival import IncomingLead
from app.store.connection.pool import Pool, transaction
from app.store.leads.current_leads import CurrentLead, find_leads
from app.store.life import due_clocks
from app.store.life.agenda import Agenda
from app.store.life.due_clocks import DueClock
from app.worker.deferred import Deferred

SLICE = 16
"""Leads in one go, before other workspaces get their turn: providers are asked about them."""


class Rechecks:
    """Finds due clocks of this kind without a lock, and asks dispatch to decide their leads again."""

    def __init__(self, pool: Pool, dispatch: Dispatcher) -> None:
        self._pool = pool
        self._dispatch = dispatch
        self._deferred = Deferred()

    def is_due(self, agenda: Agenda) -> bool:
        """Whether the time of a clock has come."""
        return agenda.clock

    async def run(self, agenda: Agenda) -> bool:
        """Decide one slice of leads. Returns whether there may be more."""
        workspace_id = agenda.workspace_id
        async with transaction(self._pool, workspace_id, read_only=True) as connection:
            due = await due_clocks.find_due_rechecks(connection, workspace_id, SLICE, self._deferred.ids())
            if not due:
                return False
            leads = await find_leads(connection, workspace_id, [each.lead_id for each in due])
        jobs = [
            Recheck(lead_id=each.lead_id, assignment_id=each.assignment_id, incoming=_incoming(lead, each))
            for each in due
            if (lead := leads.get(each.lead_id)) is not None
        ]
        replies = await self._dispatch.ask_all(workspace_id, jobs)
        self._deferred.note(jobs, replies)
        return len(due) == SLICE and any(isinstance(reply, Reply) for reply in replies)


def _incoming(lead: CurrentLead, due: DueClock) -> IncomingLead | None:
    """A stored lead as preparers see one that arrives. Nobody is asked about one that was touched."""
    prior = lead.prior
    if prior.assignment_id != due.assignment_id or (prior.touched_at or prior.active_at) is not None:
        return None
    return IncomingLead(dict(lead.values), (), (), (), dict(lead.normalized))
