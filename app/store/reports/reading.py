"""Transactions of reports: planned by what the tables hold, unlike those of decisions."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from app.pace import paced
from app.store.connection.pool import Connection, Limits, Pool, transaction
from app.store.connection.rows import row_in_utc
from app.store.reports.cuts import Parts

LIMITS = Limits(statement=30_000, idle=30_000)

SET_PLANNER = """
SELECT set_config(name, 'on', true)
  FROM unnest(ARRAY['enable_seqscan', 'enable_bitmapscan', 'enable_hashjoin', 'enable_mergejoin']) AS name
"""
"""Let the planner choose: a report reads many rows, once."""

FORCE_CUSTOM_PLANS = "SELECT set_config('plan_cache_mode', 'force_custom_plan', true)"
"""Plan each report by its period and filters."""


async def fetch_rows(connection: Connection, statement: str, parts: Parts) -> list[dict[str, Any]]:
    """Return the rows of a statement that was built of these parts."""
    rows = await connection.fetch(statement, *parts.values)
    return [row_in_utc(row) async for row in paced(rows)]


@asynccontextmanager
async def reading(pool: Pool, workspace_id: int) -> AsyncIterator[Connection]:
    """A transaction that only reads, and sees one moment."""
    async with transaction(pool, workspace_id, read_only=True, limits=LIMITS) as connection:
        await connection.execute(SET_PLANNER)
        await connection.execute(FORCE_CUSTOM_PLANS)
        yield connection
