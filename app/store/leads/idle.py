"""Idle leads: open leads of owners on which nobody has worked for some time."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from app.plan.language.durations import read_duration
from app.store.clocks import DECIDING_NOW
from app.store.connection.pool import ACQUIRE_SECONDS, Connection

MAX_COUNTED = 100_000
"""The most idle leads that are counted."""


@dataclass(frozen=True, slots=True)
class IdleLead:
    """An open assignment that has been idle for long enough."""

    lead_id: str
    assignment_id: str


@dataclass(frozen=True, slots=True)
class IdleTerms:
    """How long a lead may be idle, and since when that counts at the earliest."""

    close_idle: timedelta
    since: datetime


SELECT_CLOSE_IDLE = """
SELECT document ->> 'close_idle' AS close_idle FROM plans WHERE workspace_id = $1 AND version = $2
"""
"""The `close_idle` of a plan."""

# Read once for each version of a plan: it looks into the documents of the plans that were active.
SELECT_FIRST_PUBLICATION = """
SELECT change.at
  FROM changes AS change
 CROSS JOIN LATERAL (
   SELECT document FROM plans WHERE workspace_id = $1 AND version = change.resource_id::integer LIMIT 1
 ) AS plan
 WHERE change.workspace_id = $1 AND change.resource_type = 'plans'
   AND change.action IN ('publish', 'rollback') AND json_typeof(plan.document -> 'close_idle') <> 'null'
 ORDER BY change.version LIMIT 1
"""
"""When a plan with `close_idle` became active for the first time."""

SELECT_IDLE_LEADS = f"""
SELECT idle.lead_id, idle.id AS assignment_id
  FROM (SELECT {DECIDING_NOW} AS now) AS clock
 CROSS JOIN LATERAL (
   SELECT id, lead_id FROM assignments
    WHERE workspace_id = $1 AND open AND idle_from IS NOT NULL AND idle_from <= clock.now - $2::interval
      AND id <> ALL ($5::uuid[])
    ORDER BY idle_from LIMIT $4) AS idle
 WHERE clock.now >= $3::timestamptz + $2::interval
"""
"""Leads that have been idle for so long, since a moment at the earliest; the longest idle first."""

COUNT_IDLE_LEADS = """
SELECT count(*) FROM (
  SELECT FROM assignments
   WHERE workspace_id = $1 AND open AND idle_from IS NOT NULL AND idle_from <= $2 LIMIT $3) AS idle
"""
"""The number of open leads on which nobody has worked since a moment."""


async def find_first_publication(connection: Connection, workspace_id: int) -> datetime | None:
    """Return when a plan with `close_idle` first became active, or None."""
    at: datetime | None = await connection.fetchval(SELECT_FIRST_PUBLICATION, workspace_id)
    return at.astimezone(UTC) if at is not None else None


async def find_terms(connection: Connection, workspace_id: int, version: int) -> IdleTerms | None:
    """Return when leads close by a version of the plan, or None if they stay open."""
    written: str | None = await connection.fetchval(SELECT_CLOSE_IDLE, workspace_id, version)
    since = await find_first_publication(connection, workspace_id) if written else None
    return IdleTerms(read_duration(written), since) if written and since is not None else None


async def find_idle_leads(
    connection: Connection, workspace_id: int, terms: IdleTerms, limit: int, excluded: Sequence[str] = ()
) -> list[IdleLead]:
    """Return the leads that close by these terms, the longest idle first."""
    arguments = (workspace_id, terms.close_idle, terms.since, limit, list(excluded))
    rows = await connection.fetch(SELECT_IDLE_LEADS, *arguments, timeout=ACQUIRE_SECONDS)
    return [IdleLead(str(row["lead_id"]), str(row["assignment_id"])) for row in rows]


async def count_idle_leads(connection: Connection, workspace_id: int, until: datetime) -> int:
    """Return how many open leads have been idle since `until` or longer, at most `MAX_COUNTED`."""
    return int(await connection.fetchval(COUNT_IDLE_LEADS, workspace_id, until, MAX_COUNTED) or 0)
