"""Leads and their assignments as callers may read them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from decimal import Decimal
from typing import Any

import orjson

from app.engine.life.clocks import SLA_KINDS, Clock
from app.engine.life.sales import SalesTotal, total_of
from app.engine.life.signals import with_signals
from app.engine.model.lead_keys import LeadKey
from app.errors import Erased
from app.store.connection.pool import Connection, Row
from app.store.leads.current_leads import fields_from_inputs, stored_signals
from app.store.leads.merges import StoredMerge, find_merges_of_lead
from app.store.life.events import find_sales
from app.store.life.sla_clocks import find_clocks
from app.store.privacy.erasures import find_erasure
from app.store.stored_bytes import unpack

MAX_ASSIGNMENTS = 1000
MAX_EVENTS = 10_000
MAX_LEADS = 20
"""The most leads that one key finds."""


@dataclass(frozen=True, slots=True)
class AssignmentEvent:
    """An event that was reported about an assignment."""

    id: str
    event_id: str | None
    source: str
    type: str
    at: datetime
    day_only: bool
    received_at: datetime
    actor: str
    effect: str
    by_id: str | None
    via: str | None
    reason: str | None
    amount: Decimal | None
    currency: str | None
    note: str | None
    ref: str | None
    for_at: datetime | None
    until_at: datetime | None
    details: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class AssignmentDetail:
    """One decision as it was returned, and its current state.

    `state` is `open` while the assignment is current, `closed` once that was reported, `superseded` when the
    lead moved on. An assignment that `repeats` changed nothing and stands for the assignment `stands_for`;
    any other stands for itself. `priority` is the current one: a queued lead may have come again with a
    higher one. `clocks` are those of its SLA.
    """

    id: str
    lead_id: str
    cause: str
    state: str
    repeats: bool
    stands_for: str
    priority: int
    answer: dict[str, Any]
    end_cause: str | None
    from_assignment_id: str | None
    handoff: str | None
    clocks: Sequence[Clock] = ()


@dataclass(frozen=True, slots=True)
class LeadDetail:
    """A lead, its fields as intake left them, and its newest assignments in order."""

    id: str
    state: str
    received_at: datetime
    values: dict[str, Any]
    assignments: list[AssignmentDetail]
    complete: bool
    sales: SalesTotal
    merged_into: str | None
    merges: list[StoredMerge]


# A duplicate submission, or a queued lead that kept its place, changes nothing but a priority: it stands for
# the existing assignment. Which one is settled inside the LIMIT: under row-level security an index is asked
# for a plain value only, not for the result of CASE.
SELECT_ASSIGNMENT_DETAILS = """
SELECT shown.id::text AS id, lead_id::text AS lead_id, cause, response, repeats,
       stands_for::text AS stands_for, priority, effective.end_cause,
       from_assignment_id::text AS from_assignment_id, handoff,
       CASE WHEN effective.open THEN 'open'
            WHEN effective.end_cause IN ('closed', 'idle') THEN 'closed'
            WHEN effective.end_cause IS NOT NULL OR lead.assignment_id <> stands_for THEN 'superseded'
            WHEN lead.state = 'closed' THEN 'closed'
            ELSE 'open' END AS state
  FROM unnest($2::uuid[]) AS wanted (id)
 CROSS JOIN LATERAL (
   SELECT assignments.id, lead_id, cause, response, decision_number, priority, repeats, from_assignment_id,
          handoff,
          CASE WHEN repeats THEN existing_assignment_id ELSE assignments.id END AS stands_for
     FROM assignments
    CROSS JOIN LATERAL (
      SELECT coalesce(existing_kind = 'duplicate' OR code = 'reengaged' AND outcome = 'queued', false)
               AS repeats
    ) AS existing
    WHERE workspace_id = $1 AND assignments.id = wanted.id LIMIT 1) AS shown
 CROSS JOIN LATERAL (
   SELECT assignment_id, leads.state FROM leads
    WHERE workspace_id = $1 AND leads.id = lead_id LIMIT 1) AS lead
 CROSS JOIN LATERAL (
   SELECT open, end_cause FROM assignments WHERE workspace_id = $1 AND assignments.id = stands_for LIMIT 1
 ) AS effective
 ORDER BY decision_number
"""
"""Assignments with their current states, in order."""

_EVENT_COLUMNS = ", ".join(each.name for each in fields(AssignmentEvent))
# Sorted outside the LIMIT, or else the planner may read all events by age while the table is empty.
SELECT_EVENTS_OF_ASSIGNMENT = f"""
SELECT {_EVENT_COLUMNS} FROM (
  SELECT sequence, id::text AS id, event_id, source, type, at, day_only, received_at, actor, effect, by_id,
         via, reason, amount, currency, note, ref, for_at, until_at, coalesce(details, '{{}}') AS details
    FROM events WHERE workspace_id = $1 AND assignment_id = $2
   LIMIT {MAX_EVENTS}) AS event
 ORDER BY sequence
"""
"""The events of one assignment, in order."""

SELECT_LEAD = """
SELECT leads.id::text AS id, leads.state, received_at, signals, leads.fields_from, decision.inputs,
       merged_into::text AS merged_into
  FROM (
   SELECT id, state, received_at, signals, merged_into, coalesce(fields_from, assignment_id) AS fields_from
     FROM leads WHERE workspace_id = $1 AND id = $2 LIMIT 1) AS leads
 CROSS JOIN LATERAL (
   SELECT inputs FROM assignments WHERE workspace_id = $1 AND id = leads.fields_from LIMIT 1) AS decision
"""
"""One lead, and the inputs of the decision that has its fields."""

SELECT_NEWEST_ASSIGNMENT_IDS = """
SELECT id FROM assignments WHERE workspace_id = $1 AND lead_id = $2 ORDER BY decision_number DESC LIMIT $3
"""
"""The newest assignments of one lead."""

SELECT_LEAD_IDS_BY_KEY = """
SELECT DISTINCT lead_id FROM (
  SELECT lead_id FROM identities WHERE workspace_id = $1 AND kind = $2 AND value = $3
   ORDER BY lead_id DESC LIMIT $4) AS newest
 ORDER BY lead_id
"""
"""The newest leads that have this key, such as an e-mail address, from any source."""


async def find_assignment(
    connection: Connection, workspace_id: int, assignment_id: str
) -> tuple[AssignmentDetail, list[AssignmentEvent]] | None:
    """Return one assignment and its events, or those of the assignment it stands for, in order.

    Raises Erased.
    """
    row = await connection.fetchrow(SELECT_ASSIGNMENT_DETAILS, workspace_id, [assignment_id])
    if row is None:
        return None
    if not row["response"]:
        raise Erased()
    events = await connection.fetch(SELECT_EVENTS_OF_ASSIGNMENT, workspace_id, row["stands_for"])
    clocks = await find_clocks(connection, workspace_id, [row["stands_for"]])
    return _assignment(row, clocks), [
        AssignmentEvent(**{**event, "details": orjson.loads(event["details"])}) for event in events
    ]


async def find_lead(connection: Connection, workspace_id: int, lead_id: str) -> LeadDetail | None:
    """Return one lead with its newest assignments, at most `MAX_ASSIGNMENTS`, or None.

    Raises Erased.
    """
    row = await connection.fetchrow(SELECT_LEAD, workspace_id, lead_id)
    if row is None:
        if await find_erasure(connection, workspace_id, lead_id) is not None:
            raise Erased()
        return None
    newest = await connection.fetch(SELECT_NEWEST_ASSIGNMENT_IDS, workspace_id, lead_id, MAX_ASSIGNMENTS + 1)
    ids = [each["id"] for each in newest[:MAX_ASSIGNMENTS]]
    shown = await connection.fetch(SELECT_ASSIGNMENT_DETAILS, workspace_id, ids)
    clocks = await find_clocks(connection, workspace_id, ids)
    # The lead that took the place of a merged one has its deals.
    sales = await find_sales(connection, workspace_id, lead_id) if row["state"] != "merged" else ()
    return LeadDetail(
        id=row["id"],
        state=row["state"],
        received_at=row["received_at"],
        values=dict(
            with_signals(
                fields_from_inputs(row["inputs"]), stored_signals(row["signals"]), str(row["fields_from"])
            )
        ),
        assignments=[_assignment(each, clocks) for each in shown],
        complete=len(newest) <= MAX_ASSIGNMENTS,
        merged_into=row["merged_into"],
        merges=await find_merges_of_lead(connection, workspace_id, lead_id),
        sales=total_of(sales),
    )


async def find_leads_by_key(connection: Connection, workspace_id: int, key: LeadKey) -> list[LeadDetail]:
    """Return the leads that have this key, as intake writes keys: the newest `MAX_LEADS`, the oldest first.

    The source of the key does not matter.
    """
    rows = await connection.fetch(SELECT_LEAD_IDS_BY_KEY, workspace_id, key.kind, key.value, MAX_LEADS)
    found = [await find_lead(connection, workspace_id, str(row["lead_id"])) for row in rows]
    return [lead for lead in found if lead is not None]


def _assignment(row: Row, clocks: Mapping[str, Sequence[Clock]]) -> AssignmentDetail:
    return AssignmentDetail(
        id=row["id"],
        lead_id=row["lead_id"],
        cause=row["cause"],
        state=row["state"],
        repeats=row["repeats"],
        stands_for=row["stands_for"],
        priority=row["priority"],
        answer=orjson.loads(unpack(row["response"])),
        end_cause=row["end_cause"],
        from_assignment_id=row["from_assignment_id"],
        handoff=row["handoff"],
        clocks=[each for each in clocks.get(row["stands_for"], ()) if each.kind in SLA_KINDS],
    )
