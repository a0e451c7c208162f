"""The inbox: deliveries as they came, and their events, each once.

Events are processed record by record. A turn is the right to process a record; it ends with its time, so that
a process that was killed blocks nothing. The times of turns and of the next attempt are the system's.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal, NamedTuple

from app.store.clocks import NOW
from app.store.connection.pool import Connection
from app.store.connection.rows import row_in_utc

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

TAKE_TURNS = f"""
WITH clock AS MATERIALIZED (SELECT {NOW} AS now),
due AS MATERIALIZED (
  SELECT DISTINCT system, object, record_id FROM (
    (SELECT system, object, record_id FROM crm_inbox
      WHERE workspace_id = $1 AND state = 'pending' AND next_at <= clock_timestamp()
      ORDER BY next_at LIMIT $2)
    UNION ALL
    (SELECT system, object, record_id FROM crm_inbox
      WHERE workspace_id = $1 AND state = 'pending' AND wait_until IS NOT NULL
        AND wait_until <= (SELECT now FROM clock)
      ORDER BY wait_until LIMIT $2)) AS events),
taken AS (
  INSERT INTO crm_turns (workspace_id, system, object, record_id, until, token)
  SELECT $1, system, object, record_id, clock_timestamp() + $3::interval, $4::uuid FROM due
   ORDER BY system, object, record_id
  ON CONFLICT (workspace_id, system, object, record_id) DO UPDATE
    SET until = excluded.until, token = excluded.token
    WHERE crm_turns.until <= clock_timestamp()
  RETURNING system, object, record_id)
SELECT due.system, due.object, due.record_id, taken.record_id IS NOT NULL AS taken
  FROM due LEFT JOIN taken USING (system, object, record_id)
"""
"""Take the turns of records with due events. Turns that are taken already are returned as such."""

SELECT_ANY_DUE = f"""
SELECT EXISTS (SELECT FROM crm_inbox
                WHERE workspace_id = $1 AND state = 'pending' AND next_at <= clock_timestamp())
    OR EXISTS (SELECT FROM crm_inbox
                WHERE workspace_id = $1 AND state = 'pending' AND wait_until IS NOT NULL
                  AND wait_until <= {NOW})
"""
"""Whether any event is due."""

# It waits for no row, because the turns that it has just looked at are locked.
POSTPONE_BLOCKED = """
WITH later AS MATERIALIZED (
  SELECT inbox.id, blocked.until
    FROM unnest($2::text[], $3::text[], $4::text[]) AS record (system, object, id)
   CROSS JOIN LATERAL (
     SELECT until FROM crm_turns
      WHERE workspace_id = $1 AND system = record.system AND object = record.object AND record_id = record.id
      LIMIT 1) AS blocked
   CROSS JOIN LATERAL (
     SELECT id FROM crm_inbox
      WHERE workspace_id = $1 AND state = 'pending' AND system = record.system
        AND object = record.object AND record_id = record.id AND next_at < blocked.until
      LIMIT 1000 FOR UPDATE SKIP LOCKED) AS inbox)
UPDATE crm_inbox SET next_at = later.until FROM later
 WHERE crm_inbox.workspace_id = $1 AND crm_inbox.id = later.id
"""
"""Put off the events of records whose turn is taken, so that they do not hide what is due behind them."""

SELECT_EVENTS = f"""
SELECT event.id::text AS id, event.endpoint_id, event.delivery_id::text AS delivery_id, event.system,
       encode(event.dedupe_key, 'hex') AS dedupe_key, event.object,
       event.record_id, event.kind, event.event, event.received_at, event.tries, event.code
  FROM (SELECT {NOW} AS now) AS clock
 CROSS JOIN unnest($2::text[], $3::text[], $4::text[]) AS turn (system, object, record_id)
 CROSS JOIN LATERAL (
   SELECT * FROM crm_inbox
    WHERE workspace_id = $1 AND state = 'pending' AND system = turn.system AND object = turn.object
      AND record_id = turn.record_id
      AND (wait_until IS NULL OR wait_until <= clock.now OR next_at <= clock_timestamp())
    ORDER BY event_at, event_order, received_at, position LIMIT $5) AS event
 ORDER BY event.event_at, event.event_order, event.received_at, event.position
"""
"""The events of records, in their order, without those that wait."""

LOCK_TURNS = """
SELECT FROM crm_turns WHERE workspace_id = $1 AND token = $2
 ORDER BY system, object, record_id FOR UPDATE
"""
"""Lock the turns of a process, in the order in which others take turns, before anything else is locked."""

RENEW_TURNS = """
UPDATE crm_turns SET until = clock_timestamp() + $3::interval WHERE workspace_id = $1 AND token = $2
"""
"""Keep turns for longer."""

# A process that lost its turn meanwhile changes nothing: the other one has applied the same events.
SETTLE_EVENTS = f"""
UPDATE crm_inbox
   SET state = new.state, code = new.code, tries = tries + 1,
       event = CASE WHEN new.state = 'done' THEN NULL ELSE event END,
       next_at = clock_timestamp() + coalesce(new.seconds, 0) * interval '1 second',
       wait_until = CASE WHEN new.waits THEN clock.now + new.seconds * interval '1 second' END,
       ended_at = CASE WHEN new.state <> 'pending' THEN clock.now END
  FROM (SELECT {NOW} AS now) AS clock
 CROSS JOIN unnest($3::uuid[], $4::text[], $5::text[], $6::double precision[], $7::boolean[])
         AS new (id, state, code, seconds, waits)
 WHERE crm_inbox.workspace_id = $1 AND crm_inbox.id = new.id AND crm_inbox.state = 'pending'
   AND EXISTS (SELECT FROM crm_turns AS turn
                WHERE turn.workspace_id = $1 AND turn.system = crm_inbox.system
                  AND turn.object = crm_inbox.object AND turn.record_id = crm_inbox.record_id
                  AND turn.token = $2)
RETURNING crm_inbox.delivery_id::text AS delivery_id, crm_inbox.code
"""
"""What became of events."""

DROP_BODIES = """
UPDATE crm_deliveries SET body = NULL, headers = '{}'
 WHERE workspace_id = $1 AND id = ANY ($2::uuid[]) AND body IS NOT NULL
"""
"""The bodies of deliveries that must not be kept."""

WAKE_WAITING = """
UPDATE crm_inbox SET next_at = clock_timestamp()
  FROM unnest($2::text[], $3::text[], $4::text[]) AS record (system, object, id)
 WHERE crm_inbox.workspace_id = $1 AND crm_inbox.state = 'pending' AND crm_inbox.system = record.system
   AND crm_inbox.object = record.object AND crm_inbox.record_id = record.id
   AND crm_inbox.next_at > clock_timestamp()
"""
"""Make the events of records due, because the record became known or its turn is free."""

BLOCK_TURNS = """
UPDATE crm_turns SET until = clock_timestamp() + blocked.seconds * interval '1 second', token = NULL
  FROM unnest($3::text[], $4::text[], $5::text[], $6::double precision[])
         AS blocked (system, object, id, seconds)
 WHERE crm_turns.workspace_id = $1 AND crm_turns.token = $2 AND crm_turns.system = blocked.system
   AND crm_turns.object = blocked.object AND crm_turns.record_id = blocked.id
"""
"""Nobody processes these records for a while."""

FREE_TURNS = "DELETE FROM crm_turns WHERE workspace_id = $1 AND token = $2"
"""The turns of a process are free again."""

COUNT_BACKLOGS = """
SELECT wanted.id,
       (SELECT count(*) FROM (SELECT FROM crm_inbox WHERE workspace_id = $1 AND endpoint_id = wanted.id
           AND state = 'pending' LIMIT $3) AS part) AS waiting,
       (SELECT count(*) FROM (SELECT FROM crm_inbox WHERE workspace_id = $1 AND endpoint_id = wanted.id
           AND state = 'failed' LIMIT $3) AS part) AS failed
  FROM unnest($2::text[]) AS wanted (id)
"""
"""How many events of endpoints wait or have failed, counted up to a limit."""

SELECT_BACKLOG = f"""
SELECT (SELECT count(*) FROM (SELECT FROM crm_inbox WHERE workspace_id = $1 AND state = 'pending'
           LIMIT $2) AS part) AS waiting,
       (SELECT count(*) FROM (SELECT FROM crm_inbox WHERE workspace_id = $1 AND state = 'failed'
           LIMIT $2) AS part) AS failed,
       coalesce((SELECT extract(epoch FROM {NOW} - received_at)::double precision FROM crm_inbox
          WHERE workspace_id = $1 AND state = 'pending' AND wait_until IS NULL
          ORDER BY next_at LIMIT 1), 0) AS oldest
"""
"""How many events of a workspace wait or have failed, and how old the one is that was due first."""

SELECT_UNREAD = """
SELECT EXISTS (SELECT FROM crm_inbox WHERE workspace_id = $1 AND state = 'pending' AND tries = 0)
"""
"""Whether any event has not been looked at."""

DELETE_OF_ENDPOINT = "DELETE FROM crm_inbox WHERE workspace_id = $1 AND endpoint_id = $2"
"""The events of an endpoint that is deleted."""

DELETE_DELIVERIES_OF_ENDPOINT = "DELETE FROM crm_deliveries WHERE workspace_id = $1 AND endpoint_id = $2"
"""Its deliveries."""

MAX_COUNTED = 10_000
State = Literal["pending", "done", "failed"]


class RecordKey(NamedTuple):
    """A record of a CRM. `system` tells the records of two organizations apart."""

    system: str
    object: str
    record_id: str


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
class InboxEvent:
    """An event to process. `code` is what became of the last attempt."""

    id: str
    endpoint_id: str
    delivery_id: str
    dedupe_key: str
    system: str
    object: str
    record_id: str
    kind: str
    event: bytes | None
    received_at: datetime
    tries: int
    code: str | None

    @property
    def record(self) -> RecordKey:
        """The record that it is about."""
        return RecordKey(self.system, self.object, self.record_id)


@dataclass(frozen=True, slots=True)
class Settled:
    """What became of an event.

    A pending one comes again after `seconds`, which are those of the workspace's time if it `waits`.
    """

    id: str
    state: State
    code: str | None = None
    seconds: float = 0.0
    waits: bool = False


@dataclass(frozen=True, slots=True)
class Backlog:
    """How many events wait and have failed, at most 10,000 each. `oldest` is an age in seconds."""

    waiting: int
    failed: int
    oldest: float = 0.0


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


async def any_due(connection: Connection, workspace_id: int) -> bool:
    """Return whether any event is due."""
    return bool(await connection.fetchval(SELECT_ANY_DUE, workspace_id))


async def take_turns(
    connection: Connection, workspace_id: int, token: str, lease: timedelta, limit: int
) -> tuple[list[RecordKey], list[RecordKey]]:
    """Take the turns of records with due events. Return those, and the records whose turn is not free."""
    rows = await connection.fetch(TAKE_TURNS, workspace_id, limit, lease, token)
    taken: list[RecordKey] = []
    blocked: list[RecordKey] = []
    for row in rows:
        (taken if row["taken"] else blocked).append(RecordKey(row["system"], row["object"], row["record_id"]))
    return taken, blocked


async def postpone_blocked(connection: Connection, workspace_id: int, records: Sequence[RecordKey]) -> None:
    """Put off the events of records whose turn is taken."""
    if records:
        await connection.execute(POSTPONE_BLOCKED, workspace_id, *_columns(records))


async def list_events(
    connection: Connection, workspace_id: int, records: Sequence[RecordKey], limit: int
) -> list[InboxEvent]:
    """Return the events of these records in order, at most `limit` of each."""
    rows = await connection.fetch(SELECT_EVENTS, workspace_id, *_columns(records), limit)
    return [InboxEvent(**row_in_utc(row)) for row in rows]


async def settle(
    connection: Connection,
    workspace_id: int,
    token: str,
    settled: Sequence[Settled],
    drop: frozenset[str],
    lease: timedelta,
) -> None:
    """Note what became of events, and keep the turns for longer.

    Bodies of deliveries with events of the codes in `drop` are not kept.
    """
    await connection.execute(LOCK_TURNS, workspace_id, token)
    await connection.execute(RENEW_TURNS, workspace_id, token, lease)
    rows = await connection.fetch(
        SETTLE_EVENTS,
        workspace_id,
        token,
        [each.id for each in settled],
        [each.state for each in settled],
        [each.code for each in settled],
        [each.seconds for each in settled],
        [each.waits for each in settled],
    )
    ids = [row["delivery_id"] for row in rows if row["code"] in drop]
    if ids:
        await connection.execute(DROP_BODIES, workspace_id, ids)


async def free_turns(
    connection: Connection,
    workspace_id: int,
    token: str,
    woken: Sequence[RecordKey],
    blocked: Sequence[tuple[RecordKey, float]],
) -> None:
    """End the turns of a process. Waiting events of `woken` are due; `blocked` rest for so many seconds."""
    await connection.execute(LOCK_TURNS, workspace_id, token)
    if blocked:
        records, seconds = zip(*blocked, strict=True)
        await connection.execute(BLOCK_TURNS, workspace_id, token, *_columns(records), list(seconds))
    await connection.execute(FREE_TURNS, workspace_id, token)
    if woken:
        await connection.execute(WAKE_WAITING, workspace_id, *_columns(woken))


async def count_backlogs(
    connection: Connection, workspace_id: int, endpoint_ids: Sequence[str]
) -> dict[str, Backlog]:
    """Return how many events of these endpoints wait and have failed."""
    rows = await connection.fetch(COUNT_BACKLOGS, workspace_id, list(endpoint_ids), MAX_COUNTED)
    return {row["id"]: Backlog(row["waiting"], row["failed"]) for row in rows}


async def read_backlog(connection: Connection, workspace_id: int) -> Backlog:
    """Return how many events of the workspace wait and have failed."""
    row = await connection.fetchrow(SELECT_BACKLOG, workspace_id, MAX_COUNTED)
    if row is None:
        raise LookupError("a statement without FROM returns one row")
    return Backlog(row["waiting"], row["failed"], max(0.0, row["oldest"]))


async def any_unread(connection: Connection, workspace_id: int) -> bool:
    """Return whether an event has come that nobody has looked at."""
    return bool(await connection.fetchval(SELECT_UNREAD, workspace_id))


async def delete_of_endpoint(connection: Connection, workspace_id: int, endpoint_id: str) -> None:
    """Delete all deliveries and events of an endpoint."""
    await connection.execute(DELETE_OF_ENDPOINT, workspace_id, endpoint_id)
    await connection.execute(DELETE_DELIVERIES_OF_ENDPOINT, workspace_id, endpoint_id)


def _columns(records: Sequence[RecordKey]) -> list[list[str]]:
    return [list(column) for column in zip(*records, strict=True)]
