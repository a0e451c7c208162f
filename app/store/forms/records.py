"""Whose lead a form's record is: by the hash of the id that its tool gives a submission or a person."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from app.store.clocks import NOW
from app.store.connection.pool import Connection

UPSERT_RECORDS = f"""
INSERT INTO form_records AS known (workspace_id, endpoint_id, record, lead_id, until, first)
SELECT $1, new.endpoint_id, new.record, new.lead_id, {NOW} + $5::interval, new.first
  FROM unnest($2::text[], $3::bytea[], $4::uuid[], $6::bytea[]) AS new (endpoint_id, record, lead_id, first)
 ORDER BY new.endpoint_id, new.record
ON CONFLICT (workspace_id, endpoint_id, record) DO UPDATE
  SET lead_id = excluded.lead_id, until = excluded.until, first = coalesce(excluded.first, known.first)
"""
"""The leads of records. A record without a lead is that of a person who was erased."""

SELECT_RECORDS = """
SELECT wanted.endpoint_id, wanted.record, known.lead_id::text AS lead_id, known.first
  FROM unnest($2::text[], $3::bytea[]) AS wanted (endpoint_id, record)
 CROSS JOIN LATERAL (
   SELECT lead_id, first FROM form_records
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


@dataclass(frozen=True, slots=True)
class KnownRecord:
    """What is known of a record: its lead, None for a person who was erased, and the first that it continues.

    Somebody who moves a booking makes a new one, which continues the one before.
    """

    lead_id: str | None
    first: bytes | None = None


async def write_leads(
    connection: Connection, workspace_id: int, leads: Mapping[FormRecord, KnownRecord]
) -> None:
    """Note the leads of records."""
    if leads:
        await connection.execute(
            UPSERT_RECORDS,
            workspace_id,
            [each.endpoint_id for each in leads],
            [each.record for each in leads],
            [known.lead_id for known in leads.values()],
            KEPT,
            [known.first for known in leads.values()],
        )


async def find_leads(
    connection: Connection, workspace_id: int, records: Sequence[FormRecord]
) -> dict[FormRecord, KnownRecord]:
    """Return what is known of those records that are."""
    rows = await connection.fetch(
        SELECT_RECORDS,
        workspace_id,
        [each.endpoint_id for each in records],
        [each.record for each in records],
    )
    return {
        FormRecord(row["endpoint_id"], row["record"]): KnownRecord(row["lead_id"], row["first"])
        for row in rows
    }


async def delete_old(connection: Connection, workspace_id: int, limit: int) -> int:
    """Delete a slice of the records of which nothing has come for long. Return how many."""
    return len(await connection.fetch(DELETE_OLD_RECORDS, workspace_id, limit))
