"""Leads with their current assignment, as commit groups need them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from app.engine.life.preferences import Preferences
from app.engine.life.signals import NO_SIGNALS, Signals, signals_from_json, with_signals
from app.engine.model.decision import PriorAssignment
from app.engine.model.stored import lead_fields_of
from app.store.connection.pool import Connection, Row
from app.store.leads.prior_assignment import ASSIGNMENT_COLUMNS, PRIOR_COLUMNS, prior_from_row
from app.store.life.preferences import stored_preferences
from app.store.stored_bytes import unpack


@dataclass(frozen=True, slots=True)
class CurrentLead:
    """A lead with its current assignment, the fields it was decided from, and what intake changed.

    A lead's fields are stored once, with the newest decision that brought any: `fields_from`, or None for the
    one of the assignment, which also has the excluded owners. `values` include what `signals` have brought
    since. `account_ids` are the accounts that were found by name, `preferences` what the person allows, if
    they said so.
    """

    prior: PriorAssignment
    values: Mapping[str, Any]
    normalized: Mapping[str, Any]
    exclude: frozenset[str] = frozenset()
    fields_from: str | None = None
    signals: Signals = NO_SIGNALS
    account_ids: tuple[str, ...] = ()
    preferences: Preferences | None = None


# Here and below, LIMIT 1 keeps a look-up on the primary key, whatever the planner believes of a table that
# was empty when it made the plan.
_FIELDS = """lead.fields_from, lead.signals, lead.preferences, inputs, response, newer.field_inputs,
  newer.field_response"""
_NEWER_FIELDS = """
  LEFT JOIN LATERAL (
   SELECT inputs AS field_inputs, response AS field_response FROM assignments
    WHERE workspace_id = $1 AND id = lead.fields_from LIMIT 1
 ) AS newer ON true"""
SELECT_LEADS_BY_ID = f"""
SELECT {PRIOR_COLUMNS}, {_FIELDS}
  FROM unnest($2::uuid[]) AS wanted (id)
 CROSS JOIN LATERAL (
   SELECT id, assignment_id, state, fields_from, barred_owners, signals, preferences FROM leads
    WHERE workspace_id = $1 AND leads.id = wanted.id LIMIT 1
 ) AS lead
 CROSS JOIN LATERAL (
   SELECT {ASSIGNMENT_COLUMNS}, inputs, response FROM assignments
    WHERE workspace_id = $1 AND id = lead.assignment_id LIMIT 1
 ) AS assignment{_NEWER_FIELDS}
"""
"""Leads with their current assignments."""

_SELECT_OPEN_LEADS = """
SELECT {columns}
  FROM ({first}) AS assignment
 CROSS JOIN LATERAL (
   SELECT id, assignment_id, state, fields_from, barred_owners, signals, preferences FROM leads
    WHERE workspace_id = $1 AND id = assignment.lead_id LIMIT 1
 ) AS lead{newer}
 ORDER BY {order}
"""
SELECT_LEADS_IN_QUEUE = _SELECT_OPEN_LEADS.format(
    columns=f"{PRIOR_COLUMNS}, {_FIELDS}",
    newer=_NEWER_FIELDS,
    order="queue_rank DESC, queue_since, queue_number",
    first="""
    SELECT * FROM assignments
     WHERE workspace_id = $1 AND open AND queue = $2
     ORDER BY queue_rank DESC, queue_since, queue_number
     LIMIT $3""",
)
"""The first leads of a queue, by rank and then by the first entry."""

# Three look-ups, because the index begins with the owner or team that a lead is held for: leads held for
# others are not read.
SELECT_LEADS_HELD_FOR_OWNER = _SELECT_OPEN_LEADS.format(
    columns=f"{PRIOR_COLUMNS}, {_FIELDS}",
    newer=_NEWER_FIELDS,
    order="priority DESC, decision_number",
    first="""
    SELECT * FROM (
      (SELECT * FROM assignments
        WHERE workspace_id = $1 AND open AND held_until IS NOT NULL AND held_for_owner = $3
          AND held_for_team IS NULL
        ORDER BY held_for_team, priority DESC, decision_number
        LIMIT $2)
      UNION ALL
      SELECT for_team.*
        FROM unnest($4::text[]) AS wanted (team)
       CROSS JOIN LATERAL (
         SELECT * FROM assignments
          WHERE workspace_id = $1 AND open AND held_until IS NOT NULL AND held_for_owner IS NULL
            AND held_for_team = wanted.team
          ORDER BY held_for_owner, priority DESC, decision_number
          LIMIT $2) AS for_team
      UNION ALL
      (SELECT * FROM assignments
        WHERE workspace_id = $1 AND open AND held_until IS NOT NULL AND held_for_owner IS NULL
          AND held_for_team IS NULL
        ORDER BY held_for_owner, held_for_team, priority DESC, decision_number
        LIMIT $2)) AS held
     ORDER BY priority DESC, decision_number
     LIMIT $2""",
)
"""The first held leads that an owner may claim: those for the owner, their teams, or everybody."""

SELECT_LEAD_IN_QUEUE = f"""
SELECT {PRIOR_COLUMNS}, {_FIELDS}
  FROM (SELECT id, assignment_id, state, fields_from, barred_owners, signals, preferences FROM leads
         WHERE workspace_id = $1 AND id = $3 LIMIT 1) AS lead
 CROSS JOIN LATERAL (
   SELECT * FROM assignments WHERE workspace_id = $1 AND id = lead.assignment_id LIMIT 1
 ) AS assignment{_NEWER_FIELDS}
 WHERE open AND queue = $2
   AND ($4::text IS NULL OR held_for_owner = $4 OR held_for_team = ANY ($5::text[])
        OR held_for_owner IS NULL AND held_for_team IS NULL)
"""
"""One lead of a queue, if it is there and not held for another owner or team."""

SELECT_LEADS_OF_ASSIGNMENTS = """
SELECT found.*
  FROM unnest($2::uuid[]) AS wanted (id)
 CROSS JOIN LATERAL (
   SELECT id, lead_id, outcome, code, existing_kind, existing_assignment_id FROM assignments
    WHERE workspace_id = $1 AND assignments.id = wanted.id LIMIT 1
 ) AS found
"""
"""The lead of each assignment, and what tells whether the assignment repeats an earlier one."""

SELECT_RESPONSES = """
SELECT found.*
  FROM unnest($2::uuid[]) AS wanted (id)
 CROSS JOIN LATERAL (
   SELECT id, response FROM assignments WHERE workspace_id = $1 AND assignments.id = wanted.id LIMIT 1
 ) AS found
"""
"""The stored response of each assignment."""


async def find_leads(
    connection: Connection, workspace_id: int, lead_ids: Sequence[str]
) -> dict[str, CurrentLead]:
    """Return leads by id. Unknown ids are left out."""
    rows = await connection.fetch(SELECT_LEADS_BY_ID, workspace_id, list(lead_ids))
    return {str(row["lead_id"]): _current_lead(row) for row in rows}


async def find_waiting_leads(
    connection: Connection,
    workspace_id: int,
    queue: str,
    lead_id: str | None,
    limit: int,
    owner: str | None = None,
    teams: Sequence[str] = (),
) -> list[CurrentLead]:
    """Return the first leads of a queue, by priority and then by age; only `lead_id` if one is named.

    With an `owner`, the queue is the one of held leads: those held for other owners, or for teams other than
    `teams`, are left out.
    """
    if lead_id is not None:
        rows = await connection.fetch(SELECT_LEAD_IN_QUEUE, workspace_id, queue, lead_id, owner, list(teams))
    elif owner is not None:
        rows = await connection.fetch(SELECT_LEADS_HELD_FOR_OWNER, workspace_id, limit, owner, list(teams))
    else:
        rows = await connection.fetch(SELECT_LEADS_IN_QUEUE, workspace_id, queue, limit)
    return [_current_lead(row) for row in rows]


async def find_leads_of_assignments(
    connection: Connection, workspace_id: int, assignment_ids: Sequence[str]
) -> dict[str, tuple[str, str]]:
    """Return the lead of each assignment, and the assignment it stands for.

    A duplicate submission, and a queued lead that came again, stand for the existing assignment.
    """
    rows = await connection.fetch(SELECT_LEADS_OF_ASSIGNMENTS, workspace_id, list(assignment_ids))
    return {str(row["id"]): (str(row["lead_id"]), str(_stands_for(row))) for row in rows}


async def find_responses(
    connection: Connection, workspace_id: int, assignment_ids: Sequence[str]
) -> dict[str, bytes]:
    """Return the stored responses by assignment."""
    if not assignment_ids:
        return {}
    rows = await connection.fetch(SELECT_RESPONSES, workspace_id, list(assignment_ids))
    return {str(row["id"]): unpack(row["response"]) for row in rows}


def _stands_for(row: Row) -> Any:
    kept_place = row["code"] == "reengaged" and row["outcome"] == "queued"
    repeats = row["existing_kind"] == "duplicate" or kept_place
    return row["existing_assignment_id"] if repeats else row["id"]


def _current_lead(row: Row) -> CurrentLead:
    question = orjson.loads(unpack(row["inputs"]))["question"]
    newer = row["field_inputs"]
    fields = fields_from_inputs(newer) if newer else lead_fields_of(question)
    signals = stored_signals(row["signals"])
    return CurrentLead(
        prior=prior_from_row(row, "lead_id"),
        values=with_signals(fields, signals, str(row["fields_from"] or row["assignment_id"])),
        normalized=orjson.loads(unpack(row["field_response"] if newer else row["response"]))["normalized"],
        exclude=frozenset(question.get("exclude", ())),
        fields_from=str(row["fields_from"]) if row["fields_from"] else None,
        signals=signals,
        account_ids=accounts_by_name(question),
        preferences=stored_preferences(row["preferences"]),
    )


def stored_signals(stored: str | dict[str, Any] | None) -> Signals:
    """Return the signals of a lead out of their column, fetched or out of JSON."""
    if stored is None:
        return NO_SIGNALS
    return signals_from_json(orjson.loads(stored) if isinstance(stored, str) else stored)


def accounts_by_name(question: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the ids of the accounts that a stored request had found by name."""
    account = question.get("account")
    if not account:
        return ()
    return tuple(each["account"] for each in account["candidates"] if each["matched_by"] == "name")


def fields_from_inputs(inputs: bytes) -> Mapping[str, Any]:
    """Return a lead's fields out of the stored inputs of a decision, with instants as datetimes."""
    return lead_fields_of(orjson.loads(unpack(inputs))["question"])
