"""A request that is cancelled before a pass took it is gone; afterwards it is decided and stored."""

import asyncio
from typing import Any

import pytest

from app.dispatch.dispatcher import Dispatcher
from app.dispatch.jobs.assign import Assign
from app.dispatch.jobs.base import IdempotencyKey
from app.errors import Overloaded
from app.intake.arrival import normalize
from app.metrics import Metrics
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


async def test_a_request_canceled_before_its_commit_group_is_gone(database: str) -> None:
    async with stored_workspace(database, [1, 1, 1]) as workspace:
        door, taken, waiting = dispatch(workspace), job(1), job(2)
        async with transaction(workspace.pool, workspace.workspace_id, lock=True):
            first = asyncio.create_task(door.ask(workspace.workspace_id, taken))
            while not taken.taken:  # noqa: ASYNC110 - nothing announces it
                await asyncio.sleep(0)
            second = asyncio.create_task(door.ask(workspace.workspace_id, waiting))
            await asyncio.sleep(0)
            second.cancel()
            await asyncio.wait([second])
        await first
        assert await _stored(workspace) == {"k1"}
        assert not waiting.taken


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
