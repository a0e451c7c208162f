"""What a workspace no longer keeps is deleted, slice by slice."""

import structlog

from app.dispatch.failures import CONTENTION_ERRORS, error_summary, is_database_error
from app.errors import WorkspaceDeleted
from app.privacy.retention import delete_old_leads, delete_old_rows
from app.store.connection.pool import Pool
from app.store.life.agenda import Agenda
from app.worker.every import Every

log = structlog.get_logger()
EVERY_SECONDS = 3600.0
"""How often each workspace is looked through, in its own time."""


class Retention:
    """Deletes old data. A run that is done is not begun again within the hour."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._every = Every(EVERY_SECONDS)

    def is_due(self, agenda: Agenda) -> bool:
        """Whether the last complete run is an hour old."""
        return self._every.is_time(agenda.workspace_id, agenda.run.now.timestamp())

    async def run(self, agenda: Agenda) -> bool:
        """Delete one slice. Returns whether there may be more."""
        workspace_id = agenda.workspace_id
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
