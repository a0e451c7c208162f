"""An edit of the directory or of the active plan: under the workspace lock, logged, with its effects.

The balance of a member who leaves a team is spread over the others. A member who joins starts at zero. When
caps or a time zone change, the owner's load is counted again from the stored data.
"""

import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import astuple, dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from app.directory.clock_recounts import recount_clocks
from app.engine.model.accounts import account_from
from app.engine.model.directory import Caps, Directory, Owner
from app.engine.model.records import directory_after
from app.engine.model.state import Load
from app.engine.selection.rebalance import (
    changed_teams,
    loads_to_recount,
    members_who_joined,
    rebalance_entry,
)
from app.engine.selection.shifts import owner_takes_from, team_takes_from
from app.errors import DatabaseUnavailable
from app.ids import uuid7
from app.intake.accounts import keys_of_account, name_keys_of_account
from app.pace import HeldPace, by_turns
from app.store.clocks import MAX_AHEAD
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
from app.store.leads import bulk_jobs, loads, open_leads
from app.store.leads.bulk_jobs import BulkJob
from app.store.leads.loads import LoadQuery
from app.store.path import ledger
from app.store.path.commit_outcome import was_committed
from app.store.path.journal import JournalEntry
from app.store.path.ledger import LedgerRow
from app.store.path.snapshot import Snapshot, directory_since, read_snapshot, settle_time, write_entry

EDIT_LIMITS = Limits(lock=5000, statement=10_000, idle=5000)
"""An edit may wait longer than a decision."""
OUTCOME_SECONDS = 2.0
"""How long an edit tries to find out whether its COMMIT succeeded."""
MAX_HELD_MOVED = 100_000
"""The leads of the job that moves what was held; the others wait for their time."""
_MAX_WINDOW = timedelta(days=8)
"""A local week can start this long ago."""
_NONE = timedelta()
ACCOUNTS = "accounts"


@dataclass(slots=True)
class DirectoryEdit:
    """An edit under the workspace lock, at the time `now`. Nothing is visible before it commits."""

    connection: Connection
    workspace_id: int
    actor: str
    now: datetime
    snapshot: Snapshot
    version: int = field(init=False)
    plan_version: int = field(init=False)
    _touched: set[str] = field(default_factory=set)
    _put: dict[str, dict[str, Mapping[str, Any]]] = field(default_factory=lambda: {"owners": {}, "teams": {}})
    _reads_again: bool = False
    _pace: HeldPace = field(default_factory=HeldPace)

    def __post_init__(self) -> None:
        self.version = self.snapshot.entry.directory_version
        self.plan_version = self.snapshot.entry.plan_version

    async def find(self, resource_type: str, id_: str) -> Record | None:
        """The current record, or None."""
        return await records.find_record(self.connection, self.workspace_id, resource_type, id_)

    async def put(
        self, resource_type: str, id_: str, body: Mapping[str, Any], before: Record | None
    ) -> Record:
        """Store a record. An unchanged one keeps its revision."""
        if before is not None and before.body == body:
            return before
        await self.log(resource_type, id_, "put", before.body if before else None, body)
        record = Record(resource_type, id_, dict(body), self.version, self.now)
        await records.put_records(self.connection, self.workspace_id, [record])
        await self._update_keys(resource_type, {id_: body}, () if before is None else (id_,))
        return record

    async def put_many(
        self, resource_type: str, bodies: Sequence[tuple[str, Mapping[str, Any]]], known: dict[str, Record]
    ) -> None:
        """Like `put` for each id and body in order. `known` has their records, and is updated."""
        log: list[ChangeRecord] = []
        for id_, body in bodies:
            before = known.get(id_)
            if before is None or before.body != body:
                self.version += 1
                old = before.body if before else None
                log.append(
                    ChangeRecord(self.version, self.now, self.actor, resource_type, id_, "put", old, body)
                )
                known[id_] = Record(resource_type, id_, dict(body), self.version, self.now)
        changed = {change.resource_id: known[change.resource_id] for change in log}
        await records.insert_changes(self.connection, self.workspace_id, log)
        await records.put_records(self.connection, self.workspace_id, list(changed.values()))
        self._touched.add(resource_type)
        if resource_type in self._put:
            self._put[resource_type] |= {id_: record.body for id_, record in changed.items()}
        else:
            self._reads_again = True
        updated = [change.resource_id for change in log if change.before is not None]
        await self._update_keys(resource_type, {id_: record.body for id_, record in changed.items()}, updated)

    async def delete(self, record: Record) -> None:
        """Delete a record."""
        await self.log(record.resource_type, record.id, "delete", record.body, None)
        await records.delete_record(self.connection, self.workspace_id, record.resource_type, record.id)
        await self._update_keys(record.resource_type, {}, (record.id,))

    async def _update_keys(
        self, resource_type: str, bodies: Mapping[str, Mapping[str, Any]], stale: Sequence[str]
    ) -> None:
        """Update the keys by which accounts are found. `stale` are the ids that had keys before."""
        if resource_type == ACCOUNTS:
            await accounts.delete_account_keys(self.connection, self.workspace_id, stale)
            keys = {id_: [astuple(key) for key in keys_of_account(id_, body)] for id_, body in bodies.items()}
            await accounts.insert_account_keys(self.connection, self.workspace_id, keys)
            names = {
                id_: [astuple(key) for key in name_keys_of_account(account_from(id_, body))]
                for id_, body in bodies.items()
            }
            await accounts.insert_account_names(self.connection, self.workspace_id, names)

    async def log(
        self,
        resource_type: str,
        id_: str,
        action: str,
        before: Mapping[str, Any] | None,
        after: Mapping[str, Any] | None,
        comment: str | None = None,
    ) -> None:
        """Log a change. Its number is the new version of the directory."""
        self.version += 1
        self._touched.add(resource_type)
        self._reads_again = True
        change = ChangeRecord(
            self.version, self.now, self.actor, resource_type, id_, action, before, after, comment
        )
        await records.insert_changes(self.connection, self.workspace_id, [change])

    async def finish(self) -> JournalEntry | None:
        """Apply the effects and write the journal entry, if anything changed. Returns the entry."""
        before = self.snapshot.entry
        if self.version == before.directory_version:
            return None
        if self._touched & set(DIRECTORY_TYPES):
            await self._apply_effects()
        entry = replace(before, at=self.now, directory_version=self.version, plan_version=self.plan_version)
        return await write_entry(self.connection, self.workspace_id, self.snapshot, entry)

    async def _apply_effects(self) -> None:
        """Update the balances and loads that depend on the directory."""
        old = self.snapshot.directory
        new = await self._directory()
        await self._rebalance(old, new)
        self.snapshot.directory = new
        await self._move_held(old, new)
        if not self._reads_again and not self._put["teams"]:
            old, new = self._only_put(old), self._only_put(new)
        await self._recount(list(loads_to_recount(old, new)))
        await self._pace.rest()
        await self._cancel_moves(old, new)
        await self._pace.rest()
        whole = self.snapshot.directory
        await recount_clocks(self.connection, self.workspace_id, old, new, self.now, whole)
        # Owners who are gone need no load.
        for gone in old.owners.keys() - new.owners.keys():
            self.snapshot.state.set_load(gone, None, None)

    async def _rebalance(self, old: Directory, new: Directory) -> None:
        """Spread the balances of members who left, and begin those of members who joined.

        Of thousands of teams mostly one has changed, but an edit can change all of them.
        """
        rows: list[LedgerRow] = []
        for team in changed_teams(old, new):
            await self._pace.rest()
            entry = rebalance_entry(team, old, new, self.snapshot.state, self.now)
            if entry is not None:
                number = self.snapshot.state.enter(entry)
                rows.append(
                    LedgerRow(
                        team_id=entry.team,
                        number=number,
                        cause=entry.cause,
                        chosen=entry.chosen,
                        assignment_id=None,
                        at=self.now,
                        owners=list(entry.changes),
                        amounts=list(entry.changes.values()),
                    )
                )
            for owner in members_who_joined(team, old, new, self.now):
                self.snapshot.state.join(team, owner)
        if rows:
            await ledger.insert_ledger_entries(self.connection, self.workspace_id, rows)

    def _only_put(self, directory: Directory) -> Directory:
        """The directory without the owners that this edit did not touch: there can be thousands of them."""
        owners = {id_: directory.owners[id_] for id_ in self._put["owners"] if id_ in directory.owners}
        return replace(directory, owners=owners)

    async def _directory(self) -> Directory:
        """The directory after the edit. With thousands of owners reading it whole takes long."""
        if self._reads_again:
            known = self.snapshot.directory
            return await directory_since(self.connection, self.workspace_id, known, self.version)
        put = (
            (resource_type, id_, body)
            for resource_type, each in self._put.items()
            for id_, body in each.items()
        )
        return await by_turns(directory_after(self.snapshot.directory, self.version, put))

    async def _cancel_moves(self, old: Directory, new: Directory) -> None:
        """The leads of an owner who is active again stay, as far as they have not been moved."""
        back = [
            id_
            for id_, owner in new.owners.items()
            if (before := old.owners.get(id_)) is not owner
            and owner.active
            and not (before is not None and before.active)
        ]
        if back:
            await bulk_jobs.cancel_jobs_of_owners(
                self.connection, self.workspace_id, "deactivate", back, self.now
            )

    async def _move_held(self, old: Directory, new: Directory) -> None:
        """What is held for an owner or a team is routed again, by a bulk job, if it waits for the wrong time.

        They can no longer take it, or begin sooner or later than before. Nobody else may claim it, and its
        time may be weeks away.
        """
        owners, teams = await open_leads.list_held_for(self.connection, self.workspace_id)
        owners = [
            id_
            for id_ in owners
            if owner_takes_from(id_, old, self.now) != owner_takes_from(id_, new, self.now)
        ]
        teams = [
            id_ for id_ in teams if team_takes_from(id_, old, self.now) != team_takes_from(id_, new, self.now)
        ]
        if not owners and not teams:
            return
        held = await open_leads.list_held(self.connection, self.workspace_id, owners, teams, MAX_HELD_MOVED)
        job = BulkJob(uuid7(), "reassign", "running", {}, len(held), self.actor, self.now)
        await bulk_jobs.insert_job(self.connection, self.workspace_id, job, held)

    async def _recount(self, owners: Sequence[tuple[Owner, str | None, Caps | None]]) -> None:
        queries = [
            LoadQuery(owner.id, team, self.now - max(_MAX_WINDOW, caps.longest_window() if caps else _NONE))
            for owner, team, caps in owners
        ]
        counted = await loads.count_loads(self.connection, self.workspace_id, queries) if queries else []
        for (owner, team, caps), (still_open, times) in zip(owners, counted, strict=True):
            load = Load()
            for at in (each for each in times if each <= self.now + MAX_AHEAD):
                load.take(owner, caps, at)
            load.open = still_open
            # An owner who never had a lead needs no load.
            self.snapshot.state.set_load(owner.id, team, load if times or still_open else None)


@dataclass(slots=True)
class KeptSnapshot:
    """What one edit of a series leaves for the next: the state after its confirmed commit, or nothing."""

    snapshot: Snapshot | None = None


@asynccontextmanager
async def edit_directory(
    pool: Pool, workspace_id: int, actor: str, kept: KeptSnapshot | None = None
) -> AsyncIterator[DirectoryEdit]:
    """An edit under the workspace lock. It commits when the block succeeds, else it changes nothing.

    Edits with the same `kept` read the directory once, unless somebody else changes it in between.

    Raises OutcomeUnknown when the connection broke at COMMIT and the outcome cannot be found out.
    """
    written: JournalEntry | None = None
    alone, kept = kept is None, kept or KeptSnapshot()
    known, kept.snapshot = kept.snapshot, None
    try:
        async with transaction(pool, workspace_id, lock=True, limits=EDIT_LIMITS) as connection:
            found, snapshot = await read_snapshot(connection, workspace_id, known=known)
            now = settle_time(found, snapshot)
            edit = DirectoryEdit(connection, workspace_id, actor, now, snapshot)
            yield edit
            written = await edit.finish()
        if written is not None:
            snapshot.entry = written
            snapshot.directory = replace(snapshot.directory, version=written.directory_version)
        if written is not None or now >= snapshot.entry.at:
            # Otherwise the state may have been set back without being written.
            kept.snapshot = snapshot
    except CONNECTION_ERRORS as error:
        if written is None or not is_connection_error(error):
            raise
        until = time.monotonic() + OUTCOME_SECONDS
        if not await was_committed(pool, workspace_id, written, EDIT_LIMITS, until):
            raise DatabaseUnavailable() from error
    if alone:
        await by_turns(snapshot.state.emptied_in_steps())
