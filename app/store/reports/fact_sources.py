"""What facts are made from: leads that changed, their decisions, events and clocks."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from app.store.connection.pool import Connection
from app.store.connection.rows import row_in_utc

MAX_ROWS = 100_000
"""More decisions or events of one lead are not read. The limit also keeps the planner to the index."""


@dataclass(frozen=True, slots=True)
class LeadRecord:
    """One lead. `merged_into` is the lead that took its place."""

    id: str
    state: str
    received_at: datetime
    merged_into: str | None
    has_preferences: bool = False


@dataclass(frozen=True, slots=True)
class Documents:
    """What the documents of a decision say, as far as facts hold it. Without documents all is unknown."""

    source: str | None = None
    campaign: str | None = None
    channel: str | None = None
    lead_type: str | None = None
    band: str | None = None
    account_status: str | None = None
    trigger: str | None = None
    strategy: str | None = None
    score: float | None = None
    tags_conflict: bool = False
    action_types: Sequence[str] = ()
    submitted_at: datetime | None = None
    form: str | None = None
    junk_parts: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class KnownTimes:
    """The working times that a fact has. They stay as they are when a calendar is changed later."""

    response_at: datetime | None
    response_work_seconds: int | None
    response_accepted_at: datetime | None
    accepted_work_seconds: int | None
    response_reached_at: datetime | None
    reached_work_seconds: int | None
    owner_touched_at: datetime | None
    owner_work_seconds: int | None

    def work_seconds(self, name: str, at: datetime) -> int | None:
        """The working time until `at` by the name of its column, if it was counted until then."""
        return getattr(self, name) if getattr(self, _UNTIL[name]) == at else None


_UNTIL = {
    "response_work_seconds": "response_at",
    "accepted_work_seconds": "response_accepted_at",
    "reached_work_seconds": "response_reached_at",
    "owner_work_seconds": "owner_touched_at",
}


@dataclass(frozen=True, slots=True)
class AssignmentRecord:
    """One decision.

    `known` and `times` are what its fact has already. Only of a decision without a fact, `inputs` and
    `response` are its documents, as they are stored; they are empty for an erased lead.
    """

    id: str
    lead_id: str
    decision_number: int
    decided_at: datetime
    cause: str
    outcome: str
    code: str
    step: str | None
    owner_id: str | None
    team_id: str | None
    queue: str | None
    path: str | None
    block: str | None
    open: bool
    ended_at: datetime | None
    end_cause: str | None
    attempt: int
    handoff: str | None
    existing_kind: str | None
    counts_toward_load: bool
    refunded: bool
    dispute: str | None
    accepted_at: datetime | None
    plan_version: int
    known: Documents | None = None
    times: KnownTimes | None = None
    inputs: bytes | None = None
    response: bytes | None = None


@dataclass(frozen=True, slots=True)
class EventRecord:
    """One event. `by_is_owner` says that `by_id` is, or was, an owner of the directory.

    `reported` is false for what the service recorded itself. `closes` are the channels that the person wants
    nothing through any more, of the `topic` alone if there is one.
    `known_actor` is what its fact says already.
    """

    id: str
    lead_id: str
    assignment_id: str
    sequence: int
    type: str
    at: datetime
    received_at: datetime
    day_only: bool
    by_id: str | None
    by_is_owner: bool
    via: str | None
    reason: str | None
    amount: Decimal | None
    currency: str | None
    ref: str | None
    for_at: datetime | None
    effect: str
    reported: bool
    closes: Sequence[str] = ()
    topic: str | None = None
    known_actor: str | None = None
    known_owner: str | None = None


@dataclass(frozen=True, slots=True)
class WithdrawalRecord:
    """A consent that was withdrawn in preferences. `name` is `channel`, `channel/topic` or `*/topic`."""

    change_id: str
    lead_id: str
    told_at: datetime
    name: str
    at: datetime


@dataclass(frozen=True, slots=True)
class ClockRecord:
    """One clock of an SLA."""

    assignment_id: str
    kind: str
    sla: str | None
    owner_id: str | None
    queue: str | None
    started_at: datetime
    due_at: datetime
    state: str
    ended_at: datetime | None


# Merges form chains. The limits make the planner look each lead up instead of reading the workspace.
SELECT_PERSONS = """
WITH RECURSIVE person AS (
  SELECT lead.id, lead.state, lead.received_at, lead.merged_into, has_preferences
    FROM unnest($2::uuid[]) AS wanted (id)
   CROSS JOIN LATERAL (
     SELECT id, state, received_at, merged_into, preferences IS NOT NULL AS has_preferences FROM leads
      WHERE workspace_id = $1 AND id = wanted.id LIMIT 1) AS lead
  UNION
  SELECT other.id, other.state, other.received_at, other.merged_into, other.has_preferences
    FROM person
   CROSS JOIN LATERAL (
     (SELECT id, state, received_at, merged_into, preferences IS NOT NULL AS has_preferences FROM leads
       WHERE workspace_id = $1 AND merged_into = person.id LIMIT 1000)
     UNION ALL
     (SELECT id, state, received_at, merged_into, preferences IS NOT NULL AS has_preferences FROM leads
       WHERE workspace_id = $1 AND id = person.merged_into LIMIT 1)
   ) AS other)
SELECT id::text AS id, state, received_at, merged_into::text AS merged_into, has_preferences FROM person
"""
"""Leads, with those that were merged with them."""

_KNOWN = (
    "source", "campaign", "channel", "lead_type", "band", "account_status", "trigger", "strategy", "score",
    "tags_conflict", "action_types", "submitted_at", "form", "junk_parts",
)  # fmt: skip
_TIMES = (*_UNTIL, *_UNTIL.values())

SELECT_ASSIGNMENTS = f"""
SELECT found.*
  FROM unnest($2::uuid[]) AS wanted (id)
 CROSS JOIN LATERAL (
   SELECT assignments.id::text AS id, lead_id::text AS lead_id, decision_number, decided_at, cause, outcome,
          code, step, owner_id, team_id, queue, path, block, open, ended_at, end_cause, attempt, handoff,
          existing_kind, counts_toward_load, refunded, dispute, accepted_at, plan_version,
          known.assignment_id IS NOT NULL AS has_fact,
          CASE WHEN known.assignment_id IS NULL THEN inputs END AS inputs,
          CASE WHEN known.assignment_id IS NULL THEN response END AS response,
          {", ".join(f"known.{name} AS known_{name}" for name in (*_KNOWN, *_TIMES))}
     FROM assignments
     LEFT JOIN LATERAL (
       SELECT assignment_id, {", ".join((*_KNOWN, *_TIMES))} FROM assignment_facts
        WHERE workspace_id = $1 AND assignment_facts.assignment_id = assignments.id LIMIT 1) AS known ON true
    WHERE workspace_id = $1 AND assignments.lead_id = wanted.id
    ORDER BY decision_number LIMIT {MAX_ROWS}) AS found
 ORDER BY decision_number
"""
"""The decisions about leads in order, with what their facts have already."""

SELECT_EVENTS = f"""
SELECT found.*
  FROM unnest($2::uuid[]) AS wanted (id)
 CROSS JOIN LATERAL (
   SELECT events.id::text AS id, lead_id::text AS lead_id, assignment_id::text AS assignment_id, sequence,
          type, at, received_at, day_only, by_id, via, reason, amount, currency, ref, for_at, effect,
          status IS NOT NULL AS reported, events.details ->> 'topic' AS topic,
          ARRAY(SELECT json_array_elements_text(events.details -> 'closes')) AS closes,
          known.actor AS known_actor, known.by_owner_id AS known_owner,
          EXISTS (SELECT FROM changes
                   WHERE changes.workspace_id = $1 AND resource_type = 'owners'
                     AND resource_id = events.by_id) AS by_is_owner
     FROM events
     LEFT JOIN LATERAL (
       SELECT actor, by_owner_id FROM event_facts
        WHERE workspace_id = $1 AND event_facts.event_id = events.id LIMIT 1) AS known ON true
    WHERE workspace_id = $1 AND events.assignment_id = wanted.id AND effect <> 'refused'
    LIMIT {MAX_ROWS}) AS found
 ORDER BY sequence
"""
"""The events of assignments in the order of processing."""

SELECT_CLOCKS = """
SELECT clock.*
  FROM unnest($2::uuid[]) AS wanted (id)
 CROSS JOIN LATERAL (
   SELECT assignment_id::text AS assignment_id, kind, sla, owner_id, queue, started_at, due_at, state,
          ended_at
     FROM sla_clocks WHERE workspace_id = $1 AND assignment_id = wanted.id
     ORDER BY kind LIMIT 10) AS clock
 WHERE kind IN ('accept', 'touch', 'claim')
"""
"""The clocks of SLAs of assignments."""


# Only what was written for this lead names an origin: events, merges and other leads of the person write the
# same consents without one.
SELECT_WITHDRAWALS = f"""
SELECT change.id::text AS change_id, change.lead_id::text AS lead_id, change.at AS told_at, act.key AS name,
       (act.value ->> 'at')::timestamptz AS at
  FROM unnest($2::uuid[]) AS wanted (id)
 CROSS JOIN LATERAL (
   SELECT id, lead_id, at, details FROM preference_changes
    WHERE workspace_id = $1 AND lead_id = wanted.id
    ORDER BY id LIMIT {MAX_ROWS}) AS change
 CROSS JOIN LATERAL json_each(change.details -> 'consents') AS act
 WHERE change.details ->> 'origin' IS NOT NULL AND act.value ->> 'state' = 'withdrawn'
 ORDER BY change.id, act.key
"""
"""What was withdrawn by writing preferences."""


async def find_withdrawals(
    connection: Connection, workspace_id: int, lead_ids: Sequence[str]
) -> list[WithdrawalRecord]:
    """Return what was withdrawn by writing preferences, in order."""
    if not lead_ids:
        return []
    rows = await connection.fetch(SELECT_WITHDRAWALS, workspace_id, list(lead_ids))
    return [WithdrawalRecord(**row_in_utc(row)) for row in rows]


async def find_persons(
    connection: Connection, workspace_id: int, lead_ids: Sequence[str]
) -> list[LeadRecord]:
    """Return leads with all that were merged with them. Deleted ones are left out."""
    rows = await connection.fetch(SELECT_PERSONS, workspace_id, list(lead_ids))
    return [LeadRecord(**row_in_utc(row)) for row in rows]


async def find_assignments(
    connection: Connection, workspace_id: int, lead_ids: Sequence[str]
) -> list[AssignmentRecord]:
    """Return the decisions about leads, in order."""
    rows = await connection.fetch(SELECT_ASSIGNMENTS, workspace_id, list(lead_ids))
    return [_assignment(row_in_utc(row)) for row in rows]


async def find_events(
    connection: Connection, workspace_id: int, assignment_ids: Sequence[str]
) -> list[EventRecord]:
    """Return the events of assignments, in the order of processing."""
    rows = await connection.fetch(SELECT_EVENTS, workspace_id, list(assignment_ids))
    return [EventRecord(**row_in_utc(row)) for row in rows]


async def find_sla_clocks(
    connection: Connection, workspace_id: int, assignment_ids: Sequence[str]
) -> list[ClockRecord]:
    """Return the clocks of SLAs of assignments."""
    rows = await connection.fetch(SELECT_CLOCKS, workspace_id, list(assignment_ids))
    return [ClockRecord(**row_in_utc(row)) for row in rows]


def _assignment(row: dict[str, Any]) -> AssignmentRecord:
    known = {name: row.pop(f"known_{name}") for name in _KNOWN}
    times = {name: row.pop(f"known_{name}") for name in _TIMES}
    has_fact = row.pop("has_fact")
    if not has_fact:
        return AssignmentRecord(**row)
    return AssignmentRecord(**row, known=Documents(**known), times=KnownTimes(**times))
