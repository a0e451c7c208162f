"""Actions become available when their time has come, and die or expire when nobody executes them."""

import time

from app.outbox import upkeep
from app.store.connection.pool import Pool
from app.store.life.agenda import Agenda

CLEAR_EVERY_SECONDS = 5.0
"""How often leases that ended for good, and expired actions, are looked for."""


class Outbox:
    """Keeps the outbox of each workspace in step with its time."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._clear_next: dict[int, float] = {}

    def is_due(self, agenda: Agenda) -> bool:
        """Whether the time of an action has come, or it is time to clear."""
        return agenda.waiting_action or time.monotonic() >= self._clear_next.get(agenda.workspace_id, 0.0)

    async def run(self, workspace_id: int) -> bool:
        """Do one slice of what is due. Returns whether there may be more."""
        busy = await upkeep.make_available(self._pool, workspace_id)
        now = time.monotonic()
        if now >= self._clear_next.get(workspace_id, 0.0):
            if await upkeep.clear(self._pool, workspace_id):
                return True
            self._clear_next[workspace_id] = now + CLEAR_EVERY_SECONDS
        return busy
