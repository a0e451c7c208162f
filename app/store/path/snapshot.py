"""What a process remembers of a workspace between two passes, and how it catches up with the others."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from uuid import uuid4

import orjson

from app.engine.model.accounts import AccountKey
from app.engine.model.directory import Directory
from app.engine.model.records import directory_from
from app.engine.model.state import Entries, State
from app.store.connection.pool import Connection
from app.store.leads.decisions import DIRECTORY
from app.store.path.facts import Found, read
from app.store.path.journal import WHOLE_EVERY, Entry, append, prune

BEFORE_EVERYTHING = Entry(0, "", datetime(1970, 1, 1, tzinfo=UTC), 0, 0, 0, 0, 0)
"""Where a workspace stands that has seen no pass."""


@dataclass(slots=True)
class Remembered:
    """The state after the pass `entry`, and the directory as it was then."""

    entry: Entry
    state: State
    directory: Directory


async def catch_up(
    connection: Connection, workspace_id: int, known: Remembered | None, passes: Sequence[Entry]
) -> Remembered | None:
    """The state after the newest of `passes`, which were read behind the gate.

    Starts from what is `known` if its pass is the first of them, token and all; from nothing when
    nothing is known. None means that what is known cannot be trusted: read again from the start.
    """
    if known is not None:
        if known.entry.number and (not passes or not _same(known.entry, passes[0])):
            return None
        entries = [entry for entry in passes if entry.number > known.entry.number]
        remembered = known
    else:
        entries = list(passes)
        remembered = Remembered(BEFORE_EVERYTHING, State(), directory_from(-1, ()))
    for entry in entries:
        if entry.whole is not None:
            remembered.state = State()
        remembered.state.absorb(entry.whole or entry.changed or {})
        remembered.entry = replace(entry, changed=None, whole=None)
    if remembered.directory.version != remembered.entry.directory_version:
        remembered.directory = await _directory_now(connection, workspace_id, remembered)
    return remembered


async def _directory_now(connection: Connection, workspace_id: int, remembered: Remembered) -> Directory:
    """The directory after the newest pass: the one at hand, where only what it does not hold has changed."""
    known, version = remembered.directory, remembered.entry.directory_version
    if known.version >= 0 and version - known.version <= LONGEST_LOG:
        span = (workspace_id, known.version, version, list(DIRECTORY), LONGEST_LOG)
        if not await connection.fetchval(CHANGED, *span):
            return replace(known, version=version)
    return await directory(connection, workspace_id, version)


async def from_the_start(
    connection: Connection,
    workspace_id: int,
    keys: Sequence[str] = (),
    identities: Sequence[tuple[str, str]] = (),
    accounts: Sequence[AccountKey] | None = None,
) -> tuple[Found, Remembered]:
    """The facts, and the state as the journal alone tells it, with nothing remembered."""
    found = await read(connection, workspace_id, None, keys, identities, accounts)
    remembered = await catch_up(connection, workspace_id, None, found.passes)
    if remembered is None:
        raise LookupError("reading from the start always gives a state")
    return found, remembered


def _same(known: Entry, found: Entry) -> bool:
    return (known.number, known.token) == (found.number, found.token)


def next_entry(remembered: Remembered, entry: Entry) -> Entry:
    """The journal's row for this pass: `entry` as it shall stand, with number, token and what changed.

    Every so often it holds the whole state.
    """
    state = remembered.state
    number = remembered.entry.number + 1
    return replace(
        entry,
        number=number,
        token=str(uuid4()),
        changed=state.written(state.touched),
        whole=state.written() if number % WHOLE_EVERY == 0 else None,
    )


async def settle(connection: Connection, workspace_id: int, remembered: Remembered, entry: Entry) -> Entry:
    """The pass stands in the journal: nothing counts as touched any more, and rows nobody needs go."""
    remembered.state.touched = Entries()
    if entry.whole is not None:
        await prune(connection, workspace_id, entry.number - WHOLE_EVERY)
    return replace(entry, changed=None, whole=None)


async def write_pass(
    connection: Connection, workspace_id: int, remembered: Remembered, entry: Entry
) -> Entry:
    """Add the row of a pass that decided nothing to the journal."""
    full = next_entry(remembered, entry)
    await append(connection, workspace_id, full)
    return await settle(connection, workspace_id, remembered, full)


LONGEST_LOG = 10_000
"""Changes that are looked through, before reading the whole directory is quicker."""
CHANGED = """
SELECT EXISTS (
  SELECT FROM (
    SELECT noun FROM changes WHERE workspace_id = $1 AND version > $2 AND version <= $3
     ORDER BY version LIMIT $5) AS recent
   WHERE noun = ANY ($4))
"""
# A table may be long; what is in it is read where it is looked up.
RECORDS = """
SELECT noun, id, CASE WHEN noun = 'tables' THEN jsonb_build_object('revision', revision) ELSE body END AS body
  FROM directory
 WHERE workspace_id = $1 AND noun = ANY ($2)
"""


async def directory(connection: Connection, workspace_id: int, version: int) -> Directory:
    """The directory as it stands now, known to be at `version`."""
    rows = await connection.fetch(RECORDS, workspace_id, list(DIRECTORY))
    return directory_from(version, ((row["noun"], row["id"], orjson.loads(row["body"])) for row in rows))
