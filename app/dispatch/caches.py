"""Compiled plans and tables. Neither goes stale: a plan version and a table revision never change."""

import asyncio
from collections import OrderedDict
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress

from app.engine.compile.plan import Plan, Strategy, empty_plan, plan_from
from app.engine.lookup.tables import NO_TABLES, CompiledTable, PreparedTables, TableRef, Tables, compile_table
from app.engine.model.directory import Directory
from app.pace import Threads
from app.plan.language.columns import MatchOn
from app.store import plans
from app.store.connection.pool import Pool, transaction
from app.store.directory import tables
from app.store.directory.tables import StoredTable

MAX_PLANS = 256
MAX_COMPILED_AT_ONCE = 2
MAX_ROWS = 500_000
"""Rows kept compiled, at some 150 bytes each. The tables of a single plan may have more."""


class PlanCache:
    """The plans that are compiled in this process. Compiling never happens under a workspace lock."""

    def __init__(self, pool: Pool, strategies: Mapping[str, Strategy]) -> None:
        self._pool = pool
        self._strategies = strategies
        self._ready: OrderedDict[tuple[int, int], Plan] = OrderedDict()
        self._threads = Threads(MAX_COMPILED_AT_ONCE)
        self.tables = TableCache(pool, self._threads)
        self._compiling: dict[tuple[int, int], asyncio.Task[Plan]] = {}
        self._prepared: dict[int, int] = {}
        self._preparing: set[asyncio.Task[None]] = set()

    def get_ready(self, workspace_id: int, version: int) -> Plan | None:
        """The plan if it is compiled. Version 0 is the empty plan."""
        if version == 0:
            return empty_plan()
        plan = self._ready.get((workspace_id, version))
        if plan is not None:
            self._ready.move_to_end((workspace_id, version))
        return plan

    async def fetch(self, workspace_id: int, version: int) -> Plan:
        """The plan, read and compiled if necessary, once for all who ask at the same time.

        Raises LookupError when the workspace has no such version.
        """
        plan = self.get_ready(workspace_id, version)
        if plan is not None:
            return plan
        task = self._compiling.get((workspace_id, version))
        if task is None:
            task = asyncio.create_task(self._compile(workspace_id, version))
            self._compiling[workspace_id, version] = task
        return await asyncio.shield(task)

    def prepare_newest(self, workspace_id: int, directory_version: int) -> None:
        """Compile the newest version, published or not, whenever the directory has changed.

        A new draft changes the directory, so a draft is usually compiled here before it is published.
        """
        if self._prepared.get(workspace_id) != directory_version:
            self._prepared[workspace_id] = directory_version
            task = asyncio.create_task(self._fetch_newest(workspace_id))
            self._preparing.add(task)
            task.add_done_callback(self._preparing.discard)

    async def _compile(self, workspace_id: int, version: int) -> Plan:
        try:
            document = await plans.read_document(self._pool, workspace_id, version)
            plan = await self._threads.run(workspace_id, plan_from, document, version, self._strategies)
        finally:
            del self._compiling[workspace_id, version]
        self._ready[workspace_id, version] = plan
        while len(self._ready) > MAX_PLANS:
            self._ready.popitem(last=False)
        return plan

    async def _fetch_newest(self, workspace_id: int) -> None:
        # Nobody waits for this; an error is raised again where the version is needed.
        with suppress(Exception):
            await self.fetch(workspace_id, await plans.newest_version(self._pool, workspace_id))


class TableCache:
    """The tables that are compiled in this process. Compiling never happens under a workspace lock."""

    def __init__(self, pool: Pool, threads: Threads) -> None:
        self._pool = pool
        self._threads = threads
        self._ready: OrderedDict[tuple[int, str], CompiledTable] = OrderedDict()

    def get_ready(self, workspace_id: int, plan: Plan, directory: Directory) -> Tables | None:
        """The tables of a plan at the revisions of this directory; None when one is not compiled."""
        if not plan.table_refs:
            return NO_TABLES
        found: dict[str, CompiledTable] = {}
        for ref in plan.table_refs.values():
            revision = directory.tables.get(ref.table)
            if revision is None:
                continue
            compiled = self._ready.get((workspace_id, ref.table))
            if compiled is None or compiled.revision != revision or not compiled.has(ref.match_on):
                return None
            found[ref.table] = compiled
            self._ready.move_to_end((workspace_id, ref.table))
        return PreparedTables(plan.table_refs, found)

    async def fetch(self, workspace_id: int, table_refs: Mapping[str, TableRef]) -> None:
        """Compile these tables as they are stored now."""
        ids = {ref.table for ref in table_refs.values()}
        async with transaction(self._pool, workspace_id, read_only=True) as connection:
            found = await tables.read_tables(connection, workspace_id, ids)
        for id_, whole in found.items():
            ons = [ref.match_on for ref in table_refs.values() if ref.table == id_]
            known = self._ready.get((workspace_id, id_))
            if known is None or known.revision != whole.revision or not all(map(known.has, ons)):
                compiled = await self._threads.run(workspace_id, _compile, whole, ons)
                self._ready[workspace_id, id_] = compiled
        self._make_room({(workspace_id, id_) for id_ in ids})

    def _make_room(self, needed: Collection[tuple[int, str]]) -> None:
        """Drop the least recently used tables, but none of those needed now."""
        rows = sum(compiled.size for compiled in self._ready.values())
        for key in [key for key in self._ready if key not in needed]:
            if rows <= MAX_ROWS:
                return
            rows -= self._ready.pop(key).size


def _compile(whole: StoredTable, ons: Sequence[MatchOn]) -> CompiledTable:
    return compile_table(whole.table(), whole.revision, ons)
