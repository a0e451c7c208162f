"""Facts for reports follow the decisions and events, a slice at a time."""

import time

from app.pace import long_work
from app.reports.upkeep import FactUpkeep
from app.store.connection.pool import Pool
from app.store.life.agenda import Agenda
from app.worker.every import Every

EVERY_SECONDS = 5.0
"""What happens to a lead within so long is counted at once. A report that is asked does not wait for it."""
CALM_SECONDS = 1.0
"""A process that has decided a single call within so long makes one slice at a time, and the rest later."""


class ReportFacts:
    """Makes the facts of leads that changed."""

    def __init__(self, pool: Pool) -> None:
        self._upkeep = FactUpkeep(pool)
        self._every = Every(EVERY_SECONDS)

    def is_due(self, agenda: Agenda) -> bool:
        """Whether facts are behind, and have been for a while."""
        return agenda.facts and self._every.is_time(agenda.workspace_id, time.monotonic())

    async def run(self, agenda: Agenda) -> bool:
        """Make one slice. Returns whether there is time for more, if there may be."""
        more = await self._upkeep.make_slice(agenda.workspace_id) and is_calm()
        if not more:
            self._every.done(agenda.workspace_id, time.monotonic())
        return more


def is_calm() -> bool:
    """Whether this process has time for facts: nobody waits for a decision, or has just done so."""
    return long_work().calm_seconds >= CALM_SECONDS
