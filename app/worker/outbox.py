"""Actions become available when their time has come, and die or expire when nobody executes them."""

import time

from app.outbox import upkeep
from app.store.connection.pool import Pool
from app.store.life.agenda import Agenda
from app.worker.every import Every

CLEAR_EVERY_SECONDS = 5.0
"""How often leases that ended for good, and expired actions, are looked for."""


class Outbox:
    """Keeps the outbox of each workspace in step with its time."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._clearing = Every(CLEAR_EVERY_SECONDS)

    def is_due(self, agenda: Agenda) -> bool:
        """Whether the time of an action has come, or it is time to clear."""
        return agenda.waiting_action or self._clearing.is_time(agenda.workspace_id, time.monotonic())

    async def run(self, agenda: Agenda) -> bool:
        """Do one slice of what is due. Returns whether there may be more."""
        workspace_id = agenda.workspace_id
        busy = await upkeep.make_available(self._pool, workspace_id)
        now = time.monotonic()
        if self._clearing.is_time(workspace_id, now):
            if await upkeep.clear(self._pool, workspace_id):
                return True
            self._clearing.done(workspace_id, now)
        return busy
