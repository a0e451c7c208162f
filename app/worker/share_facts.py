"""What each row of the ledgers means, for the report about fairness."""

import time

from app.reports.share_facts import fill_share_facts
from app.store.connection.pool import Pool
from app.store.life.agenda import Agenda
from app.worker.every import Every
from app.worker.report_facts import EVERY_SECONDS, is_calm


class ShareFacts:
    """Computes the facts of rows of ledgers that have none yet."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._every = Every(EVERY_SECONDS)

    def is_due(self, agenda: Agenda) -> bool:
        """Whether there are such rows, and have been for a while."""
        return agenda.shares and self._every.is_time(agenda.workspace_id, time.monotonic())

    async def run(self, agenda: Agenda) -> bool:
        """Compute one slice. Returns whether there is time for more, if there may be."""
        more = await fill_share_facts(self._pool, agenda.workspace_id) and is_calm()
        if not more:
            self._every.done(agenda.workspace_id, time.monotonic())
        return more
