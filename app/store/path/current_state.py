"""The current state of a workspace, read without its lock."""

import asyncio
from dataclasses import dataclass

from app.engine.model.state import Facts
from app.store.connection.pool import (
    Connection,
    Limits,
    Pool,
    begin_statement,
    borrowed,
    close_broken,
    is_connection_error,
    transaction,
)
from app.store.path.journal import JournalEntry
from app.store.path.snapshot import Snapshot, read_snapshot, settle_time

AHEAD = Limits(idle=30_000)
"""No lock is held meanwhile, so the transaction may pause for long."""


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


async def read_ahead(pool: Pool, workspace_id: int) -> Snapshot:
    """Return the newest committed state for a commit group to start from. It will check that it is current.

    Uses the connection of the commit groups: none runs meanwhile.
    """
    async with borrowed(pool, pool.acquire_seconds) as connection:
        try:
            begin = begin_statement(pool, workspace_id, AHEAD, read_only=True)
            await connection.execute(begin, timeout=pool.acquire_seconds)
            _, snapshot = await read_snapshot(connection, workspace_id)
            await connection.execute("COMMIT", timeout=pool.acquire_seconds)
        except BaseException as error:
            if is_connection_error(error) or isinstance(error, asyncio.CancelledError):
                close_broken(connection)
            raise
    return snapshot
