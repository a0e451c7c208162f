"""Fetches leads of which a form tool told only the ids.

Fetching takes as long as a tool takes. So each endpoint has a task of its own in this process, and the duty
only starts these tasks.
"""

import asyncio
from functools import partial

import structlog

from app.forms.fetch.fetcher import Fetcher
from app.logs import to_json
from app.store.connection.pool import Pool, transaction
from app.store.forms import fetches
from app.store.life.agenda import Agenda

MAX_TASKS = 100
"""Leads of so many endpoints are fetched at once."""

log = structlog.get_logger()


class FormFetches:
    """Keeps a task for each endpoint for which something can be fetched."""

    def __init__(self, pool: Pool, fetcher: Fetcher) -> None:
        self._pool = pool
        self._fetcher = fetcher
        self._tasks: dict[tuple[int, str], asyncio.Task[None]] = {}

    def is_due(self, agenda: Agenda) -> bool:
        """Whether the workspace has a token to fetch with."""
        return agenda.form_tokens

    async def run(self, agenda: Agenda) -> bool:
        """Start what fetches. Returns False: the tasks do the rest."""
        async with transaction(self._pool, agenda.workspace_id, read_only=True) as connection:
            due = await fetches.list_due_endpoints(connection, agenda.workspace_id)
        for endpoint_id in due:
            key = agenda.workspace_id, endpoint_id
            if key not in self._tasks and len(self._tasks) < MAX_TASKS:
                task = asyncio.create_task(self._fetcher.fetch_all(*key), name="fetch")
                self._tasks[key] = task
                task.add_done_callback(partial(self._ended, key))
        return False

    async def close(self) -> None:
        """Stop fetching. What was under way is fetched again, by this process or another, after a while."""
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _ended(self, key: tuple[int, str], task: asyncio.Task[None]) -> None:
        self._tasks.pop(key, None)
        error = None if task.cancelled() else task.exception()
        if error is not None:
            log.warning("fetching stopped", **to_json(error))
