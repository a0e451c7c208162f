"""Merges of leads: writing one with what undoing it needs, and undoing it."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal

import orjson

from app.engine.model.lead_keys import LeadKey
from app.store.connection.pool import Connection, Row
from app.store.connection.rows import row_in_utc

UNDO_WITHIN = timedelta(days=30)
"""How long a merge can be undone."""
Source = Literal["api", "crm"]

INSERT_MERGE = """
INSERT INTO lead_merges
  (workspace_id, id, lead_id, survivor_id, at, source, actor, reason, state, refunded, taken, keys, records)
SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10::uuid[], $11::json,
  (SELECT coalesce(json_agg(json_build_array(kind, value, source, NOT EXISTS (
            SELECT FROM identities AS theirs
             WHERE theirs.workspace_id = $1 AND theirs.kind = own.kind AND theirs.value = own.value
               AND theirs.lead_id = $4 AND theirs.source = own.source))), '[]')
     FROM identities AS own WHERE workspace_id = $1 AND lead_id = $3),
  (SELECT coalesce(json_agg(json_build_array(system, object, id)), '[]')
     FROM crm_records WHERE workspace_id = $1 AND lead_id = $3)
"""
"""A merge, with the keys of the lead, and whether the survivor had each, and its records."""

COPY_KEYS = """
INSERT INTO identities (workspace_id, kind, value, source, lead_id)
SELECT workspace_id, kind, value, source, $3::uuid FROM identities WHERE workspace_id = $1 AND lead_id = $2
ON CONFLICT DO NOTHING
"""
"""The keys of a lead lead to another one as well."""

DELETE_KEYS = "DELETE FROM identities WHERE workspace_id = $1 AND lead_id = $2"
"""No key leads to a lead any more."""

MOVE_RECORDS = "UPDATE crm_records SET lead_id = $3 WHERE workspace_id = $1 AND lead_id = $2"
"""The records of a lead are another one from now on."""

MARK_MERGED = "UPDATE leads SET merged_into = $3 WHERE workspace_id = $1 AND id = $2"
"""Another lead took the place of this one; None if none does."""

RETURN_RECORDS = """
UPDATE crm_records SET lead_id = $3
  FROM json_to_recordset($4) AS own (system text, object text, id text)
 WHERE workspace_id = $1 AND crm_records.system = own.system AND crm_records.object = own.object
   AND crm_records.id = own.id AND lead_id = $2
"""
"""Records are their first lead again."""

# Planned for an empty table, all indexes look equally good. So each of them is given its whole condition.
MARK_UNDONE = """
UPDATE lead_merges
   SET undone_at = $5, undone_by = $6, undo_reason = $7, undo_response = $8, taken = NULL, keys = NULL,
       records = NULL
 WHERE workspace_id = $1 AND id = $2 AND lead_id = $3 AND survivor_id = $4
"""
"""A merge was undone. What that needed is kept no longer."""

_COLUMNS = """id::text AS id, lead_id::text AS lead_id, survivor_id::text AS survivor_id, at, source,
       actor, reason, state, refunded::text[] AS refunded, taken, keys, records, undone_at, undone_by,
       undo_response"""

# Planned for an empty table, all indexes look equally good. Only that of the primary key has the order.
SELECT_MERGES = f"""
SELECT found.*
  FROM unnest($2::uuid[]) AS wanted (id)
 CROSS JOIN LATERAL (
   SELECT {_COLUMNS} FROM lead_merges
    WHERE workspace_id = $1 AND lead_merges.id BETWEEN wanted.id AND wanted.id
    ORDER BY lead_merges.id LIMIT 1) AS found
"""
"""Merges by id."""

SELECT_MERGES_OF_LEAD = f"""
SELECT {_COLUMNS} FROM (
  (SELECT * FROM lead_merges WHERE workspace_id = $1 AND lead_id = $2 ORDER BY lead_id, at DESC LIMIT 100)
  UNION ALL
  (SELECT * FROM lead_merges
    WHERE workspace_id = $1 AND survivor_id = $2 ORDER BY survivor_id, at DESC LIMIT 100)) AS merge
 ORDER BY merge.at, merge.id
"""
"""The newest merges that a lead was part of, in order."""

LEADS_OF_PERSON = """(
   WITH RECURSIVE person AS (
     SELECT wanted.id
     UNION
     SELECT lead.id
       FROM person
      CROSS JOIN LATERAL (
        SELECT leads.id FROM leads WHERE workspace_id = $1 AND merged_into = person.id
         ORDER BY merged_into LIMIT 1000) AS lead)
   SELECT id FROM person LIMIT 1000
 )"""
"""A lead (`wanted.id`) with all that were merged into it, for a lateral join."""

SELECT_SURVIVORS = """
WITH RECURSIVE taken_over AS (
  SELECT wanted.id AS first, lead.id, lead.merged_into, 0 AS step
    FROM unnest($2::uuid[]) AS wanted (id)
   CROSS JOIN LATERAL (
     SELECT id, merged_into FROM leads WHERE workspace_id = $1 AND leads.id = wanted.id LIMIT 1) AS lead
  UNION ALL
  SELECT taken_over.first, lead.id, lead.merged_into, step + 1
    FROM taken_over
   CROSS JOIN LATERAL (
     SELECT id, merged_into FROM leads
      WHERE workspace_id = $1 AND leads.id = taken_over.merged_into LIMIT 1) AS lead
   WHERE step < 100)
SELECT first::text AS first, id::text AS id FROM taken_over WHERE merged_into IS NULL AND step > 0
"""
"""The leads that remain of chains of merges."""


@dataclass(frozen=True, slots=True)
class MergeRow:
    """A merge to write. `state` is where the lead was, `refunded` are the assignments with a refund.

    `taken` is what the survivor got of the lead (`app.dispatch.merges`).
    """

    id: str
    lead_id: str
    survivor_id: str
    at: datetime
    source: Source
    actor: str
    reason: str | None
    state: str
    refunded: Sequence[str]
    taken: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class UndoRow:
    """A merge that is undone."""

    id: str
    lead_id: str
    survivor_id: str
    at: datetime
    actor: str
    reason: str | None
    response: str
    records: Sequence[Sequence[str]]


@dataclass(frozen=True, slots=True)
class StoredMerge:
    """A merge as it is stored.

    `keys` are those of the lead; `gained` those that the survivor did not have. `taken` is None once the
    merge can no longer be undone.
    """

    id: str
    lead_id: str
    survivor_id: str
    at: datetime
    source: Source
    actor: str
    reason: str | None
    state: str
    refunded: Sequence[str]
    taken: Mapping[str, Any] | None
    keys: Sequence[LeadKey]
    gained: Collection[LeadKey]
    records: Sequence[Sequence[str]]
    undone_at: datetime | None
    undone_by: str | None
    undo_response: str | None


@dataclass(slots=True)
class MergeRows:
    """What a commit group writes about merges."""

    merges: list[MergeRow] = field(default_factory=list)
    undone: list[UndoRow] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.merges or self.undone)

    def lead_ids(self) -> set[str]:
        """The leads that these are about."""
        pairs = [(each.lead_id, each.survivor_id) for each in self.merges]
        pairs += [(each.lead_id, each.survivor_id) for each in self.undone]
        return {id_ for pair in pairs for id_ in pair}


async def write_merges(connection: Connection, workspace_id: int, rows: MergeRows) -> None:
    """Write merges in their order: a chain passes on what came before."""
    for each in rows.merges:
        await connection.execute(
            INSERT_MERGE,
            workspace_id,
            each.id,
            each.lead_id,
            each.survivor_id,
            each.at,
            each.source,
            each.actor,
            each.reason,
            each.state,
            list(each.refunded),
            orjson.dumps(each.taken, option=orjson.OPT_UTC_Z).decode(),
        )
        await connection.execute(COPY_KEYS, workspace_id, each.lead_id, each.survivor_id)
        await connection.execute(DELETE_KEYS, workspace_id, each.lead_id)
        await connection.execute(MOVE_RECORDS, workspace_id, each.lead_id, each.survivor_id)
        await connection.execute(MARK_MERGED, workspace_id, each.lead_id, each.survivor_id)
    for undo in rows.undone:
        await connection.execute(MARK_MERGED, workspace_id, undo.lead_id, None)
        own = [{"system": system, "object": object_, "id": id_} for system, object_, id_ in undo.records]
        records = orjson.dumps(own).decode()
        await connection.execute(RETURN_RECORDS, workspace_id, undo.survivor_id, undo.lead_id, records)
        await connection.execute(
            MARK_UNDONE,
            workspace_id,
            undo.id,
            undo.lead_id,
            undo.survivor_id,
            undo.at,
            undo.actor,
            undo.reason,
            undo.response,
        )


async def find_merges(
    connection: Connection, workspace_id: int, merge_ids: Sequence[str]
) -> dict[str, StoredMerge]:
    """Return merges by id. Unknown ids are left out."""
    rows = await connection.fetch(SELECT_MERGES, workspace_id, list(merge_ids))
    return {row["id"]: _merge(row) for row in rows}


async def find_merges_of_lead(connection: Connection, workspace_id: int, lead_id: str) -> list[StoredMerge]:
    """Return the newest merges that a lead was part of, in order."""
    return [_merge(row) for row in await connection.fetch(SELECT_MERGES_OF_LEAD, workspace_id, lead_id)]


async def find_survivors(
    connection: Connection, workspace_id: int, lead_ids: Collection[str]
) -> dict[str, str]:
    """Return the lead that remains of each of these merged leads. Those that were not merged are left out."""
    rows = await connection.fetch(SELECT_SURVIVORS, workspace_id, sorted(lead_ids))
    return {row["first"]: row["id"] for row in rows}


def _merge(row: Row) -> StoredMerge:
    read = row_in_utc(row)
    keys = orjson.loads(read.pop("keys") or "[]")
    own = [(LeadKey(kind, value, source), gained) for kind, value, source, gained in keys]
    taken = read.pop("taken")
    return StoredMerge(
        **{
            **read,
            "taken": orjson.loads(taken) if taken is not None else None,
            "keys": [key for key, _ in own],
            "gained": frozenset(key for key, gained in own if gained),
            "records": orjson.loads(read["records"] or "[]"),
        }
    )
