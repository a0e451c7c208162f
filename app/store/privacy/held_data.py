"""Everything that is held about a lead, row by row, for an export."""

import json
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import orjson

from app.engine.life.crm import RecordKey
from app.engine.model.lead_keys import EXTERNAL_ID, LeadKey
from app.store.connection.pool import Connection, Row
from app.store.privacy.personal_tables import PERSONAL_TABLES, PersonalTable
from app.store.stored_bytes import unpack
from app.values.crm_ids import crm_id_key

ERASED_ID = "erased"
"""What stands for the id of a record whose person was erased."""
MIN_CHARACTERS = 3
"""Shorter values are not looked for in text: they would be found everywhere."""

_JSON = frozenset(("signals", "preferences", "details", "terms", "headers", "body", "deal"))
"""Columns that hold JSON."""

# Merges form chains: what was merged into a lead stays with it when that lead is merged in turn.
# Each LIMIT is a fence, as in the facts of a commit group.
SELECT_PERSON = """
WITH RECURSIVE taken_over AS (
  SELECT id, merged_into FROM leads WHERE workspace_id = $1 AND id = $2
  UNION
  SELECT lead.id, lead.merged_into
    FROM taken_over
   CROSS JOIN LATERAL (
     SELECT id, merged_into FROM leads
      WHERE workspace_id = $1 AND leads.id = taken_over.merged_into LIMIT 1) AS lead),
remaining AS (
  SELECT id FROM taken_over
   WHERE (SELECT id FROM leads
           WHERE workspace_id = $1 AND leads.id = taken_over.merged_into LIMIT 1) IS NULL),
person AS (
  SELECT id FROM remaining
  UNION
  SELECT lead.id
    FROM person
   CROSS JOIN LATERAL (
     SELECT id FROM leads WHERE workspace_id = $1 AND merged_into = person.id
      ORDER BY merged_into LIMIT 10000) AS lead)
SELECT id::text AS id FROM person
 ORDER BY id NOT IN (SELECT id FROM remaining), id
"""
"""The lead that remains of all that were merged with a lead, and then the others."""

SELECT_KEYS = """
SELECT kind, value, source FROM identities WHERE workspace_id = $1 AND lead_id = $2
"""
"""The keys of a lead."""

SELECT_ASSIGNMENT_IDS = """
SELECT id FROM assignments WHERE workspace_id = $1 AND lead_id = $2 ORDER BY decision_number
"""
"""The assignments of a lead."""

SELECT_FAILED_LEADS = """
SELECT id::text AS id, at, code, request FROM failed_leads
 WHERE workspace_id = $1
   AND EXISTS (SELECT FROM unnest($2::text[]) AS sent (value)
                WHERE position(lower(sent.value) IN lower(convert_from(request, 'UTF8'))) > 0)
 ORDER BY id
"""
"""The leads that could not be decided, and whose text has one of these values in it."""

SELECT_LIST_ANSWERS = """
SELECT key, at, response FROM idempotency_keys
 WHERE workspace_id = $1 AND lead_id IS NULL AND response IS NOT NULL
   AND EXISTS (SELECT FROM unnest($2::text[]) AS wanted (id)
                WHERE position(convert_to(wanted.id, 'UTF8') IN response) > 0)
 ORDER BY key
"""
"""Stored answers about many records that have one of these ids in them."""

UPDATE_ANSWER = "UPDATE idempotency_keys SET response = $3 WHERE workspace_id = $1 AND key = $2"
"""Another answer under an idempotency key."""


async def find_person(connection: Connection, workspace_id: int, lead_id: str) -> list[str]:
    """Return all leads that were merged with a lead, the one that remains first. Empty for an unknown one."""
    return [row["id"] for row in await connection.fetch(SELECT_PERSON, workspace_id, lead_id)]


async def find_keys(connection: Connection, workspace_id: int, lead_id: str) -> list[LeadKey]:
    """Return the keys of a lead."""
    return [LeadKey(**row) for row in await connection.fetch(SELECT_KEYS, workspace_id, lead_id)]


async def find_rows(
    connection: Connection, workspace_id: int, table: PersonalTable, lead_id: str
) -> list[Row]:
    """Return the rows of a table about one lead."""
    select = f"SELECT * FROM {table.name} WHERE workspace_id = $1 AND {table.rows}"
    if table.by == "lead":
        return list(await connection.fetch(select, workspace_id, lead_id))
    found: list[Row] = []
    for row in await connection.fetch(SELECT_ASSIGNMENT_IDS, workspace_id, lead_id):
        found += await connection.fetch(select, workspace_id, row["id"])
    return found


async def find_failed_leads(connection: Connection, workspace_id: int, values: Collection[str]) -> list[Row]:
    """Return the leads that could not be decided and were sent with one of these keys of a person."""
    wanted = {value for value in values if len(value) >= MIN_CHARACTERS}
    if not wanted:
        return []
    written = wanted | {json.dumps(value)[1:-1] for value in wanted}
    rows = await connection.fetch(SELECT_FAILED_LEADS, workspace_id, sorted(written))
    folded = {value.casefold() for value in wanted}
    return [row for row in rows if not folded.isdisjoint(_sent_keys(row["request"]))]


@dataclass(frozen=True, slots=True)
class ListAnswer:
    """A stored answer about many records of a CRM, and which of its items are about one person."""

    key: str
    at: datetime
    body: dict[str, Any]
    items: list[int]

    def to_json(self) -> dict[str, Any]:
        """What an export shows: the items about the person."""
        items = [self.body["items"][number] for number in self.items]
        return {"key": self.key, "at": self.at, "response": {"items": items}}


async def find_list_answers(
    connection: Connection, workspace_id: int, lead_ids: Collection[str], records: Collection[RecordKey]
) -> list[ListAnswer]:
    """Return the answers of `/records` and `/reconcile` that name these leads or their records."""
    ids = {(record.object, crm_id_key(record.id)) for record in records}
    # As it stands in JSON, and in the short form, which the long one begins with.
    wanted = {*lead_ids, *(orjson.dumps(id_).decode()[1:-1] for _, id_ in ids)}
    found: list[ListAnswer] = []
    for row in await connection.fetch(SELECT_LIST_ANSWERS, workspace_id, sorted(wanted)):
        body = _document(row["response"])
        listed = body.get("items") if isinstance(body, dict) else None
        items = [
            number
            for number, item in enumerate(listed if isinstance(listed, list) else ())
            if isinstance(item, dict)
            and (
                item.get("lead_id") in lead_ids
                or (
                    item.get("lead_id") is None
                    and (item.get("object"), crm_id_key(str(item.get("id")))) in ids
                )
            )
        ]
        if items:
            found.append(ListAnswer(row["key"], row["at"].astimezone(UTC), body, items))
    return found


async def erase_list_answers(
    connection: Connection, workspace_id: int, lead_id: str, records: Collection[RecordKey]
) -> None:
    """Take a lead and its records out of stored answers. What became of the others stays."""
    for answer in await find_list_answers(connection, workspace_id, (lead_id,), records):
        for number in answer.items:
            answer.body["items"][number] |= {"id": ERASED_ID, "lead_id": None}
        await connection.execute(UPDATE_ANSWER, workspace_id, answer.key, orjson.dumps(answer.body))


def shown(row: Row, hidden: Sequence[str] = ()) -> dict[str, Any]:
    """A row as an export has it: documents as JSON, without its workspace and hidden columns."""
    return {
        name: orjson.loads(value) if name in _JSON and isinstance(value, str) else _shown(value)
        for name, value in row.items()
        if name != "workspace_id" and name not in hidden and value is not None
    }


async def read_sections(
    connection: Connection, workspace_id: int, lead_ids: Sequence[str]
) -> dict[str, list[dict[str, Any]]]:
    """Return the rows of every table that is found by lead, by the name of its section."""
    found: dict[str, list[dict[str, Any]]] = {}
    for table in PERSONAL_TABLES:
        rows = found.setdefault(table.section, [])
        for lead_id in lead_ids:
            rows += [
                shown(row, table.hidden) for row in await find_rows(connection, workspace_id, table, lead_id)
            ]
    return found


def _sent_keys(request: bytes) -> Iterator[str]:
    """What a lead that failed was sent with that can name a person."""
    try:
        lead = json.loads(request)["lead"]
    except (ValueError, LookupError, TypeError):
        return
    crm = lead.get("crm") if isinstance(lead.get("crm"), dict) else {}
    for value in (lead.get("email"), lead.get("phone"), lead.get(EXTERNAL_ID), crm.get("lead_id")):
        if isinstance(value, str):
            yield value.casefold()


def _shown(value: Any) -> Any:
    match value:
        case bytes():
            return _document(unpack(value))
        case datetime():
            return value.astimezone(UTC)
        case UUID():
            return str(value)
        case Decimal():
            return float(value)
        case _:
            return value


def _document(stored: bytes) -> Any:
    """A stored document: JSON, or else text as it came."""
    try:
        return orjson.loads(stored) if stored else None
    except ValueError:
        return stored.decode("utf-8", "backslashreplace")
