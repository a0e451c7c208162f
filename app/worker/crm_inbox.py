"""What CRMs have sent is applied, and old deliveries are deleted."""

from datetime import datetime, timedelta

from app.dispatch.dispatcher import Dispatcher
from app.privacy.settings import raw_kept
from app.store.connection.pool import Pool, transaction
from app.store.crm import endpoint_hours, inbox_retention
from app.store.life.agenda import Agenda
from app.webhooks.effects import Effects
from app.webhooks.inbox import Inbox

SLICE = 500
"""Rows deleted in one transaction."""
DELETE_EVERY = timedelta(minutes=5)
"""How often old deliveries are looked for, in the time of the workspace."""


class CrmInbox:
    """Keeps the inbox of each workspace empty, and short."""

    def __init__(self, pool: Pool, dispatch: Dispatcher) -> None:
        self._pool = pool
        self._inbox = Inbox(pool, Effects(pool, dispatch), dispatch.metrics)
        self._delete_next: dict[int, datetime] = {}
        self._now: dict[int, datetime] = {}

    def is_due(self, agenda: Agenda) -> bool:
        """Whether an event can be applied, or it is time to delete."""
        self._now[agenda.workspace_id] = agenda.run.now
        return agenda.crm_event or self._is_time_to_delete(agenda.workspace_id)

    async def run(self, workspace_id: int) -> bool:
        """Apply one slice of events. Returns whether there may be more."""
        busy = await self._inbox.run(workspace_id)
        if self._is_time_to_delete(workspace_id):
            if await self._delete(workspace_id):
                return True
            now = self._now.get(workspace_id)
            if now is not None:
                self._delete_next[workspace_id] = now + DELETE_EVERY
        return busy

    def _is_time_to_delete(self, workspace_id: int) -> bool:
        due, now = self._delete_next.get(workspace_id), self._now.get(workspace_id)
        # In development the time can be set back.
        return due is None or now is None or now >= due or now < due - 2 * DELETE_EVERY

    async def _delete(self, workspace_id: int) -> bool:
        """Delete one slice. Returns whether there may be more."""
        async with transaction(self._pool, workspace_id) as connection:
            kept = await raw_kept(connection, workspace_id)
            bodies = await inbox_retention.drop_old_bodies(connection, workspace_id, SLICE, kept)
            rows = await inbox_retention.delete_old(connection, workspace_id, SLICE)
            await endpoint_hours.delete_old_hours(connection, workspace_id, SLICE)
        return max(bodies, rows) >= SLICE
