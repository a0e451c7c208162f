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
from tests.promises.world import World, world


def job(number: int) -> Assign:
    """A lead nobody has seen, with a key."""
    lead: dict[str, Any] = {"external_id": f"lead-{number}"}
    return Assign(key=IdempotencyKey(f"k{number}", b"0" * 32), arrival=normalize(lead), trigger="form")


def dispatch(at: World, deadline: float = 30.0) -> Dispatcher:
    """The way to decisions, as a process has it."""
    return Dispatcher(at.pool, strategies(), Metrics(), deadline=deadline)


async def _stored(at: World) -> set[str]:
    rows = await at.fetch("SELECT key FROM idempotency WHERE workspace_id = $1")
    return {row["key"] for row in rows}


async def test_cancelled_at_any_moment_a_request_is_stored_or_gone(database: str) -> None:
    async with world(database, [1, 1, 1]) as at:
        door = dispatch(at)
        jobs = [job(number) for number in range(120)]
        tasks = [asyncio.create_task(door.ask(at.workspace_id, each)) for each in jobs]
        for number, task in enumerate(tasks):
            if number % 3 == 0:
                await asyncio.sleep(0)
                task.cancel()
            elif number % 10 == 0:
                await asyncio.wait([tasks[number - 1]])
        told = await asyncio.gather(*tasks, return_exceptions=True)
        # Nobody waits any more for what a pass had taken: one more request comes through after it.
        await door.ask(at.workspace_id, job(1000))
        stored = await _stored(at)
        books = await audit(at)
    taken = {each.key.text for each in jobs if each.taken and each.key}
    assert stored == taken | {"k1000"}
    assert all(f"k{number}" in stored for number in range(120) if number % 3)
    assert not any(isinstance(one, Exception) for one in told)
    assert books.decisions == len(stored)


async def test_cancelled_before_a_pass_took_it_a_request_is_gone(database: str) -> None:
    async with world(database, [1, 1, 1]) as at:
        door, taken, waiting = dispatch(at), job(1), job(2)
        async with transaction(at.pool, at.workspace_id, gate=True):
            first = asyncio.create_task(door.ask(at.workspace_id, taken))
            while not taken.taken:  # noqa: ASYNC110 - nothing announces it
                await asyncio.sleep(0)
            second = asyncio.create_task(door.ask(at.workspace_id, waiting))
            await asyncio.sleep(0)
            second.cancel()
            await asyncio.wait([second])
        await first
        assert await _stored(at) == {"k1"}
        assert not waiting.taken


async def test_who_waits_too_long_for_his_turn_is_told_and_nothing_is_written(database: str) -> None:
    async with world(database, [1]) as at:
        door, hasty = dispatch(at), dispatch(at, deadline=0.3)
        await door.ask(at.workspace_id, job(0))
        async with at.pool.acquire() as connection, connection.transaction():
            await connection.execute(
                "SELECT FROM workspace_locks WHERE workspace_id = $1 FOR NO KEY UPDATE", at.workspace_id
            )
            asked = [hasty.ask(at.workspace_id, job(number)) for number in range(1, 4)]
            told = await asyncio.gather(*asked, return_exceptions=True)
        assert {type(one) for one in told} == {Overloaded}
        await asyncio.gather(*(door.ask(at.workspace_id, job(number)) for number in range(20, 25)))
        books = await audit(at)
    assert books.decisions == 6


async def test_a_lead_taken_back_may_come_again(database: str) -> None:
    async with world(database, [1]) as at:
        door = dispatch(at)
        first = asyncio.create_task(door.ask(at.workspace_id, job(1)))
        first.cancel()
        with pytest.raises(asyncio.CancelledError):
            await first
        answer = await door.ask(at.workspace_id, job(1))
        books = await audit(at)
    assert answer.status == 201
    assert books.decisions == 1
