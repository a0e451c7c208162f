"""Compiled plans, kept by version: a version never changes, so what is compiled stays right."""

import asyncio
from collections import OrderedDict
from collections.abc import Mapping
from contextlib import suppress

from app.dispatch.table_cache import TableCache
from app.engine.compile.plan import Plan, Strategy, empty_plan, plan_from
from app.store import plans as store
from app.store.connection.pool import Pool

MAX_PLANS = 256


class PlanCache:
    """The plans this process has at hand. Compiling happens here, away from any gate.

    `tables` are those that the plans look something up in.
    """

    def __init__(self, pool: Pool, strategies: Mapping[str, Strategy]) -> None:
        self._pool = pool
        self._strategies = strategies
        self._ready: OrderedDict[tuple[int, int], Plan] = OrderedDict()
        self.tables = TableCache(pool)
        self._making: dict[tuple[int, int], asyncio.Task[Plan]] = {}
        self._looked: dict[int, int] = {}
        self._looking: set[asyncio.Task[None]] = set()

    def get_ready(self, workspace_id: int, version: int) -> Plan | None:
        """The plan if it is compiled already. Version 0 stands for no plan at all."""
        if version == 0:
            return empty_plan()
        plan = self._ready.get((workspace_id, version))
        if plan is not None:
            self._ready.move_to_end((workspace_id, version))
        return plan

    async def fetch(self, workspace_id: int, version: int) -> Plan:
        """The plan, read and compiled if need be; those who ask meanwhile wait for the same.

        Raises LookupError when the workspace has no such version.
        """
        plan = self.get_ready(workspace_id, version)
        if plan is not None:
            return plan
        making = self._making.get((workspace_id, version))
        if making is None:
            making = asyncio.create_task(self._make(workspace_id, version))
            self._making[workspace_id, version] = making
        return await asyncio.shield(making)

    def look_ahead(self, workspace_id: int, directory_version: int) -> None:
        """Make the newest version ready, published or not, if the directory has changed: a draft changes it.

        So a process that decides for this workspace has a version at hand, as a rule, when it is published.
        """
        if self._looked.get(workspace_id) != directory_version:
            self._looked[workspace_id] = directory_version
            looking = asyncio.create_task(self._fetch_newest(workspace_id))
            self._looking.add(looking)
            looking.add_done_callback(self._looking.discard)

    async def _make(self, workspace_id: int, version: int) -> Plan:
        try:
            document = await store.document(self._pool, workspace_id, version)
            plan = await asyncio.to_thread(plan_from, document, version, self._strategies)
        finally:
            del self._making[workspace_id, version]
        self._ready[workspace_id, version] = plan
        while len(self._ready) > MAX_PLANS:
            self._ready.popitem(last=False)
        return plan

    async def _fetch_newest(self, workspace_id: int) -> None:
        # Nobody waits for this: whatever fails is told where the version is asked for.
        with suppress(Exception):
            await self.fetch(workspace_id, await store.newest(self._pool, workspace_id))
