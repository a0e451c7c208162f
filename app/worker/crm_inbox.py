"""What CRMs and forms have sent is applied, and old deliveries are deleted."""

import time
from collections.abc import Callable
from datetime import datetime

from app.dispatch.dispatcher import Dispatcher
from app.forms.effects import FormEffects
from app.privacy.settings import raw_kept
from app.store.connection.pool import Pool, transaction
from app.store.crm import endpoint_hours, endpoints, inbox_retention
from app.store.forms import inbox as form_inbox
from app.store.forms import records, test_leads
from app.store.life.agenda import Agenda
from app.store.path import arrivals
from app.webhooks.effects import Effects
from app.webhooks.inbox import Inbox
from app.worker.every import Every
from app.worker.watch import clocks_agree

SLICE = 500
"""Rows deleted in one transaction."""
DELETE_EVERY_SECONDS = 300.0
"""How often old deliveries are looked for, in the time of the workspace."""


class CrmInbox:
    """Keeps the inbox of each workspace empty, and short."""

    def __init__(self, pool: Pool, dispatch: Dispatcher, wall: Callable[[], float] = time.time) -> None:
        self._pool = pool
        self._wall = wall
        forms = FormEffects(pool, dispatch)
        self._inbox = Inbox(pool, Effects(pool, dispatch), dispatch.metrics, others=forms)
        self._deleting = Every(DELETE_EVERY_SECONDS)

    def is_due(self, agenda: Agenda) -> bool:
        """Whether an event can be applied, or it is time to delete."""
        return agenda.crm_event or self._is_time_to_delete(agenda)

    async def run(self, agenda: Agenda) -> bool:
        """Apply one slice of events. Returns whether there may be more."""
        workspace_id = agenda.workspace_id
        busy = await self._inbox.run(workspace_id)
        if self._is_time_to_delete(agenda):
            agreed = await clocks_agree(self._pool, self._wall)
            if agreed and await self._delete(workspace_id, agenda.run.now):
                return True
            self._deleting.done(workspace_id, agenda.run.now.timestamp())
        return busy

    def _is_time_to_delete(self, agenda: Agenda) -> bool:
        return self._deleting.is_time(agenda.workspace_id, agenda.run.now.timestamp())

    async def _delete(self, workspace_id: int, now: datetime) -> bool:
        """Delete one slice. Returns whether there may be more."""
        async with transaction(self._pool, workspace_id) as connection:
            kept = await raw_kept(connection, workspace_id)
            bodies = await inbox_retention.drop_old_bodies(connection, workspace_id, SLICE, kept)
            rows = await inbox_retention.delete_old(connection, workspace_id, SLICE)
            await endpoint_hours.delete_old_hours(connection, workspace_id, SLICE)
            ids = await form_inbox.delete_old_ids(connection, workspace_id, SLICE)
            known = await records.delete_old(connection, workspace_id, SLICE)
            came = await arrivals.delete_old_arrivals(connection, workspace_id, now, SLICE)
            tests = await test_leads.delete_old(connection, workspace_id, SLICE)
            for ended in await endpoints.delete_ended(connection, workspace_id):
                await form_inbox.delete_ids_of_endpoint(connection, workspace_id, ended)
        return max(bodies, rows, ids, known, tests, came) >= SLICE
