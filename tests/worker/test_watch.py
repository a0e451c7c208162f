"""What the process notes about itself."""

import asyncio
import os
import resource
import time
from contextlib import suppress

import pytest

from app.metrics.exposition import expose
from app.metrics.process import Metrics
from app.store.connection.pool import look_up, open_pool
from app.worker import watch
from app.worker.watch import STUCK_SECONDS, Watch, ask_database
from tests.support.metrics import sample
from tests.support.office import until
from tests.support.workspace import Filled, open_filled

NOWHERE = "postgresql://a:b@127.0.0.1:1/c"


def test_few_files_left_are_noted() -> None:
    metrics = Metrics()
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    Watch(metrics).look()
    assert "files_exhausted" not in metrics.troubles.counts
    resource.setrlimit(resource.RLIMIT_NOFILE, (len(os.listdir("/proc/self/fd")) + 4, hard))
    try:
        Watch(metrics).look()
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert metrics.troubles.counts["files_exhausted"] == 1
    text = expose(metrics.registry, []).decode()
    assert sample(text, "lead_assignment_troubles_total", kind="files_exhausted") == 1
    assert sample(text, "lead_assignment_troubles_total", kind="clock_jumped") == 0


def test_jump_of_the_clock_is_noted_once() -> None:
    wall, metrics = [1000.0], Metrics()
    looking = Watch(metrics, lambda: wall[0], lambda: 0.0)
    for jump, noted in ((1.0, None), (-3600.0, 1), (0.0, 1), (60.0, 2)):
        wall[0] += jump
        looking.look()
        assert metrics.troubles.counts.get("clock_jumped") == noted


def test_worker_that_comes_no_further_is_noted() -> None:
    now, metrics = [0.0], Metrics(lambda: now[0])
    Watch(metrics).look()
    metrics.worker_progressed()
    now[0] = STUCK_SECONDS + 1
    Watch(metrics).look()
    assert metrics.troubles.counts["worker_stuck"] == 1
    metrics.worker_progressed()
    Watch(metrics).look()
    assert metrics.troubles.counts["worker_stuck"] == 1


async def test_metrics_tell_whether_the_database_answers(database: str) -> None:
    metrics = Metrics()
    for dsn, up in ((NOWHERE, 0), (database, 1)):
        async with await open_pool(dsn, size=2, pgbouncer=False) as pool:
            await ask_database(pool, metrics)
        assert sample(expose(metrics.registry, []).decode(), "lead_assignment_database_up") == up


@pytest.mark.parametrize(("off", "noted"), [(0.0, None), (-3600.0, 1), (3456000.0, 1)])
async def test_clock_that_differs_from_that_of_the_database_is_noted(
    database: str, off: float, noted: int | None
) -> None:
    metrics = Metrics()
    async with await open_pool(database, size=1, pgbouncer=False) as pool:
        await ask_database(pool, metrics, lambda: time.time() + off)
    assert metrics.troubles.counts.get("clock_differs") == noted


async def test_pool_without_a_free_connection_is_noted(database: str) -> None:
    async with await open_pool(database, size=1, pgbouncer=False) as pool, pool.acquire():
        with suppress(TimeoutError):
            await look_up(pool, 0.01, "SELECT 1")
        assert pool.troubles.counts == {"pool_exhausted": 1}
        await asyncio.wait_for(ask_database(pool, Metrics()), 1)


SET_CLOCK = """
INSERT INTO clocks (workspace_id, set_at, base_time, speed)
VALUES ($1, now(), now() + interval '1 day', 1)
"""


async def test_process_without_a_worker_notes_what_happens_to_clocks(
    filled: Filled, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watch, "EVERY_SECONDS", 0.02)
    monkeypatch.setattr(watch, "JUMP_SECONDS", -1.0)  # so that time as it goes is a jump
    async with open_filled(filled, no_worker=True) as workspace:
        counts = workspace.app.state.metrics.troubles.counts

        async def jumped() -> bool:
            return "clock_jumped" in counts

        async def was_set() -> bool:
            return "clock_set" in counts

        await until(jumped)
        await workspace.assign(external_id="a")
        assert not await was_set()
        await workspace.pool.execute(SET_CLOCK, workspace.workspace_id)
        await until(was_set)
        metrics = (await workspace.client.get("/metrics")).text
        for kind in ("clock_jumped", "clock_set"):
            assert sample(metrics, "lead_assignment_troubles_total", kind=kind)
