"""Fetches leads of which a form tool told only the ids.

Fetching takes as long as a tool takes. So each endpoint has a task of its own in this process, and the duty
only starts these tasks.
"""

from app.forms.fetch.fetcher import Fetcher
from app.store.connection.pool import Pool, transaction
from app.store.forms import fetches
from app.store.life.agenda import Agenda
from app.worker.keyed_tasks import KeyedTasks

MAX_TASKS = 100
"""Leads of so many endpoints are fetched at once."""


class FormFetches:
    """Keeps a task for each endpoint for which something can be fetched."""

    def __init__(self, pool: Pool, fetcher: Fetcher) -> None:
        self._pool = pool
        self._fetcher = fetcher
        self._tasks = KeyedTasks("fetch", MAX_TASKS, "fetching stopped")

    def is_due(self, agenda: Agenda) -> bool:
        """Whether the workspace has a token to fetch with."""
        return agenda.form_tokens

    async def run(self, agenda: Agenda) -> bool:
        """Start what fetches. Returns False: the tasks do the rest."""
        async with transaction(self._pool, agenda.workspace_id, read_only=True) as connection:
            due = await fetches.list_due_endpoints(connection, agenda.workspace_id)
        for endpoint_id in due:
            self._tasks.start((agenda.workspace_id, endpoint_id), self._fetcher.fetch_all)
        return False

    async def close(self) -> None:
        """Stop fetching. What was under way is fetched again, by this process or another, after a while."""
        await self._tasks.close()
