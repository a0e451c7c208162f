"""What a workspace no longer keeps is deleted, slice by slice."""

import time
from collections.abc import Callable

import structlog

from app.dispatch.failures import CONTENTION_ERRORS, error_summary, is_database_error
from app.errors import WorkspaceDeleted
from app.privacy.retention import delete_old_leads, delete_old_rows
from app.store.connection.pool import Pool
from app.store.life.agenda import Agenda
from app.worker.every import Every
from app.worker.watch import clocks_agree

log = structlog.get_logger()
EVERY_SECONDS = 3600.0
"""How often each workspace is looked through, in its own time."""


class Retention:
    """Deletes old data. A run that is done is not begun again within the hour.

    What is deleted is gone for good. So it waits while a clock is wrong: `wall` is that of the process.
    """

    def __init__(self, pool: Pool, wall: Callable[[], float] = time.time) -> None:
        self._pool = pool
        self._wall = wall
        self._every = Every(EVERY_SECONDS)

    def is_due(self, agenda: Agenda) -> bool:
        """Whether the last complete run is an hour old."""
        return self._every.is_time(agenda.workspace_id, agenda.run.now.timestamp())

    async def run(self, agenda: Agenda) -> bool:
        """Delete one slice. Returns whether there may be more."""
        workspace_id = agenda.workspace_id
        if not await clocks_agree(self._pool, self._wall):
            log.error("retention waits for the clock", workspace_id=workspace_id)
            self._every.done(workspace_id, agenda.run.now.timestamp())
            return False
        complete, busy = True, False
        try:
            busy = await delete_old_rows(self._pool, workspace_id)
        except Exception as error:
            if is_database_error(error) or isinstance(error, (WorkspaceDeleted, *CONTENTION_ERRORS)):
                raise
            complete = False
            log.error("retention failed", workspace_id=workspace_id, **error_summary(error))
        if await delete_old_leads(self._pool, workspace_id, complete=complete) or busy:
            return True
        self._every.done(workspace_id, agenda.run.now.timestamp())
        return False
