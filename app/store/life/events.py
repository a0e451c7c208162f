"""Events that callers report about assignments. Rows never change, except for what a form tool corrects."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

import orjson

from app.engine.life.sales import NO_DEAL, SALE_TYPES, Deal, Sale
from app.store.connection.pool import Connection, Row
from app.store.stored_bytes import unpack

MAX_SALES = 1000
"""Of each lead so many events about deals are read, the newest."""


@dataclass(slots=True)
class EventRow:
    """One event, as it is written. `at` is when it happened, `received_at` when it was processed.

    `source` and `event_id` tell whether it came before; `body_hash` is of the body it came with, in
    hexadecimal. `status` and `response` are what the caller got. `details` is what later events need.
    """

    id: str
    assignment_id: str
    lead_id: str
    type: str
    at: datetime
    received_at: datetime
    actor: str
    effect: str = "none"
    source: str = ""
    event_id: str | None = None
    body_hash: str | None = None
    day_only: bool = False
    by_id: str | None = None
    via: str | None = None
    reason: str | None = None
    amount: str | None = None
    currency: str | None = None
    note: str | None = None
    ref: str | None = None
    for_at: datetime | None = None
    until_at: datetime | None = None
    status: int | None = None
    response: str | None = None
    details: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class EarlierEvent:
    """What an id stands for: the event that came with it, and what its caller got.

    `said_at` is when what it says now was said, by the clock of its source.
    """

    body_hash: str
    status: int
    response: bytes
    id: str = ""
    lead_id: str = ""
    assignment_id: str = ""
    said_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class AmendedEvent:
    """What an event says from now on, such as the time of a meeting that was moved. `said_at` is when."""

    id: str
    lead_id: str
    said_at: datetime
    for_at: datetime | None
    note: str | None
    body_hash: str


INSERT_EVENTS = """
INSERT INTO events (workspace_id, id, assignment_id, lead_id, type, at, received_at, actor, effect, source,
  event_id, body_hash, day_only, by_id, via, reason, amount, currency, note, ref, for_at, until_at, status,
  response, details)
SELECT $1, id, assignment_id, lead_id, type, at, received_at, actor, effect, source, event_id,
       decode(body_hash, 'hex'), day_only, by_id, via, reason, amount::numeric, currency, note, ref, for_at,
       until_at, status, convert_to(response, 'UTF8'), details
  FROM json_to_recordset($2) AS event (
    id uuid, assignment_id uuid, lead_id uuid, type text, at timestamptz, received_at timestamptz, actor text,
    effect text, source text, event_id text, body_hash text, day_only boolean, by_id text, via text,
    reason text, amount text, currency text, note text, ref text, for_at timestamptz, until_at timestamptz,
    status smallint, response text, details json)
"""
"""Events that were reported."""

UPDATE_EVENTS = """
UPDATE events
   SET for_at = said.for_at, note = said.note, body_hash = decode(said.body_hash, 'hex'),
       details = (coalesce(details::jsonb, '{}') || jsonb_build_object('said_at', said.said_at))::json
  FROM json_to_recordset($2) AS said (
    id uuid, said_at timestamptz, for_at timestamptz, note text, body_hash text)
 WHERE events.workspace_id = $1 AND events.id = said.id
"""
"""Events that say something else from now on."""

SELECT_EARLIER_EVENTS = """
SELECT found.*
  FROM unnest($2::text[], $3::text[]) AS wanted (source, event_id)
 CROSS JOIN LATERAL (
   SELECT source, event_id, encode(body_hash, 'hex') AS body_hash, status, response, id::text AS id,
           lead_id::text AS lead_id, assignment_id::text AS assignment_id,
           coalesce((details ->> 'said_at')::timestamptz, at) AS said_at
      FROM events
    WHERE workspace_id = $1 AND events.source = wanted.source AND events.event_id = wanted.event_id
    LIMIT 1) AS found
"""
"""The events that came with these ids, each of its source."""


# The deals of leads that became one are deals of the one that remains. Merges form chains. The limits
# make the planner look each lead up instead of reading the workspace.
_PERSON = """
WITH RECURSIVE person AS (
  SELECT lead.id AS wanted, lead.id, lead.merged_into
    FROM unnest($2::uuid[]) AS wanted (id)
   CROSS JOIN LATERAL (
     SELECT id, merged_into FROM leads WHERE workspace_id = $1 AND id = wanted.id LIMIT 1) AS lead
  UNION
  SELECT person.wanted, other.id, other.merged_into
    FROM person
   CROSS JOIN LATERAL (
     (SELECT id, merged_into FROM leads WHERE workspace_id = $1 AND merged_into = person.id LIMIT 1000)
     UNION ALL
     (SELECT id, merged_into FROM leads WHERE workspace_id = $1 AND id = person.merged_into LIMIT 1)
   ) AS other)
SELECT wanted::text AS lead_id, type, ref, amount, currency
  FROM person
 CROSS JOIN LATERAL (
   SELECT sequence, type, ref, amount, currency FROM events
    WHERE workspace_id = $1 AND events.lead_id = person.id"""

SELECT_DEALS = f"""{_PERSON} AND type IN {SALE_TYPES!r} AND ref = ANY ($3::text[])
    ORDER BY sequence DESC LIMIT {MAX_SALES}) AS sale
 ORDER BY sequence
"""
"""What was reported about deals of leads and of those merged with them, in the order of processing."""

SELECT_SALES = f"""{_PERSON} AND type IN {SALE_TYPES!r}
    ORDER BY sequence DESC LIMIT {MAX_SALES}) AS sale
 ORDER BY sequence
"""
"""The sales of leads and of those merged with them, in the order of processing."""


async def find_deals(
    connection: Connection, workspace_id: int, lead_ids: Sequence[str], refs: Sequence[str]
) -> dict[tuple[str, str], Deal]:
    """Return these deals of these leads as they are now, by lead and `ref`. Unknown ones are left out."""
    deals: dict[tuple[str, str], Deal] = {}
    for row in await connection.fetch(SELECT_DEALS, workspace_id, list(lead_ids), list(refs)):
        key = (row["lead_id"], row["ref"])
        deals[key], _ = deals.get(key, NO_DEAL).after(_sale(row))
    return deals


async def find_sales(connection: Connection, workspace_id: int, lead_id: str) -> list[Sale]:
    """Return the newest sales of a lead and of those merged with it, in the order of processing."""
    return [_sale(row) for row in await connection.fetch(SELECT_SALES, workspace_id, [lead_id])]


def _sale(row: Row) -> Sale:
    amount: Decimal | None = row["amount"]
    return Sale(row["type"], row["ref"], amount, row["currency"])


async def find_earlier_events(
    connection: Connection, workspace_id: int, ids: Sequence[tuple[str, str]]
) -> dict[tuple[str, str], EarlierEvent]:
    """Return the events that came with these pairs of source and id."""
    sources, event_ids = [source for source, _ in ids], [event_id for _, event_id in ids]
    rows = await connection.fetch(SELECT_EARLIER_EVENTS, workspace_id, sources, event_ids)
    return {(row["source"], row["event_id"]): _earlier(row) for row in rows}


async def insert_events(connection: Connection, workspace_id: int, rows: Sequence[EventRow]) -> None:
    """Write events."""
    await connection.execute(INSERT_EVENTS, workspace_id, orjson.dumps(rows).decode())


async def amend_events(connection: Connection, workspace_id: int, rows: Sequence[AmendedEvent]) -> None:
    """Change what events say."""
    await connection.execute(UPDATE_EVENTS, workspace_id, orjson.dumps(rows).decode())


def _earlier(row: Row) -> EarlierEvent:
    return EarlierEvent(
        row["body_hash"] or "",
        row["status"] or 200,
        unpack(row["response"] or b"{}"),
        row["id"],
        row["lead_id"] or "",
        row["assignment_id"],
        row["said_at"],
    )
