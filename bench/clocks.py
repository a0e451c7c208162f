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
CALLERS = 4
CALLS = 100
"""Calls between two looks whether the clocks are through."""
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
    measure(service.port, key, CALLERS, 500)
    written = plan(0)
    steps = [{"round_robin": {"team": "inbound", "sla": "fast"}}, {"queue": {"name": "unrouted"}}]
    service.send(key, "POST", "/plans", {**written, **SLAS, "pipeline": steps})
    service.send(key, "POST", "/plans/2/publish", {"comment": "to be measured"})
    quiet = measure(service.port, key, CALLERS, DUE)
    during, seconds = asyncio.run(_fire(service, key, name))
    quiet.each += measure(service.port, key, CALLERS, DUE).each
    yield at_most(f"seconds until {DUE:,} clocks due in one second are through", seconds, 10)
    half, most = (during.percentile(share) / quiet.percentile(share) for share in (0.5, 0.99))
    yield Row("p50 of calls beside them to before and after", f"{half:.2f}")
    yield at_most("p99 of calls beside them to before and after", most, 2)


async def _fire(service: Service, key: str, name: str) -> tuple[RunTimes, float]:
    """Call until the clocks are through. Returns the calls, and how long that took."""
    connection = await service.connect()
    calls = RunTimes()
    try:
        await connection.execute(MAKE_DUE, name)
        await asyncio.sleep(2)
        started = time.perf_counter()
        while await connection.fetchval(COUNT_DUE, name):  # the calls are the pause
            some = await asyncio.to_thread(measure, service.port, key, CALLERS, CALLS)
            calls.each += some.each
        return calls, time.perf_counter() - started
    finally:
        await connection.close()
