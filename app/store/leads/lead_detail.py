"""Leads and their assignments as callers may look at them."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson

from app.store.connection.pool import Connection
from app.store.leads.current_leads import fields_from_inputs

MAX_ASSIGNMENTS = 1000


@dataclass(frozen=True, slots=True)
class AssignmentEvent:
    """Something that was reported about an assignment."""

    id: str
    type: str
    at: datetime
    actor: str


@dataclass(frozen=True, slots=True)
class AssignmentDetail:
    """One decision as it was answered, and what became of it.

    `state` is open while it is how the lead stands, closed once that was reported, superseded when the lead
    moved on. One that `repeats` changed nothing and `stands_for` the assignment it names as known; others
    stand for themselves. `priority` is that of today: who waits may have come again with a higher one.
    """

    id: str
    lead_id: str
    cause: str
    state: str
    repeats: bool
    stands_for: str
    priority: int
    answer: dict[str, Any]


@dataclass(frozen=True, slots=True)
class LeadDetail:
    """A lead, its fields as intake left them, and its newest assignments in their order."""

    id: str
    state: str
    received_at: datetime
    values: dict[str, Any]
    assignments: list[AssignmentDetail]
    complete: bool


# A double submission, or somebody queued who kept his place, changes nothing but a priority: it stands for
# the assignment that was there before. Which one, is settled inside the LIMIT: under row-level security an
# index is asked for a plain value only, not for what CASE makes of it.
SHOWN = """
SELECT shown.id, lead_id, cause, answer, repeats, stands_for, priority,
       CASE WHEN closed.id IS NOT NULL THEN 'closed'
            WHEN lead.assignment_id = stands_for THEN 'open'
            ELSE 'superseded' END AS state
  FROM unnest($2::uuid[]) AS wanted (id)
 CROSS JOIN LATERAL (
   SELECT assignments.id, lead_id, cause, answer, decision_number, priority, repeats,
          CASE WHEN repeats THEN of_assignment ELSE assignments.id END AS stands_for
     FROM assignments
    CROSS JOIN LATERAL (
      SELECT coalesce(known_kind = 'duplicate' OR code = 'reengaged' AND outcome = 'queued', false) AS repeats
    ) AS known
    WHERE workspace_id = $1 AND assignments.id = wanted.id LIMIT 1) AS shown
 CROSS JOIN LATERAL (
   SELECT assignment_id FROM leads WHERE workspace_id = $1 AND leads.id = lead_id LIMIT 1) AS lead
  LEFT JOIN LATERAL (
   SELECT id FROM events
    WHERE workspace_id = $1 AND assignment_id = stands_for AND type = 'closed' LIMIT 1) AS closed ON true
 ORDER BY decision_number
"""
EVENTS = """
SELECT id, type, at, actor FROM events WHERE workspace_id = $1 AND assignment_id = $2 ORDER BY at, id
"""


async def assignment(
    connection: Connection, workspace_id: int, assignment_id: str
) -> tuple[AssignmentDetail, list[AssignmentEvent]] | None:
    """One assignment, and what was reported about it, or what it stands for, in the order it came."""
    row = await connection.fetchrow(SHOWN, workspace_id, [assignment_id])
    if row is None:
        return None
    events = await connection.fetch(EVENTS, workspace_id, row["stands_for"])
    return _assignment(row), [AssignmentEvent(str(event[0]), *event[1:]) for event in events]


LEAD = """
SELECT leads.id, leads.state, received_at, decision.inputs
  FROM leads
 CROSS JOIN LATERAL (
   SELECT inputs FROM assignments WHERE workspace_id = $1 AND id = leads.assignment_id LIMIT 1) AS decision
 WHERE leads.workspace_id = $1 AND leads.id = $2
"""
NEWEST = """
SELECT id FROM assignments WHERE workspace_id = $1 AND lead_id = $2 ORDER BY decision_number DESC LIMIT $3
"""


async def lead(connection: Connection, workspace_id: int, lead_id: str) -> LeadDetail | None:
    """One lead with its newest assignments, of which there is a most."""
    row = await connection.fetchrow(LEAD, workspace_id, lead_id)
    if row is None:
        return None
    newest = await connection.fetch(NEWEST, workspace_id, lead_id, MAX_ASSIGNMENTS + 1)
    found = await connection.fetch(SHOWN, workspace_id, [each["id"] for each in newest[:MAX_ASSIGNMENTS]])
    return LeadDetail(
        id=str(row["id"]),
        state=row["state"],
        received_at=row["received_at"],
        values=fields_from_inputs(row["inputs"]),
        assignments=[_assignment(each) for each in found],
        complete=len(newest) <= MAX_ASSIGNMENTS,
    )


KNOWN_BY = "SELECT lead_id FROM identities WHERE workspace_id = $1 AND kind = $2 AND value = $3"


async def lead_known_by(
    connection: Connection, workspace_id: int, kind: str, value: str
) -> LeadDetail | None:
    """The lead that is known by this key, as intake writes keys."""
    found = await connection.fetchval(KNOWN_BY, workspace_id, kind, value)
    return await lead(connection, workspace_id, str(found)) if found is not None else None


def _assignment(row: Any) -> AssignmentDetail:
    return AssignmentDetail(
        id=str(row["id"]),
        lead_id=str(row["lead_id"]),
        cause=row["cause"],
        state=row["state"],
        repeats=row["repeats"],
        stands_for=str(row["stands_for"]),
        priority=row["priority"],
        answer=orjson.loads(row["answer"]),
    )
