"""Compiled plans, kept by version: a version never changes, so what is compiled stays right."""

import asyncio
from collections import OrderedDict
from collections.abc import Mapping

from app.dispatch.tables import TableShelf
from app.engine.plan import Plan, Strategy, empty_plan, plan_from
from app.store import plans as store
from app.store.database import Pool

KEPT = 256


class PlanShelf:
    """The plans this process has at hand. Compiling happens here, away from any gate.

    `tables` are those that the plans look something up in.
    """

    def __init__(self, pool: Pool, strategies: Mapping[str, Strategy]) -> None:
        self._pool = pool
        self._strategies = strategies
        self._ready: OrderedDict[tuple[int, int], Plan] = OrderedDict()
        self.tables = TableShelf(pool)

    def at_hand(self, workspace_id: int, version: int) -> Plan | None:
        """The plan if it is compiled already. Version 0 stands for no plan at all."""
        if version == 0:
            return empty_plan()
        plan = self._ready.get((workspace_id, version))
        if plan is not None:
            self._ready.move_to_end((workspace_id, version))
        return plan

    async def fetch(self, workspace_id: int, version: int) -> Plan:
        """The plan, read and compiled if need be.

        Raises LookupError when the workspace has no such version.
        """
        plan = self.at_hand(workspace_id, version)
        if plan is None:
            document = await store.document(self._pool, workspace_id, version)
            plan = await asyncio.to_thread(plan_from, document, version, self._strategies)
            self._ready[workspace_id, version] = plan
            while len(self._ready) > KEPT:
                self._ready.popitem(last=False)
        return plan
