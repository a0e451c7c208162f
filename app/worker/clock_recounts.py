"""Clocks that an edit, or newer holiday data, has left to be computed again."""

from app.directory.clock_recounts import note_holidays, recount_slice
from app.plan.language.public_holidays import holidays_version
from app.store.connection.pool import Pool
from app.store.life.agenda import Agenda


class ClockRecounts:
    """Moves the clocks of owners whose working time changed, a slice at a time."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._noted: set[int] = set()

    def is_due(self, agenda: Agenda) -> bool:
        """Whether clocks are left to be computed again, or there is other holiday data."""
        if agenda.holidays == holidays_version():
            self._noted.add(agenda.workspace_id)
        unknown = agenda.run.polled_at is not None and agenda.workspace_id not in self._noted
        return agenda.recount or unknown

    async def run(self, agenda: Agenda) -> bool:
        """Move one slice. Returns whether there may be more."""
        workspace_id = agenda.workspace_id
        if workspace_id not in self._noted and await note_holidays(self._pool, workspace_id):
            self._noted.add(workspace_id)
        return await recount_slice(self._pool, workspace_id)
