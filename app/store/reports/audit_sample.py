"""The decisions of a period by outcome and reason, and those drawn of them for the audit."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

import orjson

from app.store.connection.pool import Connection

MAX_EVENTS = 50
"""Of each decision so many events are shown, the first ones."""


class Stratum(NamedTuple):
    """Decisions with one outcome and one reason."""

    outcome: str
    code: str


@dataclass(frozen=True, slots=True)
class DrawnDecision:
    """A decision as it was made, what is stored of it, and what became of it.

    `response` is empty after an erasure, None when the decision was deleted.
    """

    assignment_id: str
    lead_id: str
    decision_number: int
    decided_at: datetime
    outcome: str
    code: str
    step: str | None
    owner_id: str | None
    team_id: str | None
    queue: str | None
    path: str | None
    block: str | None
    plan_version: int
    response: bytes | None
    open: bool | None
    ended_at: datetime | None
    end_cause: str | None
    accepted_at: datetime | None
    touched_at: datetime | None
    refunded: bool | None
    events: list[dict[str, Any]]


SELECT_STRATA = """
SELECT outcome, code, count(*) AS decisions
  FROM assignment_facts
 WHERE workspace_id = $1 AND decided_at >= $2 AND decided_at < $3
 GROUP BY outcome, code
"""
"""How many decisions of a period have each outcome and reason."""

SELECT_DRAWN = """
WITH ranked AS (
  SELECT assignment_id, outcome, code,
         row_number() OVER (
           PARTITION BY outcome, code
           ORDER BY sha256(convert_to($4 || ':' || decision_number, 'UTF8')), decision_number) AS place
    FROM assignment_facts
   WHERE workspace_id = $1 AND decided_at >= $2 AND decided_at < $3
)
SELECT fact.assignment_id::text AS assignment_id, fact.lead_id::text AS lead_id, fact.decision_number,
       fact.decided_at, fact.outcome, fact.code, fact.step, fact.owner_id, fact.team_id, fact.queue,
       fact.path, fact.block, fact.plan_version, stored.response, stored.open, stored.ended_at,
       stored.end_cause, stored.accepted_at, stored.touched_at, stored.refunded,
       coalesce(told.events, '[]') AS events
  FROM json_to_recordset($5) AS size (outcome text, code text, drawn bigint)
  JOIN ranked ON ranked.outcome = size.outcome AND ranked.code = size.code AND ranked.place <= size.drawn
 CROSS JOIN LATERAL (
   SELECT * FROM assignment_facts
    WHERE workspace_id = $1 AND assignment_facts.assignment_id = ranked.assignment_id LIMIT 1) AS fact
  LEFT JOIN LATERAL (
   SELECT response, open, ended_at, end_cause, accepted_at, touched_at, refunded FROM assignments
    WHERE workspace_id = $1 AND assignments.id = ranked.assignment_id LIMIT 1) AS stored ON true
 CROSS JOIN LATERAL (
   SELECT json_agg(json_build_object('type', type, 'at', at) ORDER BY at, sequence) AS events
     FROM (SELECT type, at, sequence FROM events
            WHERE workspace_id = $1 AND events.assignment_id = ranked.assignment_id
            ORDER BY sequence LIMIT $6) AS event) AS told
 ORDER BY fact.decision_number
"""
"""The decisions that each stratum gives, in order, with what is stored of them."""


async def count_strata(
    connection: Connection, workspace_id: int, start: datetime, end: datetime
) -> dict[Stratum, int]:
    """Return how many decisions of a period have each outcome and reason."""
    rows = await connection.fetch(SELECT_STRATA, workspace_id, start, end)
    return {Stratum(row["outcome"], row["code"]): row["decisions"] for row in rows}


async def draw(
    connection: Connection,
    workspace_id: int,
    start: datetime,
    end: datetime,
    seed: str,
    drawn: Mapping[Stratum, int],
) -> list[DrawnDecision]:
    """Return so many decisions of each stratum, in order."""
    sizes = [{**each._asdict(), "drawn": count} for each, count in drawn.items()]
    rows = await connection.fetch(
        SELECT_DRAWN, workspace_id, start, end, seed, orjson.dumps(sizes).decode(), MAX_EVENTS
    )
    return [DrawnDecision(**{**row, "events": orjson.loads(row["events"])}) for row in rows]
