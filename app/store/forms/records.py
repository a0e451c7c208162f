"""Whose lead a form's record is: by the hash of the id that its tool gives a submission or a person."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from app.store.clocks import NOW
from app.store.connection.pool import Connection

UPSERT_RECORDS = f"""
INSERT INTO form_records AS known (workspace_id, endpoint_id, record, lead_id, until)
SELECT $1, new.endpoint_id, new.record, new.lead_id, {NOW} + $5::interval
  FROM unnest($2::text[], $3::bytea[], $4::uuid[]) AS new (endpoint_id, record, lead_id)
 ORDER BY new.endpoint_id, new.record
ON CONFLICT (workspace_id, endpoint_id, record) DO UPDATE
  SET lead_id = excluded.lead_id, until = excluded.until
"""
"""The leads of records. A record without a lead is that of a person who was erased."""

SELECT_RECORDS = """
SELECT wanted.endpoint_id, wanted.record, known.lead_id::text AS lead_id
  FROM unnest($2::text[], $3::bytea[]) AS wanted (endpoint_id, record)
 CROSS JOIN LATERAL (
   SELECT lead_id FROM form_records
    WHERE workspace_id = $1 AND endpoint_id = wanted.endpoint_id AND record = wanted.record LIMIT 1) AS known
"""
"""The leads of some records, as far as they are known."""

DELETE_OLD_RECORDS = f"""
DELETE FROM form_records WHERE workspace_id = $1 AND ctid = ANY (ARRAY(
  SELECT ctid FROM form_records WHERE workspace_id = $1 AND until <= {NOW} LIMIT $2))
RETURNING endpoint_id
"""
"""Records of which nothing has come for long."""

KEPT = timedelta(days=180)


@dataclass(frozen=True, slots=True)
class FormRecord:
    """A record of a form tool: its endpoint, and the hash of its id."""

    endpoint_id: str
    record: bytes


async def write_leads(
    connection: Connection, workspace_id: int, leads: Mapping[FormRecord, str | None]
) -> None:
    """Note the leads of records, None for persons who were erased."""
    if leads:
        await connection.execute(
            UPSERT_RECORDS,
            workspace_id,
            [each.endpoint_id for each in leads],
            [each.record for each in leads],
            list(leads.values()),
            KEPT,
        )


async def find_leads(
    connection: Connection, workspace_id: int, records: Sequence[FormRecord]
) -> dict[FormRecord, str | None]:
    """Return the leads of those records that are known, None for persons who were erased."""
    rows = await connection.fetch(
        SELECT_RECORDS,
        workspace_id,
        [each.endpoint_id for each in records],
        [each.record for each in records],
    )
    return {FormRecord(row["endpoint_id"], row["record"]): row["lead_id"] for row in rows}


async def delete_old(connection: Connection, workspace_id: int, limit: int) -> int:
    """Delete a slice of the records of which nothing has come for long. Return how many."""
    return len(await connection.fetch(DELETE_OLD_RECORDS, workspace_id, limit))
