"""Leads and their assignments: what passes must know of them, and what is shown of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import orjson

from app.engine.model.decision import PriorAssignment
from app.engine.model.stored import lead_fields_from_json
from app.store.connection.pool import Connection


@dataclass(frozen=True, slots=True)
class CurrentLead:
    """A lead as it stands: its newest assignment, the fields it was decided from, and what intake changed.

    A lead's fields are kept once, with the decision that was made from them, and whom the caller excluded.
    """

    prior: PriorAssignment
    values: Mapping[str, Any]
    normalized: Mapping[str, Any]
    exclude: frozenset[str] = frozenset()


PRESENT = """
SELECT lead.id AS lead_id, lead.assignment_id, lead.state, owner_id, team_id, queue, path, block, priority,
       decided_at, held_until, held_owner, held_team, inputs, answer
  FROM unnest($2::uuid[]) AS wanted (id)
 CROSS JOIN LATERAL (
   SELECT id, assignment_id, state FROM leads WHERE workspace_id = $1 AND leads.id = wanted.id LIMIT 1
 ) AS lead
 CROSS JOIN LATERAL (
   SELECT owner_id, team_id, queue, path, block, priority, decided_at, held_until, held_owner, held_team,
          inputs, answer
     FROM assignments
    WHERE workspace_id = $1 AND id = lead.assignment_id LIMIT 1
 ) AS assignment
"""


async def find_leads(
    connection: Connection, workspace_id: int, lead_ids: Sequence[str]
) -> dict[str, CurrentLead]:
    """Leads by id; unknown ids are left out."""
    rows = await connection.fetch(PRESENT, workspace_id, list(lead_ids))
    return {str(row["lead_id"]): _present(row) for row in rows}


_STANDING = """
SELECT lead.id AS lead_id, lead.assignment_id, lead.state, owner_id, team_id, queue, path, block, priority,
       decided_at, held_until, held_owner, held_team, inputs, answer
  FROM ({first}) AS assignment
 CROSS JOIN LATERAL (
   SELECT id, assignment_id, state FROM leads
    WHERE workspace_id = $1 AND id = assignment.lead_id LIMIT 1
 ) AS lead
 ORDER BY priority DESC, decision_number
"""
WAITING = _STANDING.format(
    first="""
    SELECT * FROM assignments
     WHERE workspace_id = $1 AND open AND queue = $2
     ORDER BY priority DESC, decision_number
     LIMIT $3"""
)
# Three look-ups, for the index begins with whom a lead is held for: nobody reads what waits for others.
HELD_FOR = _STANDING.format(
    first="""
    SELECT * FROM (
      (SELECT * FROM assignments
        WHERE workspace_id = $1 AND open AND held_until IS NOT NULL AND held_owner = $3 AND held_team IS NULL
        ORDER BY held_team, priority DESC, decision_number
        LIMIT $2)
      UNION ALL
      SELECT for_team.*
        FROM unnest($4::text[]) AS wanted (team)
       CROSS JOIN LATERAL (
         SELECT * FROM assignments
          WHERE workspace_id = $1 AND open AND held_until IS NOT NULL AND held_owner IS NULL
            AND held_team = wanted.team
          ORDER BY held_owner, priority DESC, decision_number
          LIMIT $2) AS for_team
      UNION ALL
      (SELECT * FROM assignments
        WHERE workspace_id = $1 AND open AND held_until IS NOT NULL AND held_owner IS NULL
          AND held_team IS NULL
        ORDER BY held_owner, held_team, priority DESC, decision_number
        LIMIT $2)) AS held
     ORDER BY priority DESC, decision_number
     LIMIT $2"""
)


WAITING_LEAD = """
SELECT lead.id AS lead_id, lead.assignment_id, lead.state, owner_id, team_id, queue, path, block, priority,
       decided_at, held_until, held_owner, held_team, inputs, answer
  FROM (SELECT id, assignment_id, state FROM leads WHERE workspace_id = $1 AND id = $3 LIMIT 1) AS lead
 CROSS JOIN LATERAL (
   SELECT * FROM assignments
    WHERE workspace_id = $1 AND id = lead.assignment_id AND open AND queue = $2
      AND ($4::text IS NULL OR held_owner = $4 OR held_team = ANY ($5::text[])
           OR held_owner IS NULL AND held_team IS NULL)
    LIMIT 1
 ) AS assignment
"""


async def find_waiting(
    connection: Connection,
    workspace_id: int,
    queue: str,
    lead_id: str | None,
    limit: int,
    owner: str | None = None,
    teams: Sequence[str] = (),
) -> list[CurrentLead]:
    """The first leads of a queue, by priority and then by age; only the one wanted, if one is.

    With an `owner` the queue is that of what is held; left out is what is held for somebody else, he and his
    `teams` aside.
    """
    if lead_id is not None:
        rows = await connection.fetch(WAITING_LEAD, workspace_id, queue, lead_id, owner, list(teams))
    elif owner is not None:
        rows = await connection.fetch(HELD_FOR, workspace_id, limit, owner, list(teams))
    else:
        rows = await connection.fetch(WAITING, workspace_id, queue, limit)
    return [_present(row) for row in rows]


LEAD_OF = """
SELECT found.*
  FROM unnest($2::uuid[]) AS wanted (id)
 CROSS JOIN LATERAL (
   SELECT id, lead_id, outcome, code, known_kind, of_assignment FROM assignments
    WHERE workspace_id = $1 AND assignments.id = wanted.id LIMIT 1
 ) AS found
"""


async def leads_of_assignments(
    connection: Connection, workspace_id: int, assignment_ids: Sequence[str]
) -> dict[str, tuple[str, str]]:
    """The lead of each assignment, and the assignment it stands for.

    A double submission, and somebody in a queue who came again, stand for the assignment there was.
    """
    rows = await connection.fetch(LEAD_OF, workspace_id, list(assignment_ids))
    return {str(row["id"]): (str(row["lead_id"]), str(_stands_for(row))) for row in rows}


def _stands_for(row: Any) -> Any:
    kept_place = row["code"] == "reengaged" and row["outcome"] == "queued"
    return row["of_assignment"] if row["known_kind"] == "duplicate" or kept_place else row["id"]


def _present(row: Any) -> CurrentLead:
    prior = PriorAssignment(
        lead_id=str(row["lead_id"]),
        assignment_id=str(row["assignment_id"]),
        matched_by="lead_id",
        state=row["state"],
        owner=row["owner_id"],
        team=row["team_id"],
        queue=row["queue"],
        path=row["path"],
        block=row["block"],
        priority=row["priority"],
        decided_at=_utc(row["decided_at"]),
        held_until=row["held_until"] and _utc(row["held_until"]),
        held_owner=row["held_owner"],
        held_team=row["held_team"],
    )
    asked = orjson.loads(row["inputs"])["question"]
    normalized = orjson.loads(row["answer"])["normalized"]
    return CurrentLead(
        prior, lead_fields_from_json(asked["values"]), normalized, frozenset(asked.get("exclude", ()))
    )


def fields_from_inputs(inputs: bytes) -> dict[str, Any]:
    """A lead's fields out of the stored inputs of a decision; instants are datetimes again."""
    return lead_fields_from_json(orjson.loads(inputs)["question"]["values"])


def _utc(at: datetime) -> datetime:
    return at.astimezone(UTC)


ANSWERS = """
SELECT found.*
  FROM unnest($2::uuid[]) AS wanted (id)
 CROSS JOIN LATERAL (
   SELECT id, answer FROM assignments WHERE workspace_id = $1 AND assignments.id = wanted.id LIMIT 1
 ) AS found
"""


async def answers(
    connection: Connection, workspace_id: int, assignment_ids: Sequence[str]
) -> dict[str, bytes]:
    """What callers were answered, by assignment."""
    rows = await connection.fetch(ANSWERS, workspace_id, list(assignment_ids))
    return {str(row["id"]): row["answer"] for row in rows}
