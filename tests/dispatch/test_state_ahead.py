"""The state that the first commit group begins with is read in its own time."""

import asyncio
import time

import pytest

from app.dispatch.state_ahead import StateAhead
from app.engine.model.directory import Directory
from app.engine.model.state import State
from app.errors import Overloaded
from app.store.path.current_state import read_ahead
from app.store.path.snapshot import EMPTY_ENTRY, Snapshot
from tests.support.workspace import Workspace


class _Slow:
    """Reads as slowly as told, and counts how often."""

    def __init__(self) -> None:
        self.may_end = asyncio.Event()
        self.error: Exception | None = None
        self.read = 0

    async def __call__(self) -> Snapshot:
        self.read += 1
        await self.may_end.wait()
        if self.error is not None:
            raise self.error
        return Snapshot(EMPTY_ENTRY, State(), Directory(-1, {}, {}))


async def test_state_that_is_not_read_in_time_is_kept_for_the_next_group() -> None:
    slow = _Slow()
    ahead = StateAhead(slow)
    for _ in range(2):
        with pytest.raises(Overloaded):
            await ahead.take(time.monotonic())
    slow.may_end.set()
    await ahead.take(time.monotonic() + 60)
    assert slow.read == 1


async def test_each_group_gets_a_state_of_its_own() -> None:
    slow = _Slow()
    slow.may_end.set()
    ahead = StateAhead(slow)
    first, second = [await ahead.take(time.monotonic() + 60) for _ in range(2)]
    assert first.state is not second.state


async def test_state_is_read_again_after_an_error() -> None:
    slow = _Slow()
    slow.may_end.set()
    ahead = StateAhead(slow)
    slow.error = ConnectionResetError()
    with pytest.raises(ConnectionResetError):
        await ahead.take(time.monotonic() + 60)
    slow.error = None
    assert (await ahead.take(time.monotonic() + 60)).entry is EMPTY_ENTRY


async def test_state_is_read_ahead_while_another_process_decides(workspace: Workspace) -> None:
    await workspace.assign(external_id="first")
    async with workspace.pool.acquire() as connection, connection.transaction():
        taken = "SELECT FROM workspace_locks WHERE workspace_id = $1 FOR UPDATE"
        await connection.execute(taken, workspace.workspace_id)
        snapshot = await read_ahead(workspace.pool, workspace.workspace_id)
    assert snapshot.entry.decision_number == 1
    assert snapshot.state.loads
