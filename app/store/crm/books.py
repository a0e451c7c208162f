"""What the books say about leads that a CRM lists, and which leads it does not list."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from app.store.connection.pool import Connection
from app.store.connection.rows import row_in_utc


class WantedRecord(NamedTuple):
    """A record, and the key by which a lead is known that nobody has heard of by this record."""

    object: str
    id: str
    key: str


class MissingRecord(NamedTuple):
    """A record of an open lead. Without an object, the lead only says that it has this id in a CRM."""

    object: str | None
    id: str
    lead_id: str


@dataclass(frozen=True, slots=True)
class BookedLead:
    """Where a lead is. `position` is that of its record among the wanted ones."""

    position: int
    lead_id: str
    assignment_id: str
    state: str
    owner: str | None
    queue: str | None
    decided_at: datetime


# LIMIT 1 keeps each look-up on the primary key, whatever the planner believes of a table that was empty.
SELECT_BOOKS = """
SELECT wanted.position::integer AS position, lead.id::text AS lead_id,
       lead.assignment_id::text AS assignment_id, lead.state, assignment.owner_id AS owner, assignment.queue,
       assignment.decided_at
  FROM unnest($3::text[], $4::text[], $5::text[]) WITH ORDINALITY AS wanted (object, id, key, position)
 CROSS JOIN LATERAL (
   SELECT coalesce(
     (SELECT lead_id FROM crm_records
       WHERE workspace_id = $1 AND system = $2 AND crm_records.object = wanted.object
         AND crm_records.id = wanted.id
       LIMIT 1),
     (SELECT (array_agg(lead_id))[1] FROM (
        SELECT DISTINCT lead_id FROM identities
         WHERE workspace_id = $1 AND kind = 'crm_lead' AND value = wanted.key
           AND NOT (wanted.id ~ '^[0-9]+$' AND EXISTS (
             SELECT FROM crm_records AS other
              WHERE other.workspace_id = $1 AND other.lead_id = identities.lead_id AND other.id = wanted.id
                AND (other.system, other.object) <> ($2, wanted.object) AND other.deal IS NULL))
         LIMIT 2) AS known
      HAVING count(*) = 1)) AS id) AS found
 CROSS JOIN LATERAL (
   SELECT id, state, assignment_id FROM leads WHERE workspace_id = $1 AND leads.id = found.id LIMIT 1) AS lead
 CROSS JOIN LATERAL (
   SELECT owner_id, queue, decided_at FROM assignments
    WHERE workspace_id = $1 AND assignments.id = lead.assignment_id LIMIT 1) AS assignment
"""
"""The leads of records: those that we heard of, else the only one with this id in a CRM.

A lead that is another record with the same number is none of them."""

SELECT_MISSING = """
SELECT DISTINCT ON (open_lead.lead_id) record.object, record.id, open_lead.lead_id::text AS lead_id
  FROM (
    SELECT lead_id FROM assignments
     WHERE workspace_id = $1 AND open AND decided_at <= $5
       AND NOT EXISTS (SELECT FROM unnest($4::uuid[]) AS listed (id) WHERE listed.id = assignments.lead_id)
  ) AS open_lead
 CROSS JOIN LATERAL (
   (SELECT object, id FROM crm_records
     WHERE workspace_id = $1 AND crm_records.lead_id = open_lead.lead_id AND system = $2
       AND object = ANY ($3::text[]) AND state = 'live'
     LIMIT 1)
   UNION ALL
   (SELECT NULL, value FROM identities
     WHERE workspace_id = $1 AND identities.lead_id = open_lead.lead_id AND kind = 'crm_lead'
       AND NOT EXISTS (
         SELECT FROM crm_records
          WHERE workspace_id = $1 AND crm_records.lead_id = open_lead.lead_id)
     LIMIT 1)) AS record
 ORDER BY open_lead.lead_id, record.object NULLS LAST LIMIT $6
"""
"""Open leads with a record of these objects, none of which is listed."""


async def find_books(
    connection: Connection, workspace_id: int, system: str, wanted: Sequence[WantedRecord]
) -> list[BookedLead]:
    """Return where the leads of records are. Records without a lead are left out."""
    objects, ids, keys = zip(*wanted, strict=True) if wanted else ((), (), ())
    rows = await connection.fetch(SELECT_BOOKS, workspace_id, system, list(objects), list(ids), list(keys))
    return [BookedLead(**row_in_utc(row)) for row in rows]


async def find_missing(
    connection: Connection,
    workspace_id: int,
    system: str,
    objects: Collection[str],
    listed: Sequence[str],
    as_of: datetime,
    limit: int,
) -> list[MissingRecord]:
    """Return records of open leads that are not `listed`, and are as old as the list."""
    rows = await connection.fetch(
        SELECT_MISSING, workspace_id, system, list(objects), list(listed), as_of, limit
    )
    return [MissingRecord(row["object"], row["id"], row["lead_id"]) for row in rows]
