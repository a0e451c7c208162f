"""The log of erasures: which lead was erased, when, and who did it, and what was reported about it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson

from app.store.connection.pool import Connection
from app.store.connection.rows import row_in_utc


@dataclass(frozen=True, slots=True)
class Erasure:
    """One erased lead. `report` says who had received its data, and what is kept."""

    lead_id: str
    at: datetime
    actor: str
    report: Mapping[str, Any]


_COLUMNS = "lead_id::text AS lead_id, at, actor, report"

SELECT_ERASURE = f"SELECT {_COLUMNS} FROM erasures WHERE workspace_id = $1 AND lead_id = $2"
"""The erasure of one lead."""

SELECT_ERASURES = f"""
SELECT {_COLUMNS} FROM erasures
 WHERE workspace_id = $1 AND ($2::uuid IS NULL OR lead_id > $2)
 ORDER BY lead_id LIMIT $3
"""
"""A page of the log, by lead."""

SELECT_UNLOGGED = """
SELECT assignment.id::text AS id
  FROM unnest($2::uuid[]) AS wanted (id)
 CROSS JOIN LATERAL (
   SELECT id, lead_id FROM assignments WHERE workspace_id = $1 AND assignments.id = wanted.id LIMIT 1
 ) AS assignment
 WHERE NOT EXISTS (SELECT FROM erasures
                    WHERE erasures.workspace_id = $1 AND erasures.lead_id = assignment.lead_id)
"""
"""The assignments whose lead is not in the log."""

INSERT_ERASURE = "INSERT INTO erasures (workspace_id, lead_id, at, actor, report) VALUES ($1, $2, $3, $4, $5)"
"""A lead was erased."""


async def find_erasure(connection: Connection, workspace_id: int, lead_id: str) -> Erasure | None:
    """Return the erasure of a lead, or None."""
    row = await connection.fetchrow(SELECT_ERASURE, workspace_id, lead_id)
    return Erasure(**{**row_in_utc(row), "report": orjson.loads(row["report"])}) if row is not None else None


async def list_erasures(
    connection: Connection, workspace_id: int, after: str | None, limit: int
) -> list[Erasure]:
    """Return a page of the log, after the entry of a lead."""
    rows = await connection.fetch(SELECT_ERASURES, workspace_id, after, limit)
    return [Erasure(**{**row_in_utc(row), "report": orjson.loads(row["report"])}) for row in rows]


async def find_unlogged(
    connection: Connection, workspace_id: int, assignment_ids: Sequence[str]
) -> list[str]:
    """Return those of these assignments whose lead is not in the log."""
    rows = await connection.fetch(SELECT_UNLOGGED, workspace_id, list(assignment_ids))
    return [row["id"] for row in rows]


async def insert_erasure(connection: Connection, workspace_id: int, erasure: Erasure) -> None:
    """Add an erasure to the log, under the workspace lock and in the role of erasure."""
    report = orjson.dumps(erasure.report).decode()
    await connection.execute(INSERT_ERASURE, workspace_id, erasure.lead_id, erasure.at, erasure.actor, report)
