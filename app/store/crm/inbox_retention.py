"""What is deleted from the inbox: first bodies, later the trace by which a repeat is known."""

from collections.abc import Sequence
from datetime import timedelta

from app.engine.life.crm import RecordKey
from app.store.clocks import NOW
from app.store.connection.pool import Connection

DROP_OLD_BODIES = f"""
WITH old AS MATERIALIZED (
  SELECT kept.id
    FROM (SELECT {NOW} AS now) AS clock
   CROSS JOIN LATERAL (
     SELECT id, received_at FROM crm_deliveries AS delivery
      WHERE workspace_id = $1 AND body IS NOT NULL AND received_at < clock.now - $2::interval
        AND (received_at < clock.now - $3::interval
             OR NOT EXISTS (SELECT FROM crm_inbox AS inbox
                             WHERE inbox.workspace_id = $1 AND inbox.delivery_id = delivery.id
                               AND inbox.event IS NOT NULL))
      ORDER BY received_at LIMIT $4) AS kept)
UPDATE crm_deliveries SET body = NULL, headers = '{{}}'
 WHERE workspace_id = $1 AND id = ANY (ARRAY(SELECT id FROM old))
RETURNING id
"""
"""Bodies that have been kept for long enough. Those of failures are kept longer, up to a limit."""

DELETE_OLD_EVENTS = f"""
WITH old AS MATERIALIZED (
  SELECT ended.place
    FROM (SELECT {NOW} AS now) AS clock
   CROSS JOIN LATERAL (
     SELECT ctid AS place FROM crm_inbox
      WHERE workspace_id = $1 AND ended_at IS NOT NULL AND ended_at < clock.now - $2::interval
      ORDER BY ended_at LIMIT $3 FOR UPDATE SKIP LOCKED) AS ended)
DELETE FROM crm_inbox USING old WHERE crm_inbox.workspace_id = $1 AND crm_inbox.ctid = old.place
RETURNING crm_inbox.id
"""
"""Events that ended so long ago that no CRM sends them again."""

DELETE_OLD_DELIVERIES = f"""
WITH old AS MATERIALIZED (
  SELECT gone.id
    FROM (SELECT {NOW} AS now) AS clock
   CROSS JOIN LATERAL (
     SELECT id FROM crm_deliveries AS delivery
      WHERE workspace_id = $1 AND received_at < clock.now - $2::interval
        AND NOT EXISTS (SELECT FROM crm_inbox AS inbox
                         WHERE inbox.workspace_id = $1 AND inbox.delivery_id = delivery.id)
      ORDER BY received_at LIMIT $3) AS gone)
DELETE FROM crm_deliveries WHERE workspace_id = $1 AND id = ANY (ARRAY(SELECT id FROM old))
RETURNING id
"""
"""Deliveries whose events are all gone."""

DELETE_OLD_TURNS = """
DELETE FROM crm_turns WHERE workspace_id = $1 AND until < clock_timestamp() - interval '1 day'
"""
"""Turns that nobody took again: the events they were for are gone."""

FORGET_RECORDS = """
WITH found AS MATERIALIZED (
  SELECT event.place
    FROM unnest($2::text[], $3::text[], $4::text[]) AS record (system, object, id)
   CROSS JOIN LATERAL (
     SELECT ctid AS place FROM crm_inbox
      WHERE workspace_id = $1 AND record_id = record.id AND object = record.object
        AND system = record.system
      FOR UPDATE) AS event),
erased AS (
  UPDATE crm_inbox SET event = NULL, state = 'done', code = 'erased',
         ended_at = coalesce(ended_at, received_at)
    FROM found WHERE crm_inbox.workspace_id = $1 AND crm_inbox.ctid = found.place
  RETURNING crm_inbox.delivery_id)
UPDATE crm_deliveries SET body = NULL, headers = '{}'
 WHERE workspace_id = $1 AND id = ANY (ARRAY(SELECT delivery_id FROM erased))
"""
"""Erase what records' events and deliveries hold. Their keys stay, so that a repeat is still one."""

RAW_KEPT = timedelta(days=14)
"""How long the body of a delivery is kept, unless the workspace says otherwise."""
FAILURES_KEPT = timedelta(days=30)
"""How long a failure and its body are kept, and the trace by which a repeat is known."""


async def drop_old_bodies(
    connection: Connection, workspace_id: int, limit: int, kept: timedelta = RAW_KEPT
) -> int:
    """Drop a slice of the bodies that are older than `kept`. Return how many."""
    return len(await connection.fetch(DROP_OLD_BODIES, workspace_id, kept, FAILURES_KEPT, limit))


async def delete_old(connection: Connection, workspace_id: int, limit: int) -> int:
    """Delete a slice of events and deliveries older than 30 days. Return how many."""
    events = await connection.fetch(DELETE_OLD_EVENTS, workspace_id, FAILURES_KEPT, limit)
    deliveries = await connection.fetch(DELETE_OLD_DELIVERIES, workspace_id, FAILURES_KEPT, limit)
    await connection.execute(DELETE_OLD_TURNS, workspace_id)
    return max(len(events), len(deliveries))


async def forget_records(connection: Connection, workspace_id: int, records: Sequence[RecordKey]) -> None:
    """Erase what the events and deliveries of these records hold."""
    if records:
        columns = [list(column) for column in zip(*records, strict=True)]
        await connection.execute(FORGET_RECORDS, workspace_id, *columns)
