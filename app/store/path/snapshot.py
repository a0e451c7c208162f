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
from app.engine.model.records import ChangedRecord, directory_after, directory_in_steps
from app.engine.model.state import State, StateKeys
from app.engine.model.steps import emptied_in_steps
from app.pace import HeldPace, by_turns
from app.store.clocks import deciding_time
from app.store.connection.kept_directories import KeptDirectories
from app.store.connection.pool import Connection, Row, may_pause
from app.store.directory.records import DIRECTORY_TYPES
from app.store.leads.lead_counts import sum_counts
from app.store.path.facts import Prefetched, read_facts
from app.store.path.journal import (
    FULL_STATE_EVERY,
    LONG_CHANGES,
    LONG_CHANGES_EVERY,
    JournalEntry,
    append_entry,
    prune,
)

log = structlog.get_logger()

EMPTY_ENTRY = JournalEntry(0, "", datetime(1970, 1, 1, tzinfo=UTC), 0, 0, 0, 0, 0)
"""The entry of a workspace without any commit group."""

MAX_CHANGES_SCANNED = 10_000
MAX_RECORDS_CHANGED = 200
"""Beyond so many changes the whole directory is read."""

SELECT_CHANGED_RECORDS = """
SELECT (SELECT at FROM changes WHERE workspace_id = $1 AND version = $2) AS before,
       (SELECT at FROM changes WHERE workspace_id = $1 AND version = $3) AS now,
       recent.resource_type, recent.resource_id AS id, found.body
  FROM (SELECT) AS always
  LEFT JOIN (
    SELECT DISTINCT resource_type, resource_id FROM (
      SELECT resource_type, resource_id FROM changes
       WHERE workspace_id = $1 AND version > $2 AND version <= $3
       ORDER BY version LIMIT $5) AS every
     WHERE resource_type = ANY ($4) LIMIT $6) AS recent ON true
  LEFT JOIN LATERAL (
    SELECT CASE WHEN directory.resource_type = 'tables' THEN jsonb_build_object('revision', revision)
                ELSE body END AS body
      FROM directory
     WHERE workspace_id = $1 AND directory.resource_type = recent.resource_type
       AND directory.id = recent.resource_id
     LIMIT 1) AS found ON true
"""
"""When the directory got two versions, and what of it that is kept in memory changed between them."""

SELECT_TIME_OF_CHANGE = "SELECT at FROM changes WHERE workspace_id = $1 AND version = $2"
"""When the directory got a version."""

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
        snapshot, newer = Snapshot(EMPTY_ENTRY, State(), Directory(-1, {}, {})), list(entries)
    elif known.entry.number and (not entries or not _is_same(known.entry, entries[0])):
        return None
    else:
        snapshot, newer = known, [entry for entry in entries if entry.number > known.entry.number]
    pace = HeldPace()
    for entry in newer:
        await pace.rest()
        if entry.full_state is not None:
            snapshot.state = State()
        await by_turns(snapshot.state.apply_in_steps(entry.full_state or entry.state_delta or {}), pace)
        for part in (entry.full_state or {}).values():
            await by_turns(emptied_in_steps(part), pace)
        snapshot.entry = replace(entry, state_delta=None, full_state=None)
    if snapshot.directory.version != snapshot.entry.directory_version:
        snapshot.directory = await _current_directory(connection, workspace_id, snapshot)
    return snapshot


def _is_same(known: JournalEntry, found: JournalEntry) -> bool:
    return (known.number, known.token) == (found.number, found.token)


async def _current_directory(connection: Connection, workspace_id: int, snapshot: Snapshot) -> Directory:
    """Return the directory after the newest entry. What the process knows of it is not read again."""
    kept: KeptDirectories | None = getattr(connection, "directories", None)
    known, version, since = snapshot.directory, snapshot.entry.directory_version, None
    found = None if kept is None else kept.find(workspace_id)
    if found is not None and known.version < found[0].version <= version:
        known, since = found
    directory, at = await _read_since(connection, workspace_id, known, version, since)
    if kept is not None and version > 0 and directory is not known:
        at = at or await connection.fetchval(SELECT_TIME_OF_CHANGE, workspace_id, version)
        if at is not None:
            kept.keep(workspace_id, directory, at)
    return directory


async def directory_since(
    connection: Connection, workspace_id: int, known: Directory, version: int
) -> Directory:
    """Return the current directory, known to be at `version`: from a known one and what changed since."""
    return (await _read_since(connection, workspace_id, known, version, None))[0]


async def _read_since(
    connection: Connection, workspace_id: int, known: Directory, version: int, since: datetime | None
) -> tuple[Directory, datetime | None]:
    """The directory, and the time of its last change if that was read, too.

    With `since` the known one counts only if that is the time of its own last change.
    """
    if known.version > 0 and version - known.version <= MAX_CHANGES_SCANNED:
        span = (known.version, version, list(DIRECTORY_TYPES), MAX_CHANGES_SCANNED, MAX_RECORDS_CHANGED)
        rows = await connection.fetch(SELECT_CHANGED_RECORDS, workspace_id, *span)
        if since in (None, rows[0]["before"]) and len(rows) < MAX_RECORDS_CHANGED:
            if known.version == version:
                return known, rows[0]["now"]
            changed = [_changed(row) for row in rows if row["id"] is not None]
            return await by_turns(directory_after(known, version, changed)), rows[0]["now"]
    return await read_directory(connection, workspace_id, version), None


def _changed(row: Row) -> ChangedRecord:
    return row["resource_type"], row["id"], None if row["body"] is None else orjson.loads(row["body"])


async def read_directory(connection: Connection, workspace_id: int, version: int) -> Directory:
    """Return the current directory, known to be at `version`."""
    await may_pause(connection)
    rows = await connection.fetch(SELECT_DIRECTORY, workspace_id, list(DIRECTORY_TYPES))
    records = ((row["resource_type"], row["id"], orjson.loads(row["body"])) for row in rows)
    return await by_turns(directory_in_steps(version, records))


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


async def next_entry(snapshot: Snapshot, entry: JournalEntry) -> JournalEntry:
    """Return `entry` with the next number, a new token, and the changes of the state.

    Every so often it holds the full state.
    """
    state = snapshot.state
    number, pace, full_state = snapshot.entry.number + 1, HeldPace(), None
    state_delta = await by_turns(state.to_json_in_steps(state.touched), pace)
    if _wants_full_state(number, state):
        full_state = await by_turns(state.to_json_in_steps(), pace)
    return replace(entry, number=number, token=str(uuid4()), state_delta=state_delta, full_state=full_state)


def _wants_full_state(number: int, state: State) -> bool:
    """Every so often, and sooner where the changes since the last one would be longer than the state.

    In a team of a thousand members every decision changes a thousand balances.
    """
    if number % FULL_STATE_EVERY == 0:
        return True
    if number % LONG_CHANGES_EVERY:
        return False
    changed = state.touched.size()
    return changed >= LONG_CHANGES and changed * LONG_CHANGES_EVERY > state.size()


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
    full = await next_entry(snapshot, entry)
    await append_entry(connection, workspace_id, full)
    return await mark_written(connection, workspace_id, snapshot, full)
