"""Leads that wait in long queues get their new ranks after a plan with another aging."""

from app.dispatch.dispatcher import Dispatcher
from app.store.connection.pool import Pool, transaction
from app.store.leads.waiting import find_misplaced, update_ranks
from app.store.life.agenda import Agenda
from app.store.path.journal import read_plan_version

SLICE = 500
"""Leads that get their rank under one lock."""


class QueueOrder:
    """Looks once for each version of a plan through the queues, and puts right what its publication left."""

    def __init__(self, pool: Pool, dispatch: Dispatcher) -> None:
        self._pool = pool
        self._dispatch = dispatch
        self._done: dict[int, int] = {}

    def is_due(self, agenda: Agenda) -> bool:
        """Whether this worker has not yet looked through the queues of the active plan."""
        return self._done.get(agenda.workspace_id) != agenda.plan_version

    async def run(self, agenda: Agenda) -> bool:
        """Put one slice of each queue into its order. Returns whether there may be more."""
        workspace_id, version = agenda.workspace_id, agenda.plan_version
        if self._done.get(workspace_id) == version:
            return False
        plan = await self._dispatch.plans.fetch(workspace_id, version)
        left = [
            await self._reorder(workspace_id, version, queue, plan.terms_of(queue).aging)
            for queue in plan.queues
        ]
        if not any(left):
            self._done[workspace_id] = version
        return any(left)

    async def _reorder(self, workspace_id: int, version: int, queue: str, aging: int) -> bool:
        """What waits is found without a lock. Returns whether any lead was out of place."""
        async with transaction(self._pool, workspace_id, read_only=True) as connection:
            found = await find_misplaced(connection, workspace_id, queue, aging, SLICE)
        if found:
            async with transaction(self._pool, workspace_id, lock=True) as connection:
                if await read_plan_version(connection, workspace_id) == version:
                    await update_ranks(connection, workspace_id, queue, aging, found)
        return bool(found)
