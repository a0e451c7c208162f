"""Deliveries of forms: stored in the inbox of webhooks, each id of a delivery once.

Ids are kept as hashes, apart from the bodies, and longer than those.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from app.store.clocks import NOW
from app.store.connection.pool import Connection
from app.store.crm.inbox import State

PREFIX = "form:"
"""The start of the system of an event that came from a form; an endpoint's id follows."""
OBJECT = "form"

# The order of the ids is the same in each process, so that two never wait for one another.
INSERT_DELIVERY = f"""
WITH clock AS MATERIALIZED (SELECT {NOW} AS now),
new AS MATERIALIZED (
  SELECT * FROM unnest($6::bytea[], $7::uuid[], $8::text[], $9::text[], $10::timestamptz[], $11::integer[],
                       $12::bytea[], $13::text[], $14::text[], $15::interval[])
    AS new (id_hash, id, record_id, kind, event_at, position, event, state, code, remembered)),
fresh AS (
  INSERT INTO form_ids AS known (workspace_id, endpoint_id, id_hash, inbox_id, until)
  SELECT DISTINCT ON (new.id_hash) $1, $2, new.id_hash, new.id, clock.now + new.remembered
    FROM new CROSS JOIN clock ORDER BY new.id_hash, new.position
  ON CONFLICT (workspace_id, endpoint_id, id_hash) DO UPDATE
    SET inbox_id = excluded.inbox_id, until = excluded.until
    WHERE known.until <= (SELECT now FROM clock)
  RETURNING inbox_id),
inserted AS (
  INSERT INTO crm_inbox
    (workspace_id, endpoint_id, delivery_id, system, dedupe_key, id, object, record_id, kind, event_at,
     event_order, position, event, received_at, state, next_at, code, ended_at)
  SELECT $1, $2, $3, '{PREFIX}' || $2, sha256(convert_to(new.id::text, 'UTF8')), new.id, '{OBJECT}',
         new.record_id, new.kind, coalesce(new.event_at, clock.now), 0, new.position, new.event, clock.now,
         CASE WHEN late.erased THEN 'pending' ELSE new.state END, clock_timestamp(),
         CASE WHEN NOT late.erased THEN new.code END,
         CASE WHEN NOT late.erased AND new.state <> 'pending' THEN clock.now END
    FROM new JOIN fresh ON fresh.inbox_id = new.id CROSS JOIN clock
   CROSS JOIN LATERAL (
     SELECT coalesce(new.code, '') = 'awaiting_fetch' AND EXISTS (
              SELECT FROM form_records
               WHERE workspace_id = $1 AND endpoint_id = $2 AND record = decode(new.record_id, 'hex')
                 AND lead_id IS NULL) AS erased) AS late
  RETURNING id),
stored AS (
  INSERT INTO crm_deliveries (workspace_id, id, endpoint_id, received_at, headers, body)
  SELECT $1, $3, $2, clock.now, $4, $5 FROM clock WHERE EXISTS (SELECT FROM inserted))
SELECT new.id::text AS id, inserted.id IS NOT NULL AS new,
       (SELECT known.inbox_id::text FROM form_ids AS known
         WHERE known.workspace_id = $1 AND known.endpoint_id = $2 AND known.id_hash = new.id_hash
         LIMIT 1) AS earlier
  FROM new LEFT JOIN inserted ON inserted.id = new.id ORDER BY new.position
"""
"""A delivery and what it says, as far as its ids are new. Without a new one nothing is stored.

What is told of an erased person does not wait to be fetched.
"""

DELETE_OLD_IDS = f"""
DELETE FROM form_ids WHERE workspace_id = $1 AND ctid = ANY (ARRAY(
  SELECT ctid FROM form_ids WHERE workspace_id = $1 AND until <= {NOW} LIMIT $2))
RETURNING endpoint_id
"""
"""Ids that have been remembered for long enough."""

DELETE_IDS_OF_ENDPOINT = "DELETE FROM form_ids WHERE workspace_id = $1 AND endpoint_id = $2"
"""The ids that came to an endpoint whose path has ended."""


@dataclass(frozen=True, slots=True)
class NewRow:
    """One thing that a delivery says. `event` is its stored form; None when nothing could be made of it.

    `remembered` is how long its id is.
    """

    id_hash: bytes
    id: str
    record_id: str
    kind: str
    at: datetime | None
    event: bytes | None
    state: State
    code: str | None
    remembered: timedelta


@dataclass(frozen=True, slots=True)
class StoredRow:
    """Whether a row is new. `id` is that of the row that stands for its id now."""

    id: str
    new: bool


async def insert_delivery(
    connection: Connection,
    workspace_id: int,
    endpoint_id: str,
    delivery_id: str,
    headers: str,
    body: bytes,
    rows: Sequence[NewRow],
) -> list[StoredRow]:
    """Store a delivery and what it says, and return what became of each row, in their order."""
    found = await connection.fetch(
        INSERT_DELIVERY,
        workspace_id,
        endpoint_id,
        delivery_id,
        headers,
        body,
        [each.id_hash for each in rows],
        [each.id for each in rows],
        [each.record_id for each in rows],
        [each.kind for each in rows],
        [each.at for each in rows],
        list(range(len(rows))),
        [each.event for each in rows],
        [each.state for each in rows],
        [each.code for each in rows],
        [each.remembered for each in rows],
    )
    return [StoredRow(row["id"] if row["new"] else row["earlier"] or row["id"], row["new"]) for row in found]


async def delete_old_ids(connection: Connection, workspace_id: int, limit: int) -> int:
    """Delete a slice of the ids that are not remembered any more. Return how many."""
    return len(await connection.fetch(DELETE_OLD_IDS, workspace_id, limit))


async def delete_ids_of_endpoint(connection: Connection, workspace_id: int, endpoint_id: str) -> None:
    """Delete the ids that came to an endpoint."""
    await connection.execute(DELETE_IDS_OF_ENDPOINT, workspace_id, endpoint_id)
