"""What a workspace no longer keeps is deleted, slice by slice."""

from datetime import datetime, timedelta

import structlog

from app.dispatch.failures import error_summary, is_database_error
from app.privacy.retention import delete_old_leads, delete_old_rows
from app.store.connection.pool import Pool
from app.store.life.agenda import Agenda

log = structlog.get_logger()
EVERY = timedelta(hours=1)
"""How often each workspace is looked through, in its own time."""


class Retention:
    """Deletes old data. A run that is done is not begun again within the hour."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._next: dict[int, datetime] = {}
        self._now: dict[int, datetime] = {}

    def is_due(self, agenda: Agenda) -> bool:
        """Whether the last complete run is an hour old."""
        self._now[agenda.workspace_id] = agenda.run.now
        due = self._next.get(agenda.workspace_id)
        return due is None or agenda.run.now >= due or agenda.run.now < due - 2 * EVERY

    async def run(self, workspace_id: int) -> bool:
        """Delete one slice. Returns whether there may be more."""
        complete, busy = True, False
        try:
            busy = await delete_old_rows(self._pool, workspace_id)
        except Exception as error:
            if is_database_error(error):
                raise
            complete = False
            log.error("retention failed", workspace_id=workspace_id, **error_summary(error))
        if await delete_old_leads(self._pool, workspace_id, complete=complete) or busy:
            return True
        now = self._now.get(workspace_id)
        if now is not None:
            self._next[workspace_id] = now + EVERY
        return False
