"""What a process keeps of a workspace between commit groups, and how it catches up with other processes."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from uuid import uuid4

import orjson
import structlog

from app.engine.model.accounts import AccountKey
from app.engine.model.directory import Directory
from app.engine.model.lead_keys import LeadKey, SuppressionKey
from app.engine.model.records import directory_from
from app.engine.model.state import State, StateKeys
from app.store.clocks import deciding_time
from app.store.connection.pool import Connection
from app.store.directory.records import DIRECTORY_TYPES
from app.store.leads.lead_counts import sum_counts
from app.store.path.facts import Prefetched, read_facts
from app.store.path.journal import FULL_STATE_EVERY, JournalEntry, append_entry, prune

log = structlog.get_logger()

EMPTY_ENTRY = JournalEntry(0, "", datetime(1970, 1, 1, tzinfo=UTC), 0, 0, 0, 0, 0)
"""The entry of a workspace without any commit group."""

MAX_CHANGES_SCANNED = 10_000
"""Beyond so many changes it is quicker to read the whole directory."""

SELECT_DIRECTORY_CHANGED = """
SELECT EXISTS (
  SELECT FROM (
    SELECT resource_type FROM changes WHERE workspace_id = $1 AND version > $2 AND version <= $3
     ORDER BY version LIMIT $5) AS recent
   WHERE resource_type = ANY ($4))
"""
"""Whether any record that is kept in memory changed between two versions."""

# The rows of a table may be many; they are read where they are looked up.
SELECT_DIRECTORY = """
SELECT resource_type, id,
       CASE WHEN resource_type = 'tables' THEN jsonb_build_object('revision', revision) ELSE body END AS body
  FROM directory
 WHERE workspace_id = $1 AND resource_type = ANY ($2)
"""
"""Every record that is kept in memory."""


@dataclass(slots=True)
class Snapshot:
    """The state after the commit group of `entry`, and the directory as it was then."""

    entry: JournalEntry
    state: State
    directory: Directory


async def catch_up(
    connection: Connection, workspace_id: int, known: Snapshot | None, entries: Sequence[JournalEntry]
) -> Snapshot | None:
    """Return the state after the newest of `entries`, which were read under the lock.

    Starts from `known` if its entry is the first of them, token included; from nothing when nothing is known.
    Returns None when `known` cannot be trusted: read again from the start.
    """
    if known is None:
        snapshot, newer = Snapshot(EMPTY_ENTRY, State(), directory_from(-1, ())), list(entries)
    elif known.entry.number and (not entries or not _is_same(known.entry, entries[0])):
        return None
    else:
        snapshot, newer = known, [entry for entry in entries if entry.number > known.entry.number]
    for entry in newer:
        if entry.full_state is not None:
            snapshot.state = State()
        snapshot.state.apply_delta(entry.full_state or entry.state_delta or {})
        snapshot.entry = replace(entry, state_delta=None, full_state=None)
    if snapshot.directory.version != snapshot.entry.directory_version:
        snapshot.directory = await _current_directory(connection, workspace_id, snapshot)
    return snapshot


def _is_same(known: JournalEntry, found: JournalEntry) -> bool:
    return (known.number, known.token) == (found.number, found.token)


async def _current_directory(connection: Connection, workspace_id: int, snapshot: Snapshot) -> Directory:
    """Return the directory after the newest entry: the known one if only other resource types changed."""
    known, version = snapshot.directory, snapshot.entry.directory_version
    if known.version >= 0 and version - known.version <= MAX_CHANGES_SCANNED:
        span = (workspace_id, known.version, version, list(DIRECTORY_TYPES), MAX_CHANGES_SCANNED)
        if not await connection.fetchval(SELECT_DIRECTORY_CHANGED, *span):
            return replace(known, version=version)
    return await read_directory(connection, workspace_id, version)


async def read_directory(connection: Connection, workspace_id: int, version: int) -> Directory:
    """Return the current directory, known to be at `version`."""
    rows = await connection.fetch(SELECT_DIRECTORY, workspace_id, list(DIRECTORY_TYPES))
    return directory_from(
        version, ((row["resource_type"], row["id"], orjson.loads(row["body"])) for row in rows)
    )


def settle_time(found: Prefetched, snapshot: Snapshot) -> datetime:
    """Return the time of the next commit group.

    If that is before the newest one, because its clock had jumped ahead, what was counted after it is
    uncounted.
    """
    now = deciding_time(found.time, snapshot.entry.at)
    if now < snapshot.entry.at:
        snapshot.state.rewind(snapshot.directory, now)
    return now


async def read_snapshot(
    connection: Connection,
    workspace_id: int,
    keys: Sequence[str] = (),
    identities: Sequence[LeadKey] = (),
    accounts: Sequence[AccountKey] | None = None,
    suppressions: Sequence[SuppressionKey] = (),
    known: Snapshot | None = None,
) -> tuple[Prefetched, Snapshot]:
    """Return the facts, and the state from the journal; under the lock it can start from a `known` one."""
    since = None if known is None else known.entry.number
    found = await read_facts(connection, workspace_id, since, keys, identities, accounts, suppressions)
    snapshot = await catch_up(connection, workspace_id, known, found.entries)
    if snapshot is None and known is not None:
        return await read_snapshot(connection, workspace_id, keys, identities, accounts, suppressions)
    if snapshot is None:
        raise LookupError("reading from the start always gives a state")
    return found, snapshot


def note_step_back(workspace_id: int, before: JournalEntry, entry: JournalEntry) -> bool:
    """Log it if the time of decisions went back. Returns whether it did."""
    seconds = (before.at - entry.at).total_seconds()
    if seconds > 0:
        log.error("time of decisions went back", workspace_id=workspace_id, seconds=seconds)
    return seconds > 0


def next_entry(snapshot: Snapshot, entry: JournalEntry) -> JournalEntry:
    """Return `entry` with the next number, a new token, and the changes of the state.

    Every so often it holds the full state.
    """
    state = snapshot.state
    number = snapshot.entry.number + 1
    return replace(
        entry,
        number=number,
        token=str(uuid4()),
        state_delta=state.to_json(state.touched),
        full_state=state.to_json() if number % FULL_STATE_EVERY == 0 else None,
    )


async def mark_written(
    connection: Connection, workspace_id: int, snapshot: Snapshot, entry: JournalEntry
) -> JournalEntry:
    """Note that the entry is written: the state has no unwritten changes. Drop old entries."""
    snapshot.state.touched = StateKeys()
    if entry.full_state is not None:
        await prune(connection, workspace_id, entry.number - FULL_STATE_EVERY)
        await sum_counts(connection, workspace_id)
    return replace(entry, state_delta=None, full_state=None)


async def write_entry(
    connection: Connection, workspace_id: int, snapshot: Snapshot, entry: JournalEntry
) -> JournalEntry:
    """Write the journal entry of a commit group that decided nothing."""
    note_step_back(workspace_id, snapshot.entry, entry)
    full = next_entry(snapshot, entry)
    await append_entry(connection, workspace_id, full)
    return await mark_written(connection, workspace_id, snapshot, full)
