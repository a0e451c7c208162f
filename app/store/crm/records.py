"""Records of CRMs: which lead each is, and the newest value of their fields."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

import orjson

from app.engine.life.crm import FieldVersion, OurWrite, RecordKey
from app.store.clocks import NOW
from app.store.connection.pool import Connection, Row
from app.store.connection.rows import row_in_utc
from app.store.stored_bytes import unpack

RecordState = Literal["waiting", "live", "gone", "closed", "merged", "recorded"]
MAX_WRITES = 20
"""Of each lead so many decisions are read to know our own writes, the newest."""


@dataclass(slots=True)
class RecordRow:
    """A record of a CRM.

    - `state` is `waiting` while its lead is not known, `recorded` when it is known and is no lead, `gone`
      after a deletion, `closed` when that was long ago and its lead has been looked after, `merged` when
      another record took its place: `merged_into`, of the same object.
    - `is_primary` says that its owner was the one that counted in the merge.
    - `asked_at` is when an action asked somebody to read it, for `asked_for`; None when nobody is asked.
    - `deal` has the stage, amount and currency of a deal.
    """

    system: str
    object: str
    id: str
    endpoint_id: str
    seen_at: datetime
    state: RecordState = "waiting"
    lead_id: str | None = None
    gone_at: datetime | None = None
    merged_into: str | None = None
    is_primary: bool = False
    asked_at: datetime | None = None
    asked_for: Literal["created", "changed"] | None = None
    action_id: str | None = None
    deal: Mapping[str, Any] | None = None

    @property
    def key(self) -> RecordKey:
        """What the CRM calls it."""
        return RecordKey(self.system, self.object, self.id)


@dataclass(frozen=True, slots=True)
class FindingRow:
    """Something that an operator should know about a record."""

    code: str
    endpoint_id: str
    object: str
    record_id: str
    at: datetime
    lead_id: str | None = None


@dataclass(slots=True)
class CrmRows:
    """What a commit group changes: records and versions by key, and records that are forgotten.

    `confirmed` are writes of ours that came back, by assignment and system.
    """

    records: dict[RecordKey, RecordRow] = field(default_factory=dict)
    forgotten: set[RecordKey] = field(default_factory=set)
    versions: dict[tuple[RecordKey, str], FieldVersion] = field(default_factory=dict)
    confirmed: dict[tuple[str, str], datetime] = field(default_factory=dict)
    findings: list[FindingRow] = field(default_factory=list)

    def __bool__(self) -> bool:
        changed = self.records or self.forgotten or self.versions or self.confirmed
        return bool(changed or self.findings)


@dataclass(slots=True)
class CrmState:
    """What was read about records of CRMs. `writes` are by lead, `confirmed` by assignment and system."""

    records: dict[RecordKey, RecordRow] = field(default_factory=dict)
    versions: dict[tuple[RecordKey, str], FieldVersion] = field(default_factory=dict)
    writes: dict[str, list[OurWrite]] = field(default_factory=dict)
    confirmed: set[tuple[str, str]] = field(default_factory=set)
    new_records: dict[str, int] = field(default_factory=dict)


_COLUMNS = """system, object, id, endpoint_id, seen_at, state, lead_id::text AS lead_id, gone_at, merged_into,
       is_primary, asked_at, asked_for, action_id, deal"""

# LIMIT 1 keeps each look-up on the primary key, whatever the planner believes of a table that was empty.
SELECT_RECORDS = f"""
SELECT found.*
  FROM unnest($2::text[], $3::text[], $4::text[]) AS wanted (system, object, id)
 CROSS JOIN LATERAL (
   SELECT {_COLUMNS} FROM crm_records
    WHERE workspace_id = $1 AND crm_records.system = wanted.system AND crm_records.object = wanted.object
      AND crm_records.id = wanted.id
    LIMIT 1) AS found
"""
"""Records by their keys."""

SELECT_RECORDS_OF_LEADS = f"""
SELECT found.*
  FROM unnest($2::uuid[]) AS wanted (id)
 CROSS JOIN LATERAL (
   SELECT {_COLUMNS} FROM crm_records
    WHERE workspace_id = $1 AND crm_records.lead_id = wanted.id
    ORDER BY system, object, id LIMIT 100) AS found
"""
"""The records that are these leads."""

SELECT_VERSIONS = """
SELECT found.*
  FROM unnest($2::text[], $3::text[], $4::text[]) AS wanted (system, object, id)
 CROSS JOIN LATERAL (
   SELECT system, object, id, field, at, "order", value, since, by_person FROM crm_field_versions AS version
    WHERE workspace_id = $1 AND version.system = wanted.system AND version.object = wanted.object
      AND version.id = wanted.id
    LIMIT 500) AS found
"""
"""What is known about the fields of records."""

SELECT_WRITES = """
SELECT decision.lead_id, decision.id, decision.decided_at, decision.response
  FROM unnest($2::uuid[]) AS wanted (id)
 CROSS JOIN LATERAL (
   SELECT lead_id::text AS lead_id, id::text AS id, decided_at, response FROM assignments
    WHERE workspace_id = $1 AND assignments.lead_id = wanted.id AND cause <> 'crm' AND cause <> 'import'
    ORDER BY decision_number DESC LIMIT $3) AS decision
"""
"""The newest decisions of leads that may have written an owner to a CRM."""

SELECT_CONFIRMED = """
SELECT found.*
  FROM unnest($2::uuid[]) AS wanted (id)
 CROSS JOIN LATERAL (
   SELECT assignment_id::text AS assignment_id, system FROM crm_confirmed_writes
    WHERE workspace_id = $1 AND assignment_id = wanted.id) AS found
"""
"""The decisions whose owner came back from a CRM."""

COUNT_NEW_RECORDS = f"""
SELECT count(*) FROM (
  SELECT FROM crm_records
   WHERE workspace_id = $1 AND system = $2 AND seen_at > (SELECT {NOW}) - interval '1 minute'
     AND state <> 'gone'
   LIMIT $3) AS newest
"""
"""How many records of a system are new within the last minute, up to a limit."""

SELECT_LEADS_BY_CRM_ID = """
SELECT DISTINCT lead_id::text AS lead_id FROM identities
 WHERE workspace_id = $1 AND kind = 'crm_lead' AND value = $2 LIMIT 2
"""
"""The leads that have this id in a CRM."""

UPSERT_RECORDS = """
INSERT INTO crm_records (workspace_id, system, object, id, endpoint_id, seen_at, state, lead_id, gone_at,
  merged_into, is_primary, asked_at, asked_for, action_id, deal)
SELECT $1, * FROM json_to_recordset($2) AS record (
  system text, object text, id text, endpoint_id text, seen_at timestamptz, state text, lead_id uuid,
  gone_at timestamptz, merged_into text, is_primary boolean, asked_at timestamptz, asked_for text,
  action_id text, deal json)
ON CONFLICT (workspace_id, system, object, id) DO UPDATE
  SET endpoint_id = excluded.endpoint_id, seen_at = excluded.seen_at, state = excluded.state,
      lead_id = excluded.lead_id, gone_at = excluded.gone_at, merged_into = excluded.merged_into,
      is_primary = excluded.is_primary, asked_at = excluded.asked_at, asked_for = excluded.asked_for,
      action_id = excluded.action_id, deal = excluded.deal
"""
"""New and changed records."""

FOLLOW_MERGE = """
UPDATE crm_records SET merged_into = $5
 WHERE workspace_id = $1 AND system = $2 AND object = $3 AND merged_into = $4
"""
"""What was merged into a record is part of another one now."""

DELETE_RECORD = "DELETE FROM crm_records WHERE workspace_id = $1 AND system = $2 AND object = $3 AND id = $4"
"""A record that never became known."""

UPSERT_VERSIONS = """
INSERT INTO crm_field_versions (workspace_id, system, object, id, field, at, "order", value, since, by_person)
SELECT $1, * FROM json_to_recordset($2) AS version (
  system text, object text, id text, field text, at timestamptz, "order" bigint, value text,
  since timestamptz, by_person boolean)
ON CONFLICT (workspace_id, system, object, id, field) DO UPDATE
  SET at = excluded.at, "order" = excluded."order", value = excluded.value, since = excluded.since,
      by_person = excluded.by_person
"""
"""New values of fields."""

INSERT_CONFIRMED = """
INSERT INTO crm_confirmed_writes (workspace_id, assignment_id, system, at) VALUES ($1, $2, $3, $4)
ON CONFLICT DO NOTHING
"""
"""A write of ours came back."""


async def find_records(
    connection: Connection, workspace_id: int, keys: Collection[RecordKey]
) -> dict[RecordKey, RecordRow]:
    """Return records by key, and those that they were merged into. Unknown ones are left out."""
    found = await _select(connection, workspace_id, keys)
    roots = {
        RecordKey(each.system, each.object, each.merged_into)
        for each in found.values()
        if each.merged_into is not None
    }
    missing = roots - found.keys()
    return found | await _select(connection, workspace_id, missing) if missing else found


async def _select(
    connection: Connection, workspace_id: int, keys: Collection[RecordKey]
) -> dict[RecordKey, RecordRow]:
    rows = await connection.fetch(SELECT_RECORDS, workspace_id, *_columns(keys))
    return {each.key: each for each in map(_record, rows)}


async def find_records_of_leads(
    connection: Connection, workspace_id: int, lead_ids: Sequence[str]
) -> list[RecordRow]:
    """Return the records that are these leads."""
    rows = await connection.fetch(SELECT_RECORDS_OF_LEADS, workspace_id, list(lead_ids))
    return [_record(row) for row in rows]


async def find_versions(
    connection: Connection, workspace_id: int, keys: Collection[RecordKey]
) -> dict[tuple[RecordKey, str], FieldVersion]:
    """Return what is known about the fields of records."""
    rows = map(row_in_utc, await connection.fetch(SELECT_VERSIONS, workspace_id, *_columns(keys)))
    return {
        (RecordKey(row["system"], row["object"], row["id"]), row["field"]): FieldVersion(
            row["at"], row["order"], row["value"], row["since"], row["by_person"]
        )
        for row in rows
    }


async def find_writes(
    connection: Connection, workspace_id: int, lead_ids: Sequence[str]
) -> tuple[dict[str, list[OurWrite]], set[tuple[str, str]]]:
    """Return the owners that our decisions wrote, by lead, the newest first; and those that came back."""
    rows = await connection.fetch(SELECT_WRITES, workspace_id, list(lead_ids), MAX_WRITES)
    writes: dict[str, list[OurWrite]] = {}
    for row in map(row_in_utc, rows):
        ids = owner_written(row["response"])
        if ids:
            writes.setdefault(row["lead_id"], []).append(OurWrite(row["id"], row["decided_at"], ids))
    ids_ = [each.assignment_id for all_ in writes.values() for each in all_]
    confirmed = await connection.fetch(SELECT_CONFIRMED, workspace_id, ids_) if ids_ else []
    return writes, {(row["assignment_id"], row["system"]) for row in confirmed}


async def find_lead_ids(connection: Connection, workspace_id: int, crm_lead: str) -> set[str]:
    """Return the leads that were sent with this CRM id, two at most."""
    rows = await connection.fetch(SELECT_LEADS_BY_CRM_ID, workspace_id, crm_lead)
    return {row["lead_id"] for row in rows}


def owner_written(response: bytes) -> dict[str, str]:
    """Return the CRM ids of the owner that a decision wrote, by kind of CRM, out of its stored response."""
    for action in orjson.loads(unpack(response)).get("actions", ()):
        if action["type"] == "set_owner" and isinstance(action["params"].get("crm"), dict):
            return {kind: str(id_) for kind, id_ in action["params"]["crm"].items()}
    return {}


async def count_new(connection: Connection, workspace_id: int, system: str, limit: int) -> int:
    """Return how many records of a system are new within the last minute, up to a limit."""
    return int(await connection.fetchval(COUNT_NEW_RECORDS, workspace_id, system, limit) or 0)


async def write_rows(connection: Connection, workspace_id: int, rows: CrmRows) -> None:
    """Write what a commit group changes."""
    if rows.records:
        stored = orjson.dumps(list(rows.records.values())).decode()
        await connection.execute(UPSERT_RECORDS, workspace_id, stored)
        merged = [each for each in rows.records.values() if each.merged_into is not None]
        moved = [(workspace_id, each.system, each.object, each.id, each.merged_into) for each in merged]
        if moved:
            await connection.executemany(FOLLOW_MERGE, moved)
    if rows.forgotten:
        await connection.executemany(DELETE_RECORD, [(workspace_id, *key) for key in sorted(rows.forgotten)])
    if rows.versions:
        versions = [
            {
                "system": key.system,
                "object": key.object,
                "id": key.id,
                "field": name,
                "at": each.at,
                "order": each.order,
                "value": each.value,
                "since": each.since,
                "by_person": each.by_person,
            }
            for (key, name), each in rows.versions.items()
        ]
        await connection.execute(UPSERT_VERSIONS, workspace_id, orjson.dumps(versions).decode())
    if rows.confirmed:
        await connection.executemany(
            INSERT_CONFIRMED, [(workspace_id, *key, at) for key, at in rows.confirmed.items()]
        )


def _record(row: Row) -> RecordRow:
    read = row_in_utc(row)
    return RecordRow(**{**read, "deal": orjson.loads(read["deal"]) if read["deal"] is not None else None})


def _columns(keys: Iterable[RecordKey]) -> tuple[list[str], list[str], list[str]]:
    ordered = sorted(keys)
    return [key.system for key in ordered], [key.object for key in ordered], [key.id for key in ordered]
