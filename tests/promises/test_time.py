"""An old snapshot left open, and a clock that steps back."""

import asyncio
from datetime import datetime, timedelta

import asyncpg
import pytest

from app.store.path.journal import FULL_STATE_EVERY
from tests.promises.audit import audit, deviation
from tests.support.callers import callers, insist_on_all
from tests.support.factories import lead
from tests.support.processes import services
from tests.support.workspace import stored_workspace

STEP = """
INSERT INTO clocks (workspace_id, set_at, base_time, speed)
VALUES ($1, clock_timestamp(), clock_timestamp() + $2 * interval '1 second', 1)
ON CONFLICT (workspace_id) DO UPDATE
  SET set_at = excluded.set_at, base_time = clocks.base_time + $2 * interval '1 second'
"""
TIMES = "SELECT decided_at, inputs FROM assignments WHERE workspace_id = $1 ORDER BY decision_number"


@pytest.mark.parametrize("passes", [2 * FULL_STATE_EVERY + 50, pytest.param(2000, marks=pytest.mark.long)])
async def test_a_snapshot_left_open_changes_nothing(database: str, passes: int) -> None:
    async with stored_workspace(database, [2, 1, 1]) as workspace:
        snapshot = await asyncpg.connect(database)
        await snapshot.execute("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM journal")
        with services(database, 1) as running:
            async with callers(workspace, running) as clients:
                await insist_on_all(clients, [(None, lead(n)) for n in range(passes)], 1)
            assert not running[0].logged_errors
        books = await audit(workspace)
        kept = await workspace.fetch("SELECT number FROM journal WHERE workspace_id = $1")
        assert await snapshot.fetchval("SELECT count(*) FROM assignments") == 0
        await snapshot.close()
    assert books.passes >= passes
    assert len(kept) <= 2 * FULL_STATE_EVERY
    assert deviation(books.chosen["inbound"], {"rep0": 2, "rep1": 1, "rep2": 1}) < 1
    assert len(books.chosen["inbound"]) == passes


async def test_decisions_wait_for_a_clock_that_goes_back_a_little(database: str) -> None:
    times = await _times_around_a_step(database, seconds=-200.0, steps_back=0)
    assert times == sorted(times)
    # The clock went back further than the load lasted, so that the newest time stood still.
    assert times[-1] == times[-20]


async def test_decisions_follow_a_clock_that_goes_back_far(database: str) -> None:
    times = await _times_around_a_step(database, seconds=-3000.0, steps_back=1)
    assert times[0] - times[-1] > timedelta(seconds=2700)


async def _times_around_a_step(database: str, *, seconds: float, steps_back: int) -> list[datetime]:
    """The times of decisions in their order. During the load of two processes the clock steps back."""
    async with stored_workspace(database, [1, 1, 1]) as workspace:
        await workspace.pool.execute(STEP, workspace.workspace_id, 3600.0)
        with services(database, 2) as running:
            async with callers(workspace, running) as clients:
                await insist_on_all(clients, [(f"a{n}", lead(f"a{n}")) for n in range(40)], 8)
                load = asyncio.create_task(
                    insist_on_all(clients, [(f"b{n}", lead(f"b{n}")) for n in range(120)], 8)
                )
                await workspace.pool.execute(STEP, workspace.workspace_id, seconds)
                await load
        await audit(workspace, steps_back=steps_back)
        return [row["decided_at"] for row in await workspace.fetch(TIMES)]
