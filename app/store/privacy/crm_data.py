"""What the inbox of webhooks holds about the CRM records of a lead."""

import re
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from app.engine.life.crm import RecordKey
from app.engine.model.lead_keys import CRM_LEAD, LeadKey
from app.store.connection.pool import Connection, Row
from app.store.crm.inbox_retention import forget_records
from app.store.privacy.kept_hashes import SELECT_HASH_KEY, keyed_hash, record_name
from app.store.privacy.personal_tables import RECORDS
from app.store.privacy.retention import take_role
from app.values.crm_ids import salesforce_id

SELECT_RECORDS_OF_IDS = """
SELECT DISTINCT found.*
  FROM unnest($2::text[]) AS wanted (id)
 CROSS JOIN LATERAL (
   SELECT system, object, record_id FROM crm_inbox
    WHERE workspace_id = $1 AND record_id = wanted.id ORDER BY object) AS found
 WHERE NOT EXISTS (
   SELECT FROM crm_records AS other
    WHERE other.workspace_id = $1 AND other.system = found.system AND other.object = found.object
      AND other.id = found.record_id AND (other.lead_id <> $3 OR other.deal IS NOT NULL))
"""
"""The records of which the inbox has events, by their ids alone, unless they are known as another's."""

SELECT_EVENTS = """
SELECT * FROM crm_inbox
 WHERE workspace_id = $1 AND record_id = $4 AND system = $2 AND object = $3 ORDER BY object, position
"""
"""The events of a record."""

# A delivery may tell about several persons; then only its events are shown.
SELECT_DELIVERIES = """
SELECT * FROM crm_deliveries
 WHERE workspace_id = $1 AND id = ANY ($2::uuid[]) AND body IS NOT NULL
   AND NOT EXISTS (
     SELECT FROM crm_inbox AS inbox
      WHERE inbox.workspace_id = $1 AND inbox.delivery_id = crm_deliveries.id
        AND NOT EXISTS (
          SELECT FROM unnest($3::text[], $4::text[], $5::text[]) AS known (system, object, id)
           WHERE known.system = inbox.system AND known.object = inbox.object AND known.id = inbox.record_id))
"""
"""The deliveries that tell about these records only."""

HIDE_RECORD = """
UPDATE crm_inbox SET record_id = $5
 WHERE workspace_id = $1 AND record_id = $4 AND system = $2 AND object = $3
"""
"""Events of a record under another name. Their keys stay, so that a repeat is still one."""

HIDE_EVENT = """
UPDATE crm_inbox SET record_id = $3 WHERE workspace_id = $1 AND id = $2 AND state = 'done'
"""
"""One event of a record under another name."""

# A failure may be about a record that never became one of the lead. Bytes that are no text compare as well.
SELECT_FAILURES = """
SELECT inbox.*, delivery.body
  FROM crm_inbox AS inbox
 CROSS JOIN LATERAL (
   SELECT body FROM crm_deliveries WHERE workspace_id = $1 AND id = inbox.delivery_id LIMIT 1) AS delivery
 WHERE inbox.workspace_id = $1 AND inbox.state = 'failed'
   AND (
     SELECT sent.value FROM unnest($2::text[]) AS sent (value)
      WHERE position(lower(encode(convert_to(sent.value, 'UTF8'), 'escape'))
              IN lower(encode(coalesce(inbox.event, delivery.body), 'escape'))) > 0 LIMIT 1) IS NOT NULL
"""
"""The failures with one of these values in what came."""

FORGET_FAILURE = """
WITH erased AS (
  UPDATE crm_inbox SET event = NULL, state = 'done', code = 'erased', record_id = $3,
         ended_at = coalesce(ended_at, received_at)
   WHERE workspace_id = $1 AND id = $2
  RETURNING delivery_id)
UPDATE crm_deliveries SET body = NULL, headers = '{}'
 WHERE workspace_id = $1 AND id = ANY (ARRAY(SELECT delivery_id FROM erased))
"""
"""Erase what a failure holds, and its record."""

SELECT_VERSIONS = """
SELECT * FROM crm_field_versions WHERE workspace_id = $1 AND system = $2 AND object = $3 AND id = $4
"""
"""The newest values of the fields of a record."""

DELETE_VERSIONS = """
DELETE FROM crm_field_versions WHERE workspace_id = $1 AND system = $2 AND object = $3 AND id = $4
"""
"""The values of the fields of a record."""

DELETE_FINDINGS = """
DELETE FROM crm_findings
 WHERE workspace_id = $1 AND (lead_id = $2 OR (lead_id IS NULL AND (object, record_id) IN (
   SELECT object, id FROM unnest($3::text[], $4::text[]) AS record (object, id))))
"""
"""The findings about a lead and its records."""

DELETE_TURN = (
    "DELETE FROM crm_turns WHERE workspace_id = $1 AND system = $2 AND object = $3 AND record_id = $4"
)
"""The turn of a record."""


@dataclass(frozen=True, slots=True)
class RecordsOfLead:
    """The CRM records of a lead.

    known:     those that webhooks linked with it.
    by_id:     those of which the inbox has events, and which have an id that the lead was sent with. Each CRM
               counts its records, so with a number there may be several, and at most one is the lead's.
    bare_ids:  the ids that the lead was sent with and whose CRM and object nothing tells.
    """

    known: Collection[RecordKey]
    by_id: Collection[RecordKey]
    bare_ids: Collection[str]

    def all(self) -> list[RecordKey]:
        """Every record that may be the lead's."""
        return sorted({*self.known, *self.by_id})

    def certain(self) -> list[RecordKey]:
        """Every record that is the lead's. Which of several has its number, nobody knows."""
        numbers = Counter(each.id for each in self.by_id)
        sure = (each for each in self.by_id if not each.id.isdecimal() or numbers[each.id] == 1)
        return sorted({*self.known, *sure})


async def find_records(
    connection: Connection, workspace_id: int, lead_id: str, keys: Collection[LeadKey]
) -> RecordsOfLead:
    """Return the CRM records of a lead, as far as they are known with their system and object."""
    known: set[RecordKey] = set()
    for statement in RECORDS:
        known |= {RecordKey(*row) for row in await connection.fetch(statement, workspace_id, lead_id)}
    numbers = {record.id for record in known if record.id.isdecimal()}
    bare = {key.value for key in keys if key.kind == CRM_LEAD} - numbers
    ids = {id_ for value in bare for id_ in (value, salesforce_id(value))}
    rows = await connection.fetch(SELECT_RECORDS_OF_IDS, workspace_id, sorted(ids), lead_id) if ids else []
    return RecordsOfLead(known, {RecordKey(*row) for row in rows} - known, bare)


async def read_inbox(
    connection: Connection, workspace_id: int, records: Sequence[RecordKey]
) -> tuple[list[Row], list[Row]]:
    """Return the events of records, and the deliveries that tell about nothing else."""
    events: list[Row] = []
    for record in records:
        events += await connection.fetch(SELECT_EVENTS, workspace_id, *record)
    if not events:
        return [], []
    deliveries = list({row["delivery_id"] for row in events})
    columns = [list(column) for column in zip(*records, strict=True)]
    return events, list(await connection.fetch(SELECT_DELIVERIES, workspace_id, deliveries, *columns))


async def read_fields(connection: Connection, workspace_id: int, records: Sequence[RecordKey]) -> list[Row]:
    """Return the newest values of the fields of records, as the CRM told them."""
    return [row for each in records for row in await connection.fetch(SELECT_VERSIONS, workspace_id, *each)]


async def find_failures(connection: Connection, workspace_id: int, values: Collection[str]) -> list[Row]:
    """Return the failures in which one of these addresses or phone numbers stands."""
    wanted = sorted(value for value in values if "@" in value or value.startswith("+"))
    if not wanted:
        return []
    told = re.compile(
        "|".join(rf"(?<![\w.%+-]){re.escape(each.casefold())}(?![\w-]|\.\w)" for each in wanted)
    )
    rows = await connection.fetch(SELECT_FAILURES, workspace_id, wanted)
    return [
        row for row in rows if told.search((row["event"] or row["body"]).decode(errors="replace").casefold())
    ]


async def erase_failures(
    connection: Connection, workspace_id: int, key: bytes, values: Collection[str]
) -> None:
    """Erase the failures in which one of these addresses or phone numbers stands."""
    for row in await find_failures(connection, workspace_id, values):
        hidden = keyed_hash(key, record_name(row["system"], row["object"], row["record_id"]))
        await connection.execute(FORGET_FAILURE, workspace_id, row["id"], hidden)


async def hide_events(connection: Connection, workspace_id: int, records: Mapping[str, RecordKey]) -> None:
    """Hide the records of events, by the ids of the events, that came after their persons were erased.

    Takes the role of erasure until the end of the transaction.
    """
    await take_role(connection)
    key = await connection.fetchval(SELECT_HASH_KEY, workspace_id)
    if key is None:
        return
    hidden = [(workspace_id, id_, keyed_hash(key, record_name(*record))) for id_, record in records.items()]
    await connection.executemany(HIDE_EVENT, hidden)


async def erase_records(
    connection: Connection, workspace_id: int, key: bytes, lead_id: str, records: Sequence[RecordKey]
) -> None:
    """Erase events, deliveries, fields and findings of records. Hide the records in what stays."""
    await forget_records(connection, workspace_id, records)
    objects, ids = [record.object for record in records], [record.id for record in records]
    await connection.execute(DELETE_FINDINGS, workspace_id, lead_id, objects, ids)
    for record in records:
        await connection.execute(DELETE_TURN, workspace_id, *record)
        await connection.execute(DELETE_VERSIONS, workspace_id, *record)
        hidden = keyed_hash(key, record_name(*record))
        await connection.execute(HIDE_RECORD, workspace_id, *record, hidden)
