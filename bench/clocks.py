"""SLA clocks: what a million open ones cost the worker, and a thousand that are due in one second."""

import asyncio
import time
from collections.abc import Iterator
from statistics import median

import asyncpg

from app.store.life.due_clocks import find_due_sla_clocks
from bench.load import RunTimes
from bench.processes import Service
from bench.scenarios import Row, at_most, create_team_workspace, measure, plan

OPEN = 1_000_000
DUE = 1000
POLLS = 200
LIMIT = 64
SLAS = {"slas": {"fast": {"accept": "15m", "grace": "0m", "on_breach": "take_away"}}}

FILL = """
INSERT INTO sla_clocks (workspace_id, assignment_id, kind, lead_id, sla, owner_id, started_at, first_due_at,
  due_at, next_at, terms, state)
SELECT (SELECT id FROM workspaces WHERE name = $1), gen_random_uuid(), 'touch', gen_random_uuid(), 'fast',
       'rep-' || number % 20, now(), due, due, due, '{"length": 900}', 'pending'
  FROM generate_series($2::int, $3::int) AS number
 CROSS JOIN LATERAL (SELECT now() + interval '1 day' + number * interval '1 second' AS due) AS later
"""
MAKE_DUE = """
UPDATE sla_clocks SET started_at = moment - interval '15 minutes', due_at = moment, next_at = moment
  FROM (SELECT now() + interval '2 seconds' AS moment) AS soon
 WHERE workspace_id = (SELECT id FROM workspaces WHERE name = $1) AND state = 'pending'
"""
COUNT_DUE = """
SELECT count(*) FROM sla_clocks
 WHERE workspace_id = (SELECT id FROM workspaces WHERE name = $1) AND state = 'pending' AND next_at < now()
"""


def million_clocks(service: Service) -> Iterator[Row]:
    """The look-up of due clocks with a million open ones, against none."""
    name = "clocks"
    create_team_workspace(service, name)
    none, many = asyncio.run(_look_ups(service, name))
    yield Row("look-up of due clocks, none open", f"{none * 1000:.2f} ms")
    yield at_most(f"milliseconds of a look-up of due clocks, {OPEN:,} open", many * 1000, 2)


async def _look_ups(service: Service, name: str) -> tuple[float, float]:
    connection = await service.connect()
    try:
        workspace = await connection.fetchval("SELECT id FROM workspaces WHERE name = $1", name)
        none = await _poll(connection, workspace)
        for first in range(1, OPEN, 100_000):
            await connection.execute(FILL, name, first, first + 99_999, timeout=600)
        return none, await _poll(connection, workspace)
    finally:
        await connection.close()


async def _poll(connection: asyncpg.Connection, workspace: int) -> float:
    times = []
    for _ in range(POLLS):
        started = time.perf_counter()
        await find_due_sla_clocks(connection, workspace, LIMIT)
        times.append(time.perf_counter() - started)
    return median(times)


def due_at_once(service: Service) -> Iterator[Row]:
    """A thousand clocks that come due in one second, beside calls."""
    name = "due"
    key = create_team_workspace(service, name)
    written = plan(0)
    steps = [{"round_robin": {"team": "inbound", "sla": "fast"}}, {"queue": {"name": "unrouted"}}]
    service.send(key, "POST", "/plans", {**written, **SLAS, "pipeline": steps})
    service.send(key, "POST", "/plans/2/publish", {"comment": "to be measured"})
    measure(service.port, key, 8, DUE)
    before = measure(service.port, key, 4, 1000)
    during, seconds = asyncio.run(_fire(service, key, name))
    yield at_most(f"seconds until {DUE * 2:,} clocks due in one second are through", seconds, 10)
    ratio = during.percentile(0.99) / before.percentile(0.99)
    yield at_most("p99 of calls beside them to before", ratio, 2)


async def _fire(service: Service, key: str, name: str) -> tuple[RunTimes, float]:
    connection = await service.connect()
    try:
        await connection.execute(MAKE_DUE, name)
        await asyncio.sleep(2)
        started = time.perf_counter()
        calls = asyncio.create_task(asyncio.to_thread(measure, service.port, key, 4, 1000))
        while await connection.fetchval(COUNT_DUE, name):  # noqa: ASYNC110
            await asyncio.sleep(0.1)
        seconds = time.perf_counter() - started
        return await calls, seconds
    finally:
        await connection.close()
