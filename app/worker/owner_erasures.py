"""Erased owners are replaced in the history, slice by slice."""

from app.privacy.owner_erasure import FetchPlan, OwnerHistory
from app.store.connection.pool import Pool
from app.store.life.agenda import Agenda


class OwnerErasures:
    """Carries out the erasures of owners, each where it was left."""

    def __init__(self, pool: Pool, fetch_plan: FetchPlan) -> None:
        self._pool = pool
        self._fetch_plan = fetch_plan
        self._at_work: dict[int, OwnerHistory] = {}

    def is_due(self, agenda: Agenda) -> bool:
        """Whether an erasure is not done."""
        return agenda.owner_erasure

    async def run(self, agenda: Agenda) -> bool:
        """Do one slice. Returns whether there may be more."""
        workspace_id = agenda.workspace_id
        if workspace_id not in self._at_work:
            self._at_work[workspace_id] = OwnerHistory(self._pool, workspace_id, self._fetch_plan)
        if await self._at_work[workspace_id].run_slice():
            return True
        del self._at_work[workspace_id]
        return False
