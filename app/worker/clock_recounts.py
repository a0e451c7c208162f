"""Clocks that an edit has left to be computed again."""

from app.directory.clock_recounts import recount_slice
from app.store.connection.pool import Pool


class ClockRecounts:
    """Moves the clocks of owners whose working time changed, a slice at a time."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def run(self, workspace_id: int) -> bool:
        """Move one slice. Returns whether there may be more."""
        return await recount_slice(self._pool, workspace_id)
