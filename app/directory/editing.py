"""An edit of the directory or of the active plan: one pass through the gate, logged, with its consequences.

Whoever leaves a team leaves his balance to the others; whoever joins begins at zero. When caps or a time
zone change, the owner's load is counted again from the books.
"""

import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import astuple, dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from app.engine.model.directory import Caps, Owner
from app.engine.model.state import Load
from app.engine.selection.rebalance import loads_to_recount, rebalance_entries
from app.errors import DatabaseUnavailable
from app.intake.accounts import keys_of_account
from app.store.connection.pool import (
    CONNECTION_ERRORS,
    Connection,
    Limits,
    Pool,
    is_connection_error,
    transaction,
)
from app.store.directory import accounts, records
from app.store.directory.records import DIRECTORY_TYPES, ChangeRecord, Record
from app.store.leads import loads
from app.store.leads.loads import LoadQuery
from app.store.path import ledger
from app.store.path.commit_outcome import was_committed
from app.store.path.journal import JournalEntry
from app.store.path.ledger import LedgerRow
from app.store.path.snapshot import Snapshot, read_directory, read_snapshot, write_entry

EDIT_LIMITS = Limits(lock=5000, statement=10_000, idle=5000)
"""An edit may wait longer than a visitor."""
OUTCOME_SECONDS = 2.0
"""How long an edit asks what became of its COMMIT."""
_LONGEST_COUNT = timedelta(days=8)
"""A local week can begin so long ago."""
_NONE = timedelta()
ACCOUNTS = "accounts"


@dataclass(slots=True)
class DirectoryEdit:
    """What happens behind the gate. `now` is the time of the pass; nothing is visible until it ends well."""

    connection: Connection
    workspace_id: int
    actor: str
    now: datetime
    snapshot: Snapshot
    version: int = field(init=False)
    plan_version: int = field(init=False)
    _touched: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.version = self.snapshot.entry.directory_version
        self.plan_version = self.snapshot.entry.plan_version

    async def find(self, resource_type: str, id_: str) -> Record | None:
        """A record as it stands now."""
        return await records.find_record(self.connection, self.workspace_id, resource_type, id_)

    async def put(
        self, resource_type: str, id_: str, body: Mapping[str, Any], before: Record | None
    ) -> Record:
        """Make the record what `body` says; unchanged is no change and keeps its revision."""
        if before is not None and before.body == body:
            return before
        await self.log(resource_type, id_, "put", before.body if before else None, body)
        record = Record(resource_type, id_, dict(body), self.version, self.now)
        await records.put_records(self.connection, self.workspace_id, [record])
        await self._keep_keys(resource_type, {id_: body}, () if before is None else (id_,))
        return record

    async def put_many(
        self, resource_type: str, bodies: Sequence[tuple[str, Mapping[str, Any]]], known: dict[str, Record]
    ) -> None:
        """Like `put` for each id and body in turn; `known` holds their records, before and afterwards."""
        log: list[ChangeRecord] = []
        for id_, body in bodies:
            before = known.get(id_)
            if before is None or before.body != body:
                self.version += 1
                told = before.body if before else None
                log.append(
                    ChangeRecord(self.version, self.now, self.actor, resource_type, id_, "put", told, body)
                )
                known[id_] = Record(resource_type, id_, dict(body), self.version, self.now)
        changed = {change.resource_id: known[change.resource_id] for change in log}
        await records.insert_changes(self.connection, self.workspace_id, log)
        await records.put_records(self.connection, self.workspace_id, list(changed.values()))
        self._touched.add(resource_type)
        updated = [change.resource_id for change in log if change.before is not None]
        await self._keep_keys(resource_type, {id_: record.body for id_, record in changed.items()}, updated)

    async def delete(self, record: Record) -> None:
        """Take a record away."""
        await self.log(record.resource_type, record.id, "delete", record.body, None)
        await records.delete_record(self.connection, self.workspace_id, record.resource_type, record.id)
        await self._keep_keys(record.resource_type, {}, (record.id,))

    async def _keep_keys(
        self, resource_type: str, bodies: Mapping[str, Mapping[str, Any]], stale: Sequence[str]
    ) -> None:
        """What accounts are found by follows their records; `stale` are those that had keys before."""
        if resource_type == ACCOUNTS:
            await accounts.delete_account_keys(self.connection, self.workspace_id, stale)
            keys = {id_: [astuple(key) for key in keys_of_account(id_, body)] for id_, body in bodies.items()}
            await accounts.insert_account_keys(self.connection, self.workspace_id, keys)

    async def log(
        self,
        resource_type: str,
        id_: str,
        action: str,
        before: Mapping[str, Any] | None,
        after: Mapping[str, Any] | None,
        comment: str | None = None,
    ) -> None:
        """Note who changed what; the number of this note is the new version of the directory."""
        self.version += 1
        self._touched.add(resource_type)
        change = ChangeRecord(
            self.version, self.now, self.actor, resource_type, id_, action, before, after, comment
        )
        await records.insert_changes(self.connection, self.workspace_id, [change])

    async def finish(self) -> JournalEntry | None:
        """Draw the consequences and write the pass, if anything changed. Gives its row of the journal."""
        before = self.snapshot.entry
        if self.version == before.directory_version:
            return None
        if self._touched & set(DIRECTORY_TYPES):
            await self._draw_consequences()
        entry = replace(before, at=self.now, directory_version=self.version, plan_version=self.plan_version)
        return await write_entry(self.connection, self.workspace_id, self.snapshot, entry)

    async def _draw_consequences(self) -> None:
        """Balances and loads that depend on who is in the directory."""
        old = self.snapshot.directory
        new = await read_directory(self.connection, self.workspace_id, self.version)
        rows: list[LedgerRow] = []
        for turn in rebalance_entries(old, new, self.snapshot.state, self.now):
            number = self.snapshot.state.enter(turn)
            rows.append(
                LedgerRow(
                    team_id=turn.team,
                    number=number,
                    cause=turn.cause,
                    chosen=turn.chosen,
                    assignment_id=None,
                    at=self.now,
                    owners=list(turn.changes),
                    amounts=list(turn.changes.values()),
                )
            )
        if rows:
            await ledger.insert_ledger_entries(self.connection, self.workspace_id, rows)
        await self._recount(list(loads_to_recount(old, new)))
        # What nobody needs any more.
        for gone in old.owners.keys() - new.owners.keys():
            self.snapshot.state.set_load(gone, None, None)

    async def _recount(self, moved: Sequence[tuple[Owner, str | None, Caps | None]]) -> None:
        asked = [
            LoadQuery(
                owner.id, team, self.now - max(_LONGEST_COUNT, caps.longest_window() if caps else _NONE)
            )
            for owner, team, caps in moved
        ]
        counted = await loads.count_loads(self.connection, self.workspace_id, asked) if asked else []
        for (owner, team, caps), (still_open, times) in zip(moved, counted, strict=True):
            load = Load()
            for at in times:
                load.take(owner, caps, at)
            load.open = still_open
            # Who never had anything needs no entry.
            self.snapshot.state.set_load(owner.id, team, load if times or still_open else None)


@asynccontextmanager
async def edit_directory(pool: Pool, workspace_id: int, actor: str) -> AsyncIterator[DirectoryEdit]:
    """An edit behind the gate: commits when the block ends well, leaves nothing behind otherwise.

    Raises OutcomeUnknown when the line broke at COMMIT, and it cannot be found out which of the two it is.
    """
    written: JournalEntry | None = None
    try:
        async with transaction(pool, workspace_id, lock=True, limits=EDIT_LIMITS) as connection:
            found, snapshot = await read_snapshot(connection, workspace_id)
            now = max(found.time, snapshot.entry.at)
            edit = DirectoryEdit(connection, workspace_id, actor, now, snapshot)
            yield edit
            written = await edit.finish()
    except CONNECTION_ERRORS as error:
        if written is None or not is_connection_error(error):
            raise
        until = time.monotonic() + OUTCOME_SECONDS
        if not await was_committed(pool, workspace_id, written, EDIT_LIMITS, until):
            raise DatabaseUnavailable() from error
