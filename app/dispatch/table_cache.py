"""Compiled tables, kept by revision: the rows of a revision never change."""

import asyncio
from collections import OrderedDict
from collections.abc import Collection, Mapping, Sequence

from app.engine.compile.plan import Plan
from app.engine.lookup.tables import NO_TABLES, CompiledTable, PreparedTables, TableRef, Tables, compile_table
from app.engine.model.directory import Directory
from app.plan.language.columns import MatchOn
from app.store.connection.pool import Pool, transaction
from app.store.directory import tables as store
from app.store.directory.tables import StoredTable

MAX_ROWS = 500_000
"""So many rows are kept ready, some 150 bytes each, as long as no single plan needs more."""


class TableCache:
    """The tables this process has at hand. Compiling happens here, away from any gate."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._ready: OrderedDict[tuple[int, str], CompiledTable] = OrderedDict()

    def get_ready(self, workspace_id: int, plan: Plan, directory: Directory) -> Tables | None:
        """The tables the plan looks into, as they are in this directory; None when one is not ready."""
        if not plan.table_refs:
            return NO_TABLES
        found: dict[str, CompiledTable] = {}
        for look in plan.table_refs.values():
            revision = directory.tables.get(look.table)
            if revision is None:
                continue
            compiled = self._ready.get((workspace_id, look.table))
            if compiled is None or compiled.revision != revision or not compiled.has(look.match_on):
                return None
            found[look.table] = compiled
            self._ready.move_to_end((workspace_id, look.table))
        return PreparedTables(plan.table_refs, found)

    async def fetch(self, workspace_id: int, table_refs: Mapping[str, TableRef]) -> None:
        """Make the tables ready that these look-ups need, as they are stored now."""
        ids = {look.table for look in table_refs.values()}
        async with transaction(self._pool, workspace_id, read_only=True) as connection:
            found = await store.read(connection, workspace_id, ids)
        for id_, whole in found.items():
            ons = [look.match_on for look in table_refs.values() if look.table == id_]
            known = self._ready.get((workspace_id, id_))
            if known is None or known.revision != whole.revision or not all(map(known.has, ons)):
                compiled = await asyncio.to_thread(_compiled, whole, ons)
                self._ready[workspace_id, id_] = compiled
        self._make_room({(workspace_id, id_) for id_ in ids})

    def _make_room(self, needed: Collection[tuple[int, str]]) -> None:
        """Those used longest ago go first, but none of what was just asked for."""
        rows = sum(compiled.size for compiled in self._ready.values())
        for key in [key for key in self._ready if key not in needed]:
            if rows <= MAX_ROWS:
                return
            rows -= self._ready.pop(key).size


def _compiled(whole: StoredTable, ons: Sequence[MatchOn]) -> CompiledTable:
    return compile_table(whole.table(), whole.revision, ons)
