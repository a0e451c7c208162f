"""The inbox: deliveries as they came, and their events, each once.

Events are processed record by record, see `turns.py`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from app.store.clocks import NOW
from app.store.connection.pool import Connection

# The order of the keys is the same in each process, so that two never wait for one another.
INSERT_DELIVERY = f"""
WITH inserted AS (
  INSERT INTO crm_inbox
    (workspace_id, endpoint_id, delivery_id, system, dedupe_key, id, object, record_id, kind, event_at,
     event_order, position, event, received_at, state, next_at, code, ended_at)
  SELECT $1, $2, $3, $6, new.dedupe_key, new.id, new.object, new.record_id, new.kind,
         coalesce(new.event_at, clock.now), new.event_order, new.position, new.event, clock.now,
         $7, clock_timestamp(), $8, CASE WHEN $7 <> 'pending' THEN clock.now END
    FROM (SELECT {NOW} AS now) AS clock
   CROSS JOIN unnest($9::bytea[], $10::uuid[], $11::text[], $12::text[], $13::text[], $14::timestamptz[],
                     $15::bigint[], $16::integer[], $17::bytea[])
           AS new (dedupe_key, id, object, record_id, kind, event_at, event_order, position, event)
   ORDER BY new.dedupe_key
  ON CONFLICT (workspace_id, endpoint_id, dedupe_key) DO NOTHING
  RETURNING id),
stored AS (
  INSERT INTO crm_deliveries (workspace_id, id, endpoint_id, received_at, headers, body)
  SELECT $1, $3, $2, {NOW}, $4, $5 WHERE EXISTS (SELECT FROM inserted))
SELECT count(*) FROM inserted
"""
"""A delivery and its events, as far as they are new. Without a new event nothing is stored."""

COUNT_BACKLOGS = """
SELECT wanted.id,
       (SELECT count(*) FROM (SELECT FROM crm_inbox WHERE workspace_id = $1 AND endpoint_id = wanted.id
           AND state = 'pending' LIMIT $3) AS part) AS waiting,
       (SELECT count(*) FROM (SELECT FROM crm_inbox WHERE workspace_id = $1 AND endpoint_id = wanted.id
           AND state = 'failed' LIMIT $3) AS part) AS failed
  FROM unnest($2::text[]) AS wanted (id)
"""
"""How many events of endpoints wait or have failed, counted up to a limit."""

SELECT_BACKLOG = """
WITH pending AS (
  SELECT endpoint_id, system, received_at, next_at, wait_until FROM crm_inbox
   WHERE workspace_id = $1 AND state = 'pending' ORDER BY next_at LIMIT $3
), failed AS (
  SELECT endpoint_id FROM crm_inbox WHERE workspace_id = $1 AND state = 'failed'
     AND NOT starts_with(system, 'form:') LIMIT $3
), of_endpoints AS (
  SELECT endpoint_id, count(*) FILTER (WHERE NOT starts_with(system, 'form:')) AS waiting, 0 AS failed,
         (array_agg(received_at ORDER BY next_at) FILTER (WHERE wait_until IS NULL))[1] AS first
    FROM pending GROUP BY endpoint_id
  UNION ALL
  SELECT endpoint_id, 0, count(*), NULL FROM failed GROUP BY endpoint_id
)
SELECT endpoint.body->>'kind' AS kind, coalesce(sum(waiting), 0)::bigint AS waiting,
       coalesce(sum(failed), 0)::bigint AS failed,
       extract(epoch FROM min(first))::double precision AS oldest
  FROM directory AS endpoint LEFT JOIN of_endpoints ON endpoint_id = endpoint.id
 WHERE endpoint.workspace_id = $1 AND endpoint.resource_type = $2
 GROUP BY kind
"""
"""For each kind of endpoint: how many events of CRMs wait or failed, and when the first that is due came."""

SELECT_UNREAD = """
SELECT EXISTS (SELECT FROM crm_inbox WHERE workspace_id = $1 AND state = 'pending'
                 AND next_at <= now() AND tries = 0)
"""
"""Whether any event could be looked at, and was not."""

SELECT_OLDEST_UNREAD = """
SELECT min(received_at) AS at FROM (
  SELECT received_at FROM crm_inbox
   WHERE workspace_id = $1 AND state = 'pending' AND tries = 0 AND next_at <= now()
   ORDER BY next_at LIMIT 100) AS unread
"""
"""When the oldest event came that nobody has looked at, without those of records that must wait."""

RETRY_PARKED = """
UPDATE crm_inbox SET state = 'pending', ended_at = NULL, next_at = clock_timestamp()
 WHERE workspace_id = $1 AND endpoint_id = $2 AND state = 'failed'
   AND code IN ('endpoint_inactive', 'endpoint_deleted')
"""
"""What came to an endpoint while it was not active is due."""

DELETE_OF_ENDPOINT = "DELETE FROM crm_inbox WHERE workspace_id = $1 AND endpoint_id = $2"
"""The events of an endpoint that is deleted."""

DELETE_DELIVERIES_OF_ENDPOINT = "DELETE FROM crm_deliveries WHERE workspace_id = $1 AND endpoint_id = $2"
"""Its deliveries."""

MAX_COUNTED = 10_000
RESOURCE_TYPE = "endpoints"
"""What endpoints are in the directory."""
State = Literal["pending", "done", "failed"]


@dataclass(frozen=True, slots=True)
class NewEvent:
    """An event that has come. `event` is its stored form; None when the delivery could not be read."""

    dedupe_key: bytes
    id: str
    object: str
    record_id: str
    kind: str
    event_at: datetime | None
    event_order: int
    event: bytes | None


@dataclass(frozen=True, slots=True)
class NewDelivery:
    """A delivery that has come: its body as it may be kept, and the headers that name it."""

    id: str
    endpoint_id: str
    system: str
    headers: str
    body: bytes
    events: Sequence[NewEvent]
    state: State = "pending"
    code: str | None = None


@dataclass(frozen=True, slots=True)
class Backlog:
    """How many events wait and have failed, at most 10,000 each.

    `oldest` is when the oldest one came that can be looked at, in seconds since 1970.
    """

    waiting: int
    failed: int
    oldest: float | None = None


async def insert_delivery(connection: Connection, workspace_id: int, delivery: NewDelivery) -> int:
    """Store a delivery and its events. Return how many events are new."""
    events = delivery.events
    return int(
        await connection.fetchval(
            INSERT_DELIVERY,
            workspace_id,
            delivery.endpoint_id,
            delivery.id,
            delivery.headers,
            delivery.body,
            delivery.system,
            delivery.state,
            delivery.code,
            [each.dedupe_key for each in events],
            [each.id for each in events],
            [each.object for each in events],
            [each.record_id for each in events],
            [each.kind for each in events],
            [each.event_at for each in events],
            [each.event_order for each in events],
            list(range(len(events))),
            [each.event for each in events],
        )
    )


async def count_backlogs(
    connection: Connection, workspace_id: int, endpoint_ids: Sequence[str]
) -> dict[str, Backlog]:
    """Return how many events of these endpoints wait and have failed."""
    rows = await connection.fetch(COUNT_BACKLOGS, workspace_id, list(endpoint_ids), MAX_COUNTED)
    return {row["id"]: Backlog(row["waiting"], row["failed"]) for row in rows}


async def read_backlog(connection: Connection, workspace_id: int) -> dict[str, Backlog]:
    """Return how many events wait and have failed, at most 10,000 in all, by kind of endpoint."""
    rows = await connection.fetch(SELECT_BACKLOG, workspace_id, RESOURCE_TYPE, MAX_COUNTED)
    return {row["kind"]: Backlog(row["waiting"], row["failed"], row["oldest"]) for row in rows}


async def any_unread(connection: Connection, workspace_id: int) -> bool:
    """Return whether an event has come that nobody has looked at."""
    return bool(await connection.fetchval(SELECT_UNREAD, workspace_id))


async def find_oldest_unread(connection: Connection, workspace_id: int) -> datetime | None:
    """Return when the oldest event came that could be looked at, or None."""
    at: datetime | None = await connection.fetchval(SELECT_OLDEST_UNREAD, workspace_id)
    return at


async def retry_parked(connection: Connection, workspace_id: int, endpoint_id: str) -> None:
    """Process what came to an endpoint while it was not active."""
    await connection.execute(RETRY_PARKED, workspace_id, endpoint_id)


async def delete_of_endpoint(connection: Connection, workspace_id: int, endpoint_id: str) -> None:
    """Delete all deliveries and events of an endpoint."""
    await connection.execute(DELETE_OF_ENDPOINT, workspace_id, endpoint_id)
    await connection.execute(DELETE_DELIVERIES_OF_ENDPOINT, workspace_id, endpoint_id)
