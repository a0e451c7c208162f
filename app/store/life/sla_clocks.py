"""SLA clocks: by when an owner must accept and touch a lead, or a queue must be served."""

from collections.abc import Sequence
from datetime import datetime

import orjson

from app.engine.life.clocks import Clock
from app.store.connection.pool import Connection, Row
from app.store.connection.rows import row_in_utc
from app.store.reports.fact_cursor import INSERT_STALE_OF_CHANGED

UPSERT_CLOCKS = """
  INSERT INTO sla_clocks (workspace_id, assignment_id, kind, lead_id, sla, owner_id, team_id, queue,
    started_at, first_due_at, due_at, next_at, reminded, terms, state, ended_at, strike)
  SELECT $1, * FROM json_to_recordset({rows}) AS clock (
    assignment_id uuid, kind text, lead_id uuid, sla text, owner_id text, team_id text, queue text,
    started_at timestamptz, first_due_at timestamptz, due_at timestamptz, next_at timestamptz,
    reminded smallint, terms json, state text, ended_at timestamptz, strike text)
  ON CONFLICT (workspace_id, assignment_id, kind) DO UPDATE
    SET due_at = excluded.due_at, next_at = excluded.next_at, reminded = excluded.reminded,
        terms = excluded.terms, state = excluded.state, ended_at = excluded.ended_at,
        strike = excluded.strike"""
"""New and changed clocks; `rows` is the name of the parameter that holds them as JSON."""

# `ended_at`, and not `state`: the indexes of pending clocks hold those of the whole workspace.
WITHDRAW_CLOCKS = """
UPDATE sla_clocks
   SET ended_at = $3,
       state = CASE WHEN kind = 'claim' AND $4 IN ('claimed', 'released') THEN 'met' ELSE 'withdrawn' END
 WHERE workspace_id = $1 AND assignment_id = $2 AND ended_at IS NULL
"""
"""The pending clocks of an assignment that ended. A queue is served when somebody takes its lead."""

CLOCK_COLUMNS = """assignment_id::text AS assignment_id, kind, lead_id::text AS lead_id, sla, owner_id,
       team_id, queue, started_at, first_due_at, due_at, next_at, reminded, terms, state, ended_at, strike"""

SELECT_CLOCKS_OF_ASSIGNMENTS = f"""
SELECT clock.*
  FROM unnest($2::uuid[]) AS wanted (id)
 CROSS JOIN LATERAL (
   SELECT {CLOCK_COLUMNS}
     FROM sla_clocks WHERE workspace_id = $1 AND assignment_id = wanted.id
     ORDER BY kind LIMIT 5) AS clock
"""
"""The clocks of assignments."""


COUNT_STRAY_CLOCKS = """
SELECT count(*) FROM sla_clocks
  JOIN assignments ON assignments.workspace_id = $1 AND assignments.id = sla_clocks.assignment_id
 WHERE sla_clocks.workspace_id = $1 AND sla_clocks.state = 'pending' AND assignments.end_cause IS NOT NULL
"""
"""Pending clocks of assignments that have ended. There are none."""

WITHDRAW_CLOCKS_OF_OTHER_SLAS = f"""
WITH changed AS (
  UPDATE sla_clocks SET state = 'withdrawn', ended_at = $3
   WHERE workspace_id = $1 AND state = 'pending' AND kind IN ('accept', 'touch', 'claim') AND sla = ANY ($2)
  RETURNING lead_id),
stale AS ({INSERT_STALE_OF_CHANGED})
SELECT count(*) FROM changed
"""
"""The running clocks of SLAs that are gone."""


async def count_stray_clocks(connection: Connection, workspace_id: int) -> int:
    """Return how many clocks run for assignments that have ended."""
    return int(await connection.fetchval(COUNT_STRAY_CLOCKS, workspace_id))


async def withdraw_clocks_of(
    connection: Connection, workspace_id: int, slas: Sequence[str], now: datetime
) -> int:
    """Withdraw the running clocks of these SLAs. Return how many."""
    return int(await connection.fetchval(WITHDRAW_CLOCKS_OF_OTHER_SLAS, workspace_id, list(slas), now))


async def find_clocks(
    connection: Connection, workspace_id: int, assignment_ids: Sequence[str]
) -> dict[str, list[Clock]]:
    """Return the clocks by assignment."""
    found: dict[str, list[Clock]] = {}
    rows = await connection.fetch(SELECT_CLOCKS_OF_ASSIGNMENTS, workspace_id, list(assignment_ids))
    for row in rows:
        found.setdefault(row["assignment_id"], []).append(clock_from_row(row))
    return found


def clock_from_row(row: Row) -> Clock:
    """Return a clock out of a row with its columns."""
    return Clock(**{**row_in_utc(row), "terms": orjson.loads(row["terms"])})
