"""What time does to records of CRMs: what nobody read, what never came back, and what is gone for good."""

from datetime import timedelta

from app.engine.life.crm import ECHO_WITHIN, GONE_FOR, RecordKey
from app.store.clocks import NOW
from app.store.connection.pool import Connection
from app.store.crm.records import owner_written

READ_WITHIN = timedelta(minutes=15)
WAITING_FOR = timedelta(days=1)
"""A record that did not become known is forgotten after this time."""
FINDINGS_FOR = timedelta(days=30)
NO_LEAD_FOR = timedelta(days=30)
"""A record that is no lead, such as an imported one, is forgotten so long after its last event."""

# Somebody was asked to read a record, and has not. `action_id` is gone once that is a finding.
NOTE_UNREAD = f"""
WITH unread AS (
  UPDATE crm_records SET action_id = NULL
    FROM (SELECT {NOW} AS now) AS clock
   WHERE workspace_id = $1 AND asked_at IS NOT NULL AND asked_at <= clock.now - $2::interval
     AND action_id IS NOT NULL
  RETURNING object, id, endpoint_id, lead_id, clock.now)
INSERT INTO crm_findings (workspace_id, code, endpoint_id, object, record_id, since, last_at, lead_id)
SELECT $1, 'record_not_read', endpoint_id, object, id, now, now, lead_id FROM unread
ON CONFLICT (workspace_id, code, endpoint_id, object, record_id) DO UPDATE
  SET last_at = excluded.last_at, count = crm_findings.count + 1
"""
"""Records that nobody read in time become findings."""

SELECT_GONE = f"""
SELECT record.system, record.object, record.id
  FROM (SELECT {NOW} AS now) AS clock
 CROSS JOIN LATERAL (
   SELECT system, object, id FROM crm_records
    WHERE workspace_id = $1 AND state = 'gone' AND gone_at <= clock.now - $2::interval AND lead_id IS NOT NULL
    ORDER BY gone_at LIMIT $3) AS record
"""
"""The records of leads that are gone for so long."""

SELECT_CHECKED = "SELECT decision_number FROM crm_watch WHERE workspace_id = $1"
"""The last decision that was looked at."""

UPSERT_CHECKED = """
INSERT INTO crm_watch (workspace_id, decision_number) VALUES ($1, $2)
ON CONFLICT (workspace_id) DO UPDATE SET decision_number = excluded.decision_number
"""
"""These decisions were looked at."""

# The decisions of the time in between are read once each, and only where a CRM has records at all.
SELECT_OLD_DECISIONS = f"""
SELECT decision.decision_number, decision.id::text AS id, decision.lead_id::text AS lead_id,
       decision.response, decision.decides, record.system, record.object, record.record_id,
       record.endpoint_id, confirmed.system IS NOT NULL AS confirmed
  FROM (SELECT {NOW} AS now) AS clock
 CROSS JOIN LATERAL (
   SELECT decision_number, id, lead_id, response, decided_at,
          open AND cause NOT IN ('crm', 'import') AS decides
     FROM assignments
    WHERE workspace_id = $1 AND decision_number > $2 AND decided_at <= clock.now - $3::interval
    ORDER BY decision_number LIMIT $4) AS decision
  LEFT JOIN LATERAL (
    SELECT system, object, id AS record_id, endpoint_id FROM crm_records
     WHERE workspace_id = $1 AND crm_records.lead_id = decision.lead_id AND state = 'live' AND deal IS NULL
     LIMIT 10) AS record ON decision.decides
  LEFT JOIN crm_confirmed_writes AS confirmed
    ON confirmed.workspace_id = $1 AND confirmed.assignment_id = decision.id
   AND confirmed.system = record.system
 ORDER BY decision.decision_number
"""
"""Decisions that are old enough for their owner to have come back, with the records of their leads."""

IS_USED = """
SELECT EXISTS (SELECT FROM crm_records WHERE workspace_id = $1)
    OR EXISTS (SELECT FROM crm_users WHERE workspace_id = $1 AND leaves_since IS NOT NULL)
    OR EXISTS (SELECT FROM crm_findings WHERE workspace_id = $1)
    OR EXISTS (SELECT FROM crm_confirmed_writes WHERE workspace_id = $1) AS used
"""
"""Whether a CRM has told anything of which something can become due."""

INSERT_UNCONFIRMED = f"""
INSERT INTO crm_findings (workspace_id, code, endpoint_id, object, record_id, since, last_at, lead_id)
SELECT $1, 'write_not_confirmed', $2, $3, $4, now, now, $5 FROM (SELECT {NOW} AS now) AS clock
ON CONFLICT (workspace_id, code, endpoint_id, object, record_id) DO UPDATE
  SET last_at = excluded.last_at, count = crm_findings.count + 1
"""
"""An owner that we wrote never came back."""

_FORGET_RECORDS = f"""
WITH forgotten AS (
  DELETE FROM crm_records
   WHERE workspace_id = $1 AND lead_id IS NULL AND seen_at <= (SELECT {NOW}) - $2::interval AND {{which}}
  RETURNING system, object, id)
DELETE FROM crm_field_versions AS version USING forgotten
 WHERE version.workspace_id = $1 AND version.system = forgotten.system
   AND version.object = forgotten.object AND version.id = forgotten.id
"""
PURGE = (
    (_FORGET_RECORDS.format(which="state IN ('waiting', 'gone')"), WAITING_FOR),
    (_FORGET_RECORDS.format(which="state NOT IN ('waiting', 'gone')"), NO_LEAD_FOR),
    (
        f"DELETE FROM crm_findings WHERE workspace_id = $1 AND last_at <= (SELECT {NOW}) - $2::interval",
        FINDINGS_FOR,
    ),
    (
        f"DELETE FROM crm_confirmed_writes WHERE workspace_id = $1 AND at <= (SELECT {NOW}) - $2::interval",
        2 * ECHO_WITHIN,
    ),
)
"""Records without a lead with the values of their fields, old findings, old confirmations; and their ages."""


async def is_used(connection: Connection, workspace_id: int) -> bool:
    """Return whether a CRM has told anything of which something can become due."""
    return bool(await connection.fetchval(IS_USED, workspace_id))


async def note_unread(connection: Connection, workspace_id: int) -> None:
    """Keep a finding for each record that nobody read in time."""
    await connection.execute(NOTE_UNREAD, workspace_id, READ_WITHIN)


async def find_gone(connection: Connection, workspace_id: int, limit: int) -> list[RecordKey]:
    """Return records that have been gone for long, and whose leads were not looked after yet."""
    rows = await connection.fetch(SELECT_GONE, workspace_id, GONE_FOR, limit)
    return [RecordKey(row["system"], row["object"], row["id"]) for row in rows]


async def check_writes(connection: Connection, workspace_id: int, limit: int) -> bool:
    """Keep a finding for each owner that we wrote and that never came back. Return whether there is more."""
    checked = await connection.fetchval(SELECT_CHECKED, workspace_id) or 0
    rows = await connection.fetch(SELECT_OLD_DECISIONS, workspace_id, checked, ECHO_WITHIN, limit)
    if not rows:
        return False
    for row in rows:
        kind = (row["system"] or "").partition(":")[0]
        if row["system"] is not None and not row["confirmed"] and kind in owner_written(row["response"]):
            await connection.execute(
                INSERT_UNCONFIRMED,
                workspace_id,
                row["endpoint_id"],
                row["object"],
                row["record_id"],
                row["lead_id"],
            )
    await connection.execute(UPSERT_CHECKED, workspace_id, rows[-1]["decision_number"])
    return len({row["decision_number"] for row in rows}) == limit


async def purge(connection: Connection, workspace_id: int) -> None:
    """Delete what is of no use any more."""
    for statement, age in PURGE:
        await connection.execute(statement, workspace_id, age)
