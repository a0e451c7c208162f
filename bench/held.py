"""Held leads that come due in one workspace, beside a thousand that are idle."""

import asyncio
import time
from collections.abc import Iterator

import asyncpg

from bench.processes import Service
from bench.scenarios import Row, at_most

IDLE = 1000
HELD = 600
FILL = """
WITH made AS (
  INSERT INTO workspaces (name)
  SELECT 'idle-' || number FROM generate_series(1, $1::int) AS number RETURNING id
), locks AS (
  INSERT INTO workspace_locks SELECT id FROM made
)
INSERT INTO journal (workspace_id, number, token, at, decision_number, received, matched, directory_version,
  plan_version, state_delta, full_state)
SELECT id, 1, gen_random_uuid(), now(), 0, 0, 0, 0, 0, '{}', '{}' FROM made
"""
MAKE_DUE = """
UPDATE assignments SET held_until = now() + interval '1 second'
 WHERE workspace_id = $1 AND id IN (
   SELECT id FROM assignments
    WHERE workspace_id = $1 AND held_until > now() + interval '1 hour' AND open LIMIT $2)
"""
COUNT_DUE = "SELECT count(*) FROM assignments WHERE workspace_id = $1 AND open AND held_until <= now()"
OPEN_PIPELINE = [{"queue": {"name": "unrouted"}}]
HOLDING = {
    "rule": {"name": "all", "when": {"source": "held"}, "then": {"owner": "late", "off_hours": "hold"}}
}


def held_beside_idle(service: Service) -> Iterator[Row]:
    """How late held leads are released where a thousand other workspaces have nothing to do."""
    key = service.workspace("held")
    service.send(key, "PUT", "/calendars/late", {"timezone": "UTC", "hours": "Jan 01 00:00-00:01"})
    service.send(key, "PUT", "/owners/late", {"name": "Late", "calendar": "late"})
    for version, pipeline in enumerate(([HOLDING, *OPEN_PIPELINE], OPEN_PIPELINE), 1):
        if version == 2:  # while the first plan is active, every lead is held
            leads = [
                {"lead": {"external_id": f"held-{number}", "source": "held"}} for number in range(HELD + 1)
            ]
            service.send(key, "POST", "/assign/batch", {"items": leads})
        service.send(key, "POST", "/plans", {"queues": {"unrouted": {}}, "pipeline": pipeline})
        service.send(key, "POST", f"/plans/{version}/publish", {"comment": "to be measured"})
    one, many = asyncio.run(_release(service))
    yield at_most(f"seconds until one held lead is released, {IDLE:,} idle workspaces", one, 1.5)
    yield at_most(f"seconds until {HELD} held leads are released, {IDLE:,} idle workspaces", many, 5)


async def _release(service: Service) -> tuple[float, float]:
    connection = await service.connect()
    try:
        await connection.execute(FILL, IDLE)
        # Each worker visits every workspace once; this is measured beside it, and after it.
        workspace = await connection.fetchval("SELECT id FROM workspaces WHERE name = 'held'")
        return await _seconds(connection, workspace, 1), await _seconds(connection, workspace, HELD)
    finally:
        await connection.close()


async def _seconds(connection: asyncpg.Connection, workspace: int, leads: int) -> float:
    """From the moment at which so many leads are due until all of them are released."""
    await connection.execute(MAKE_DUE, workspace, leads)
    await asyncio.sleep(1)
    due = time.perf_counter()
    while True:
        if not await connection.fetchval(COUNT_DUE, workspace):
            return time.perf_counter() - due
        await asyncio.sleep(0.01)
