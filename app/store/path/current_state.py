"""The current state of a workspace, read without its lock."""

from dataclasses import dataclass

from app.engine.model.state import Facts
from app.store.connection.pool import Connection, Pool, transaction
from app.store.path.journal import JournalEntry
from app.store.path.snapshot import read_snapshot, settle_time


@dataclass(frozen=True, slots=True)
class CurrentState:
    """What a decision made now would see, and the newest journal entry."""

    facts: Facts
    entry: JournalEntry


async def read_current_state_on(connection: Connection, workspace_id: int) -> CurrentState:
    """Return the state that this transaction sees."""
    found, snapshot = await read_snapshot(connection, workspace_id)
    now = settle_time(found, snapshot)
    return CurrentState(Facts(now, snapshot.directory, snapshot.state), snapshot.entry)


async def read_current_state(pool: Pool, workspace_id: int) -> CurrentState:
    """Return the newest committed state; directory, state and time are of one moment."""
    async with transaction(pool, workspace_id, read_only=True) as connection:
        return await read_current_state_on(connection, workspace_id)
