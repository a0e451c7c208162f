"""Processing the inbox record by record.

A turn is the right to process the events of a record. It ends with its time, so that a killed process
blocks nothing. The times of turns and of the next attempt are the system's.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from app.engine.life.crm import RecordKey
from app.store.clocks import NOW
from app.store.connection.pool import Connection
from app.store.connection.rows import row_in_utc
from app.store.crm.inbox import State

TAKE_TURNS = f"""
WITH clock AS MATERIALIZED (SELECT {NOW} AS now),
due AS MATERIALIZED (
  SELECT DISTINCT system, object, record_id FROM (
    (SELECT system, object, record_id FROM crm_inbox
      WHERE workspace_id = $1 AND state = 'pending' AND next_at <= now()
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
SELECT coalesce((SELECT next_at <= now() FROM crm_inbox WHERE workspace_id = $1 AND state = 'pending'
                  ORDER BY next_at LIMIT 1), false)
    OR coalesce((SELECT wait_until <= {NOW} FROM crm_inbox
                  WHERE workspace_id = $1 AND state = 'pending' AND wait_until IS NOT NULL
                  ORDER BY wait_until LIMIT 1), false)
"""
"""Whether any event is due."""

# One record at a time: for a list of them the planner would read through the workspace of a small inbox, and
# go on to do so when it has grown.
POSTPONE_BLOCKED = """
UPDATE crm_inbox
   SET next_at = coalesce((
         SELECT until FROM crm_turns AS turn
          WHERE turn.workspace_id = $1 AND turn.system = $2 AND turn.object = $3 AND turn.record_id = $4),
         next_at)
 WHERE workspace_id = $1 AND record_id = $4 AND object = $3 AND system = $2 AND ended_at IS NULL
   AND next_at <= now()
"""
"""Put off the events of a record whose turn is taken, so that they do not hide what is due behind them."""

SELECT_EVENTS = f"""
SELECT event.id::text AS id, event.endpoint_id, event.delivery_id::text AS delivery_id, event.system,
       encode(event.dedupe_key, 'hex') AS dedupe_key, event.object,
       event.record_id, event.kind, event.event, event.received_at, event.tries, event.code
  FROM (SELECT {NOW} AS now) AS clock
 CROSS JOIN unnest($2::text[], $3::text[], $4::text[]) AS turn (system, object, record_id)
 CROSS JOIN LATERAL (
   SELECT * FROM crm_inbox
    WHERE workspace_id = $1 AND record_id = turn.record_id AND object = turn.object
      AND system = turn.system AND ended_at IS NULL
      AND (wait_until IS NULL OR wait_until <= clock.now OR next_at <= now())
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

# A process that lost its turn meanwhile changes nothing: the other one has applied the same events. The
# condition on the end must not match that of a partial index, so that the event is found by its id.
SETTLE_EVENT = f"""
UPDATE crm_inbox
   SET state = $4, code = $5, tries = tries + 1,
       event = CASE WHEN $4 <> 'done' THEN event END,
       next_at = clock_timestamp() + $6::double precision * interval '1 second',
       wait_until = CASE WHEN $7::boolean THEN {NOW} + $6::double precision * interval '1 second' END,
       ended_at = CASE WHEN $4 <> 'pending' THEN {NOW} END
 WHERE workspace_id = $1 AND id = $3::uuid AND coalesce(ended_at, 'infinity') = 'infinity'
   AND $2::uuid = (SELECT token FROM crm_turns AS turn
                    WHERE turn.workspace_id = $1 AND turn.system = crm_inbox.system
                      AND turn.object = crm_inbox.object AND turn.record_id = crm_inbox.record_id)
"""
"""What became of an event."""

# Erasure finds what a CRM sent by the records of the lead. What it could not find is not kept.
DROP_BODIES = """
WITH done AS MATERIALIZED (
  SELECT inbox.delivery_id
    FROM unnest($2::uuid[]) AS event (id)
   CROSS JOIN LATERAL (
     SELECT delivery_id, system, object, record_id FROM crm_inbox
      WHERE workspace_id = $1 AND crm_inbox.id = event.id LIMIT 1) AS inbox
   WHERE (
     SELECT record.lead_id FROM crm_records AS record
      WHERE record.workspace_id = $1 AND record.system = inbox.system AND record.object = inbox.object
        AND record.id = inbox.record_id LIMIT 1) IS NULL)
UPDATE crm_deliveries SET body = NULL, headers = '{}'
 WHERE workspace_id = $1 AND id = ANY (ARRAY(SELECT delivery_id FROM done))
"""
"""The bodies of deliveries that tell about something else than records of leads, and were processed."""

WAKE_WAITING = """
UPDATE crm_inbox SET next_at = clock_timestamp()
 WHERE workspace_id = $1 AND record_id = $4 AND object = $3 AND system = $2 AND ended_at IS NULL
   AND next_at > now()
"""
"""Make the events of a record due, because it became known or its turn is free."""

WAKE_UNTRIED = f"{WAKE_WAITING} AND tries = 0"
"""Make those events of a record due that came while its turn was taken, and that nobody has tried yet."""

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
        await connection.executemany(POSTPONE_BLOCKED, [(workspace_id, *record) for record in records])


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
    lease: timedelta,
) -> None:
    """Note what became of events, and keep the turns for longer."""
    await connection.execute(LOCK_TURNS, workspace_id, token)
    await connection.execute(RENEW_TURNS, workspace_id, token, lease)
    await connection.executemany(
        SETTLE_EVENT,
        [(workspace_id, token, each.id, each.state, each.code, each.seconds, each.waits) for each in settled],
    )
    ids = [each.id for each in settled if each.state == "done"]
    if ids:
        await connection.execute(DROP_BODIES, workspace_id, ids)


async def free_turns(
    connection: Connection,
    workspace_id: int,
    token: str,
    woken: Sequence[RecordKey],
    blocked: Sequence[tuple[RecordKey, float]],
    others: Sequence[RecordKey],
) -> None:
    """End the turns of a process.

    Waiting events of `woken` are due, and of `others` what is new; `blocked` rest for so many seconds.
    """
    await connection.execute(LOCK_TURNS, workspace_id, token)
    if blocked:
        records, seconds = zip(*blocked, strict=True)
        await connection.execute(BLOCK_TURNS, workspace_id, token, *_columns(records), list(seconds))
    await connection.execute(FREE_TURNS, workspace_id, token)
    if woken:
        await connection.executemany(WAKE_WAITING, [(workspace_id, *record) for record in sorted(woken)])
    if others:
        await connection.executemany(WAKE_UNTRIED, [(workspace_id, *record) for record in sorted(others)])


def _columns(records: Sequence[RecordKey]) -> list[list[str]]:
    return [list(column) for column in zip(*records, strict=True)]
