"""A request that is cancelled before a pass took it is gone; afterwards it is decided and stored."""

import asyncio
from typing import Any

import pytest

from app.dispatch.dispatcher import Dispatcher
from app.dispatch.jobs.assign import Assign
from app.dispatch.jobs.base import IdempotencyKey
from app.errors import Overloaded
from app.intake.arrival import normalize
from app.metrics.process import Metrics
from app.registry import strategies
from app.store.connection.pool import transaction
from tests.promises.audit import audit
from tests.support.workspace import Workspace, stored_workspace


def job(number: int) -> Assign:
    """A new lead, with a key."""
    lead: dict[str, Any] = {"external_id": f"lead-{number}"}
    return Assign(key=IdempotencyKey(f"k{number}", b"0" * 32), arrival=normalize(lead), trigger="form")


def dispatch(workspace: Workspace, deadline: float = 30.0) -> Dispatcher:
    """The way to decisions, as a process has it."""
    return Dispatcher(workspace.pool, strategies(), Metrics(), deadline=deadline)


async def _stored(workspace: Workspace) -> set[str]:
    rows = await workspace.fetch("SELECT key FROM idempotency_keys WHERE workspace_id = $1")
    return {row["key"] for row in rows}


async def test_a_request_canceled_at_any_moment_is_stored_or_gone(database: str) -> None:
    async with stored_workspace(database, [1, 1, 1]) as workspace:
        door = dispatch(workspace)
        jobs = [job(number) for number in range(120)]
        tasks = [asyncio.create_task(door.ask(workspace.workspace_id, each)) for each in jobs]
        for number, task in enumerate(tasks):
            if number % 3 == 0:
                await asyncio.sleep(0)
                task.cancel()
            elif number % 10 == 0:
                await asyncio.wait([tasks[number - 1]])
        returned = await asyncio.gather(*tasks, return_exceptions=True)
        # Nobody waits any more for what a pass had taken: one more request comes through after it.
        await door.ask(workspace.workspace_id, job(1000))
        stored = await _stored(workspace)
        books = await audit(workspace)
    taken = {each.key.text for each in jobs if each.taken and each.key}
    assert stored == taken | {"k1000"}
    assert all(f"k{number}" in stored for number in range(120) if number % 3)
    assert not any(isinstance(one, Exception) for one in returned)
    assert books.decisions == len(stored)


async def test_a_request_canceled_while_its_group_waits_for_the_lock_is_gone(database: str) -> None:
    async with stored_workspace(database, [1, 1, 1]) as workspace:
        door, in_group, behind = dispatch(workspace), job(1), job(2)
        async with transaction(workspace.pool, workspace.workspace_id, lock=True):
            tasks = []
            for each in (in_group, behind):
                tasks.append(asyncio.create_task(door.ask(workspace.workspace_id, each)))
                await _lock_is_waited_for(workspace)
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)
        await door.ask(workspace.workspace_id, job(3))
        assert await _stored(workspace) == {"k3"}
        assert not in_group.taken
        assert not behind.taken


async def test_a_request_is_not_decided_after_its_deadline(database: str) -> None:
    async with stored_workspace(database, [1]) as workspace:
        door, late = dispatch(workspace), job(1)
        async with transaction(workspace.pool, workspace.workspace_id, lock=True):
            asked = asyncio.create_task(door.ask(workspace.workspace_id, late))
            await _lock_is_waited_for(workspace)
            late.deadline = asyncio.get_running_loop().time()
        await door.ask(workspace.workspace_id, job(2))
        assert await _stored(workspace) == {"k2"}
        assert not asked.done()  # its own timer tells the caller
        asked.cancel()


async def _lock_is_waited_for(workspace: Workspace) -> None:
    waits = "SELECT count(*) FROM pg_locks WHERE NOT granted"
    async with asyncio.timeout(60):
        while not await workspace.pool.fetchval(waits):  # noqa: ASYNC110 - nothing announces it
            await asyncio.sleep(0.01)


async def test_a_request_that_waits_too_long_is_refused_and_nothing_is_written(database: str) -> None:
    async with stored_workspace(database, [1]) as workspace:
        door, hasty = dispatch(workspace), dispatch(workspace, deadline=0.3)
        await door.ask(workspace.workspace_id, job(0))
        async with workspace.pool.acquire() as connection, connection.transaction():
            await connection.execute(
                "SELECT FROM workspace_locks WHERE workspace_id = $1 FOR NO KEY UPDATE",
                workspace.workspace_id,
            )
            asked = [hasty.ask(workspace.workspace_id, job(number)) for number in range(1, 4)]
            returned = await asyncio.gather(*asked, return_exceptions=True)
        assert {type(one) for one in returned} == {Overloaded}
        await asyncio.gather(*(door.ask(workspace.workspace_id, job(number)) for number in range(20, 25)))
        books = await audit(workspace)
    assert books.decisions == 6


async def test_a_canceled_lead_can_be_sent_again(database: str) -> None:
    async with stored_workspace(database, [1]) as workspace:
        door = dispatch(workspace)
        first = asyncio.create_task(door.ask(workspace.workspace_id, job(1)))
        first.cancel()
        with pytest.raises(asyncio.CancelledError):
            await first
        answer = await door.ask(workspace.workspace_id, job(1))
        books = await audit(workspace)
    assert answer.status == 201
    assert books.decisions == 1
