"""What a process remembers of a workspace between two passes, and how it catches up with the others."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from uuid import uuid4

import orjson

from app.engine.model.accounts import AccountKey
from app.engine.model.directory import Directory
from app.engine.model.records import directory_from
from app.engine.model.state import State, StateKeys
from app.store.connection.pool import Connection
from app.store.leads.decisions import DIRECTORY
from app.store.path.facts import Prefetched, read
from app.store.path.journal import FULL_STATE_EVERY, JournalEntry, append, prune

EMPTY_ENTRY = JournalEntry(0, "", datetime(1970, 1, 1, tzinfo=UTC), 0, 0, 0, 0, 0)
"""Where a workspace stands that has seen no pass."""


@dataclass(slots=True)
class Snapshot:
    """The state after the pass `entry`, and the directory as it was then."""

    entry: JournalEntry
    state: State
    directory: Directory


async def catch_up(
    connection: Connection, workspace_id: int, known: Snapshot | None, passes: Sequence[JournalEntry]
) -> Snapshot | None:
    """The state after the newest of `passes`, which were read behind the gate.

    Starts from what is `known` if its pass is the first of them, token and all; from nothing when
    nothing is known. None means that what is known cannot be trusted: read again from the start.
    """
    if known is not None:
        if known.entry.number and (not passes or not _same(known.entry, passes[0])):
            return None
        entries = [entry for entry in passes if entry.number > known.entry.number]
        snapshot = known
    else:
        entries = list(passes)
        snapshot = Snapshot(EMPTY_ENTRY, State(), directory_from(-1, ()))
    for entry in entries:
        if entry.whole is not None:
            snapshot.state = State()
        snapshot.state.apply_delta(entry.whole or entry.changed or {})
        snapshot.entry = replace(entry, changed=None, whole=None)
    if snapshot.directory.version != snapshot.entry.directory_version:
        snapshot.directory = await _directory_now(connection, workspace_id, snapshot)
    return snapshot


async def _directory_now(connection: Connection, workspace_id: int, snapshot: Snapshot) -> Directory:
    """The directory after the newest pass: the one at hand, where only what it does not hold has changed."""
    known, version = snapshot.directory, snapshot.entry.directory_version
    if known.version >= 0 and version - known.version <= MAX_CHANGES_SCANNED:
        span = (workspace_id, known.version, version, list(DIRECTORY), MAX_CHANGES_SCANNED)
        if not await connection.fetchval(CHANGED, *span):
            return replace(known, version=version)
    return await read_directory(connection, workspace_id, version)


async def read_snapshot(
    connection: Connection,
    workspace_id: int,
    keys: Sequence[str] = (),
    identities: Sequence[tuple[str, str]] = (),
    accounts: Sequence[AccountKey] | None = None,
) -> tuple[Prefetched, Snapshot]:
    """The facts, and the state as the journal alone tells it, with nothing remembered."""
    found = await read(connection, workspace_id, None, keys, identities, accounts)
    snapshot = await catch_up(connection, workspace_id, None, found.passes)
    if snapshot is None:
        raise LookupError("reading from the start always gives a state")
    return found, snapshot


def _same(known: JournalEntry, found: JournalEntry) -> bool:
    return (known.number, known.token) == (found.number, found.token)


def next_entry(snapshot: Snapshot, entry: JournalEntry) -> JournalEntry:
    """The journal's row for this pass: `entry` as it shall stand, with number, token and what changed.

    Every so often it holds the whole state.
    """
    state = snapshot.state
    number = snapshot.entry.number + 1
    return replace(
        entry,
        number=number,
        token=str(uuid4()),
        changed=state.to_json(state.touched),
        whole=state.to_json() if number % FULL_STATE_EVERY == 0 else None,
    )


async def mark_written(
    connection: Connection, workspace_id: int, snapshot: Snapshot, entry: JournalEntry
) -> JournalEntry:
    """The pass stands in the journal: nothing counts as touched any more, and rows nobody needs go."""
    snapshot.state.touched = StateKeys()
    if entry.whole is not None:
        await prune(connection, workspace_id, entry.number - FULL_STATE_EVERY)
    return replace(entry, changed=None, whole=None)


async def write_entry(
    connection: Connection, workspace_id: int, snapshot: Snapshot, entry: JournalEntry
) -> JournalEntry:
    """Add the row of a pass that decided nothing to the journal."""
    full = next_entry(snapshot, entry)
    await append(connection, workspace_id, full)
    return await mark_written(connection, workspace_id, snapshot, full)


MAX_CHANGES_SCANNED = 10_000
"""Changes that are looked through, before reading the whole directory is quicker."""
CHANGED = """
SELECT EXISTS (
  SELECT FROM (
    SELECT resource_type FROM changes WHERE workspace_id = $1 AND version > $2 AND version <= $3
     ORDER BY version LIMIT $5) AS recent
   WHERE resource_type = ANY ($4))
"""
# A table may be long; what is in it is read where it is looked up.
RECORDS = """
SELECT resource_type, id, CASE WHEN resource_type = 'tables' THEN jsonb_build_object('revision',
  revision) ELSE body END AS body
  FROM directory
 WHERE workspace_id = $1 AND resource_type = ANY ($2)
"""


async def read_directory(connection: Connection, workspace_id: int, version: int) -> Directory:
    """The directory as it stands now, known to be at `version`."""
    rows = await connection.fetch(RECORDS, workspace_id, list(DIRECTORY))
    return directory_from(
        version, ((row["resource_type"], row["id"], orjson.loads(row["body"])) for row in rows)
    )
