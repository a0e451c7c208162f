"""Owners who miss deadlines are looked at, and paused if they missed too many in a row."""

from app.directory.pauses import judge_misses
from app.store.connection.pool import Pool, transaction
from app.store.life import strikes
from app.store.life.agenda import Agenda

SLICE = 20
"""Owners looked at in one go."""


class OwnerPauses:
    """Finds owners with new misses without a lock; each is then looked at under it."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    def is_due(self, agenda: Agenda) -> bool:
        """Whether an owner has a new miss."""
        return agenda.strike

    async def run(self, agenda: Agenda) -> bool:
        """Look at a few owners. Returns whether there may be more."""
        workspace_id = agenda.workspace_id
        async with transaction(self._pool, workspace_id, read_only=True) as connection:
            owners = await strikes.find_struck_owners(connection, workspace_id, SLICE * 50)
        for owner_id in owners[:SLICE]:
            await judge_misses(self._pool, workspace_id, owner_id)
        return len(owners) > SLICE
