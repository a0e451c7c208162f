"""Accounts that were stored before they could be found by name."""

from app.directory.account_names import name_slice
from app.store.connection.pool import Pool
from app.store.life.agenda import Agenda


class AccountNames:
    """Adds the names of accounts, a slice at a time."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    def is_due(self, agenda: Agenda) -> bool:
        """Whether there may be accounts without names."""
        return agenda.account_names

    async def run(self, agenda: Agenda) -> bool:
        """Add the names of one slice. Returns whether there may be more."""
        return await name_slice(self._pool, agenda.workspace_id)
