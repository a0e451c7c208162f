"""Actions become available when their time has come, and die or expire when nobody executes them."""

import time

from app.outbox import upkeep
from app.store.connection.pool import Pool

CLEAR_EVERY_SECONDS = 5.0
"""How often leases that ended for good, and expired actions, are looked for."""


class Outbox:
    """Keeps the outbox of each workspace in step with its time."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._clear_next: dict[int, float] = {}

    async def run(self, workspace_id: int) -> bool:
        """Do one slice of what is due. Returns whether there may be more."""
        busy = await upkeep.make_available(self._pool, workspace_id)
        now = time.monotonic()
        if now >= self._clear_next.get(workspace_id, 0.0):
            if await upkeep.clear(self._pool, workspace_id):
                return True
            self._clear_next[workspace_id] = now + CLEAR_EVERY_SECONDS
        return busy
