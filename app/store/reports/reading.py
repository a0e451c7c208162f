"""Transactions of reports: planned by what the tables hold, unlike those of decisions."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from app.store.connection.pool import Connection, Limits, Pool, Row, transaction

LIMITS = Limits(statement=30_000, idle=30_000)

SET_PLANNER = """
SELECT set_config(name, 'on', true)
  FROM unnest(ARRAY['enable_seqscan', 'enable_bitmapscan', 'enable_hashjoin', 'enable_mergejoin']) AS name
"""
"""Let the planner choose: a report reads many rows, once."""

SET_MEMORY = "SELECT set_config('work_mem', '32MB', true)"
"""Join a million leads in memory. Only two reports are made at once in a process."""

FORCE_CUSTOM_PLANS = "SELECT set_config('plan_cache_mode', 'force_custom_plan', true)"
"""Plan each report by its period and filters."""


MAX_ROWS = 20_000
"""A report has so many groups at most."""

MAX_PARTS = 200_000
"""Where several rows make one group, there are so many at most."""


class TooManyRows(Exception):
    """A statement of a report finds more rows than it may."""


async def fetch_rows(
    connection: Connection, statement: str, values: Sequence[object], most: int | None = None
) -> Sequence[Row]:
    """Return the rows of a statement: by default groups, and the row of everything.

    Raises TooManyRows if there are more than `most`. Hardly more than these are read.
    """
    most = MAX_ROWS + 1 if most is None else most
    rows: Sequence[Row] = await connection.fetch(f"{statement} LIMIT {most + 1:d}", *values)
    if len(rows) > most:
        raise TooManyRows
    return rows


@asynccontextmanager
async def report_connection(pool: Pool, workspace_id: int) -> AsyncIterator[Connection]:
    """A transaction that only reads, and sees one moment."""
    async with transaction(pool, workspace_id, read_only=True, limits=LIMITS) as connection:
        await connection.execute(SET_PLANNER)
        await connection.execute(SET_MEMORY)
        await connection.execute(FORCE_CUSTOM_PLANS)
        yield connection
