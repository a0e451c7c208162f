"""Moves the leads of owners on leave to their covers, and back when they return."""

import time

from app.directory import leave_moves
from app.directory.leave_moves import Leads
from app.store.connection.pool import Pool, transaction
from app.store.leads import leave
from app.store.leads.leave import DueMove
from app.store.life.agenda import Agenda

RETRY_SECONDS = 60.0
"""Leads that a job could not move are tried again after this time."""


class Leave:
    """Finds owners whose leads are due to move without a lock, and makes a bulk job for each."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._started: dict[tuple[int, DueMove], tuple[Leads, float]] = {}

    def is_due(self, agenda: Agenda) -> bool:
        """Whether anybody's leads move while they are on leave."""
        return agenda.leave

    async def run(self, agenda: Agenda) -> bool:
        """Make the jobs that are due. Another duty runs them."""
        workspace_id = agenda.workspace_id
        async with transaction(self._pool, workspace_id, read_only=True) as connection:
            due = await leave.find_due_moves(connection, workspace_id)
        started = [await self._start(workspace_id, each) for each in due]
        return any(started)

    async def _start(self, workspace_id: int, due: DueMove) -> bool:
        """Make one job, unless the last one had the same leads and left them where they are."""
        last, until = self._started.get((workspace_id, due), ((), 0.0))
        if time.monotonic() < until:
            return False
        leads = await leave_moves.start(self._pool, workspace_id, due)
        if not leads:
            return False
        retry = time.monotonic() + RETRY_SECONDS if leads == last else 0.0
        self._started[workspace_id, due] = (leads, retry)
        return True
