"""Clocks that an edit, or newer holiday data, has left to be computed again."""

from app.directory.clock_recounts import note_holidays, recount_slice
from app.store.connection.pool import Pool


class ClockRecounts:
    """Moves the clocks of owners whose working time changed, a slice at a time."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._noted: set[int] = set()

    async def run(self, workspace_id: int) -> bool:
        """Move one slice. Returns whether there may be more."""
        if workspace_id not in self._noted and await note_holidays(self._pool, workspace_id):
            self._noted.add(workspace_id)
        return await recount_slice(self._pool, workspace_id)
