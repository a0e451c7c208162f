"""The effect of a million stored leads, and the size of the service after 100,000 decisions."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass

from bench.processes import Service
from bench.scenarios import Row, alternate, at_most, create_team_workspace, measure, slower

STORED = 1_000_000
DECISIONS = 100_000
SIZED = 2000
"""Decisions over which the growth of the database is averaged."""

AVERAGES = """
SELECT avg(pg_column_size(response)) AS response, avg(pg_column_size(inputs)) AS inputs,
       avg(pg_column_size(assignments.*) - pg_column_size(response) - pg_column_size(inputs)) AS row
  FROM assignments
 WHERE workspace_id = (SELECT id FROM workspaces WHERE name = 'size')
"""
"""Bytes of a decision as they are stored, compressed or not."""
TOTAL = """
SELECT sum(pg_total_relation_size(oid))::bigint FROM pg_class
 WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace
"""
"""Bytes of all tables with their indexes and long values."""

FILL = """
WITH copied AS (
  SELECT response, inputs, owner_id, team_id, step FROM assignments WHERE workspace_id = $1 LIMIT 1
), numbers AS (
  SELECT number, gen_random_uuid() AS lead, gen_random_uuid() AS assignment
    FROM generate_series($2::int, $3::int) AS number
), new_leads AS (
  INSERT INTO leads (workspace_id, id, state, assignment_id, received_at)
  SELECT $1, lead, 'assigned', assignment, now() - interval '1 day' FROM numbers
), new_identities AS (
  INSERT INTO identities (workspace_id, kind, value, lead_id)
  SELECT $1, 'email', 'stored-' || number || '@acme.example', lead FROM numbers
)
INSERT INTO assignments (workspace_id, id, decision_number, lead_id, cause, outcome, code, step,
  owner_id, team_id,
  priority, open, counts_toward_load, decided_at, plan_version, response, inputs)
SELECT $1, assignment, 1000000000 + number, lead, 'assign', 'assigned', 'round_robin', step, owner_id,
       team_id, 0, true, true, now() - interval '1 day', 1, response, inputs
  FROM numbers, copied
"""


def million(service: Service) -> Iterator[Row]:
    """A workspace with a million leads against an empty one. Statements were planned on empty tables."""
    empty, full = create_team_workspace(service, "empty"), create_team_workspace(service, "full")
    for key in (empty, full):
        measure(service.port, key, 8, 200)
    asyncio.run(_fill(service))
    sides = alternate(
        lambda: measure(service.port, empty, 8, 1000), lambda: measure(service.port, full, 8, 1000)
    )
    yield slower("1,000,000 stored leads to an empty store", sides, 1.3)


async def _fill(service: Service) -> None:
    connection = await service.connect()
    workspace = await connection.fetchval("SELECT id FROM workspaces WHERE name = 'full'")
    for first in range(1, STORED, 50_000):
        await connection.execute(FILL, workspace, first, first + 49_999, timeout=600)
    await connection.close()


def size(service: Service) -> Iterator[Row]:
    """The bytes that one decision of a team of twenty adds to the database."""
    key = create_team_workspace(service, "size")
    measure(service.port, key, 8, 200)
    before = asyncio.run(_sizes(service))
    measure(service.port, key, 8, SIZED)
    after = asyncio.run(_sizes(service))
    yield Row("of it the response, average", f"{after.response:,.0f} bytes")
    yield Row("of it the inputs, average", f"{after.inputs:,.0f} bytes")
    yield Row("of it the row of the assignment, average", f"{after.row:,.0f} bytes")
    stored = (after.response + after.inputs + after.row) / 1024
    yield at_most("KB stored per decision, team of 20", stored, 3)
    grown = (after.database - before.database) / SIZED / 1024
    yield at_most("KB that all tables and indexes grow per decision, team of 20", grown, 3)


@dataclass(frozen=True, slots=True)
class _Sizes:
    response: float
    inputs: float
    row: float
    database: int


async def _sizes(service: Service) -> _Sizes:
    connection = await service.connect()
    try:
        averages = await connection.fetchrow(AVERAGES)
        total = await connection.fetchval(TOTAL)
    finally:
        await connection.close()
    assert averages is not None
    response, inputs, row = (float(averages[name]) for name in ("response", "inputs", "row"))
    return _Sizes(response, inputs, row, total)


def weight(service: Service) -> Iterator[Row]:
    """Resident memory after 100,000 decisions."""
    key = create_team_workspace(service, "weight")
    measure(service.port, key, 4, DECISIONS // 100, batch=True)
    yield at_most("megabytes resident after 100,000 decisions", service.memory(), 250)
