"""Suppression lists: addresses, domains and phone numbers whose leads are blocked, as keyed hashes.

An entry comes from a reject, or from a list that somebody keeps. All are found in the same way.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, NamedTuple

import orjson

from app.engine.model.lead_keys import SuppressionKey
from app.ids import uuid7
from app.store.connection.pool import Connection
from app.store.connection.rows import row_in_utc
from app.store.privacy.kept_hashes import (
    HASH_OF,
    INSERT_FIRST_SUPPRESSION_KEY,
    HashKey,
    ensure_suppression_keys,
    find_suppression_keys,
    keyed_hash,
    new_key,
)

SuppressionKind = Literal["email", "domain", "phone"]
SuppressionCode = Literal["free_mail", "customer_account"]


@dataclass(slots=True)
class RejectSuppression:
    """An entry that a reject makes: `value` is blocked by the list.

    `actor` rejected a lead by `event_id`, which names the assignment. `code` says why an address is blocked
    although the plan asked for its domain.
    """

    kind: SuppressionKind
    value: str
    id: str
    list: str
    actor: str
    at: datetime
    assignment_id: str
    event_id: str
    code: SuppressionCode | None


@dataclass(frozen=True, slots=True)
class SuppressionRow:
    """A stored entry. `key_id` names the key of its hash. Only entries of rejects name an assignment."""

    id: str
    kind: SuppressionKind
    list: str
    actor: str
    at: datetime
    key_id: int
    assignment_id: str | None
    event_id: str | None
    code: SuppressionCode | None


class ListCount(NamedTuple):
    """How many entries of a kind a list has, and how many of them have an older key than the newest."""

    list: str
    kind: SuppressionKind
    entries: int
    of_older_keys: int


class AddedCounts(NamedTuple):
    """How many entries are new, have the newest key now, or were there."""

    created: int
    updated: int
    unchanged: int


INSERT_SUPPRESSIONS = f"""
INSERT INTO suppressions (workspace_id, kind, value, id, list, actor, at, assignment_id, event_id, code,
  key_id)
SELECT $1, entry.kind, {HASH_OF.format(value="entry.value")}, entry.id, entry.list, entry.actor, entry.at,
       entry.assignment_id, entry.event_id, entry.code, newest.id
  FROM (SELECT id, key FROM suppression_keys WHERE workspace_id = $1 ORDER BY id DESC LIMIT 1) AS newest
 CROSS JOIN json_to_recordset($2) AS entry (
  kind text, value text, id uuid, list text, actor text, at timestamptz, assignment_id uuid, event_id uuid,
  code text)
"""
"""New entries of rejects."""

DELETE_SUPPRESSIONS_OF_ASSIGNMENT = "DELETE FROM suppressions WHERE workspace_id = $1 AND assignment_id = $2"
"""The entries of one reject."""

ADD_SUPPRESSIONS = """
INSERT INTO suppressions (workspace_id, kind, value, id, list, actor, at, key_id)
SELECT $1, entry.kind, entry.value, entry.id, $3, $4, $5, $6
  FROM json_to_recordset($2) AS entry (kind text, value text, id uuid)
ON CONFLICT (workspace_id, list, kind, value) WHERE assignment_id IS NULL DO NOTHING
"""
"""New entries of a list. Those that it has stay."""

UPDATE_SUPPRESSION_KEYS = """
UPDATE suppressions SET value = entry.value, key_id = $4
  FROM json_to_recordset($2) AS entry (kind text, before text, value text)
 WHERE workspace_id = $1 AND list = $3
   AND suppressions.kind = entry.kind AND suppressions.value = entry.before
"""
"""The same entries under the newest key."""

REMOVE_SUPPRESSIONS = """
DELETE FROM suppressions USING json_to_recordset($2) AS entry (kind text, value text)
 WHERE workspace_id = $1 AND suppressions.kind = entry.kind AND suppressions.value = entry.value AND list = $3
"""
"""Entries of a list, those of rejects too."""

_COLUMNS = """id::text AS id, kind, list, actor, at, key_id, assignment_id::text AS assignment_id,
       event_id::text AS event_id, code"""

SELECT_SUPPRESSIONS = f"""
SELECT {_COLUMNS} FROM suppressions
 WHERE workspace_id = $1 AND ($2::uuid IS NULL OR id > $2)
 ORDER BY id LIMIT $3
"""
"""A page of entries, the oldest first."""

SELECT_SUPPRESSIONS_OF_LIST = f"""
SELECT {_COLUMNS} FROM suppressions
 WHERE workspace_id = $1 AND list = $4 AND ($2::uuid IS NULL OR id > $2)
 ORDER BY id LIMIT $3
"""
"""The same of one list."""

SELECT_SUPPRESSIONS_OF_VALUES = f"""
SELECT {_COLUMNS} FROM suppressions
  JOIN json_to_recordset($2) AS entry (kind text, value text) USING (kind, value)
 WHERE workspace_id = $1
 ORDER BY id
"""
"""The entries that are about somebody."""

COUNT_SUPPRESSIONS = """
SELECT list, kind, count(*) AS entries,
       count(*) FILTER (WHERE key_id < (SELECT max(id) FROM suppression_keys WHERE workspace_id = $1))
         AS of_older_keys
  FROM suppressions WHERE workspace_id = $1 GROUP BY list, kind ORDER BY list, kind
"""
"""How many entries the lists have."""

DELETE_SUPPRESSION = f"DELETE FROM suppressions WHERE workspace_id = $1 AND id = $2 RETURNING {_COLUMNS}"
"""One entry."""


def suppression_lookup(kinds: str, values: str) -> str:
    """Return the look-up of entries as an SQL expression, given the names of its two parameters.

    A workspace without entries has no key, so nothing is hashed there. The oldest entry comes first: the
    aggregate puts it there, because an order within the look-up would read all of the index of ids.
    """
    return f"""
  (SELECT json_agg(found ORDER BY found.id)
     FROM unnest({kinds}::text[], {values}::text[]) AS wanted (kind, value)
    CROSS JOIN LATERAL (
      SELECT wanted.kind, wanted.value, entry.list, entry.assignment_id, entry.id
        FROM (SELECT {HASH_OF.format(value="wanted.value")} AS value FROM suppression_keys
               WHERE workspace_id = $1 ORDER BY id DESC LIMIT 100) AS hashed
       CROSS JOIN LATERAL (
         SELECT list, assignment_id, suppressions.id FROM suppressions
          WHERE workspace_id = $1 AND suppressions.kind = wanted.kind AND suppressions.value = hashed.value
          LIMIT 20) AS entry
       LIMIT 20) AS found)"""


SELECT_SUPPRESSED = f"SELECT {suppression_lookup('$2', '$3')} AS suppressed"
"""The entries that block leads, before the lock."""


Entries = dict[SuppressionKey, list[tuple[str, str | None]]]
"""The lists that have a key, and the assignments whose rejects made the entries."""


def entries_from_json(text: str | None) -> Entries:
    """Return what the look-up found."""
    found: Entries = {}
    for each in orjson.loads(text or "[]"):
        entry = (each["list"], each["assignment_id"])
        found.setdefault(SuppressionKey(each["kind"], each["value"]), []).append(entry)
    return found


async def find_suppressed(
    connection: Connection, workspace_id: int, keys: Collection[SuppressionKey]
) -> Entries:
    """Return the entries of these keys, as they are now."""
    if not keys:
        return {}
    columns = [list(column) for column in zip(*keys, strict=True)]
    return entries_from_json(await connection.fetchval(SELECT_SUPPRESSED, workspace_id, *columns))


async def insert_reject_suppressions(
    connection: Connection, workspace_id: int, rows: Sequence[RejectSuppression]
) -> None:
    """Write the entries of rejects. The first entry of a workspace makes its key."""
    first = new_key()
    await connection.execute(INSERT_FIRST_SUPPRESSION_KEY, workspace_id, first, rows[0].at)
    await connection.execute(INSERT_SUPPRESSIONS, workspace_id, orjson.dumps(rows).decode())


async def add_suppressions(
    connection: Connection,
    workspace_id: int,
    list_: str,
    keys: Collection[SuppressionKey],
    actor: str,
    at: datetime,
) -> AddedCounts:
    """Add entries to a list, under the workspace lock. One with an older key gets the newest."""
    newest, *older = await ensure_suppression_keys(connection, workspace_id, at)
    distinct = list(dict.fromkeys(keys))
    hashed = {key: keyed_hash(newest.key, key.value) for key in distinct}
    updated = 0
    if older:
        before = [
            {"kind": key.kind, "before": keyed_hash(each.key, key.value), "value": hashed[key]}
            for key in distinct
            for each in older
        ]
        status = await connection.execute(
            UPDATE_SUPPRESSION_KEYS, workspace_id, _json(before), list_, newest.id
        )
        updated = _rows_of(status)
    new = [{"kind": key.kind, "value": value, "id": uuid7()} for key, value in hashed.items()]
    status = await connection.execute(ADD_SUPPRESSIONS, workspace_id, _json(new), list_, actor, at, newest.id)
    created = _rows_of(status)
    return AddedCounts(created, updated, max(len(keys) - created - updated, 0))


async def remove_suppressions(
    connection: Connection, workspace_id: int, list_: str, keys: Collection[SuppressionKey]
) -> int:
    """Take entries off a list. Returns how many it had."""
    values = hashed_values(keys, await find_suppression_keys(connection, workspace_id))
    return _rows_of(await connection.execute(REMOVE_SUPPRESSIONS, workspace_id, _json(values), list_))


async def find_suppressions(
    connection: Connection, workspace_id: int, keys: Collection[SuppressionKey]
) -> list[SuppressionRow]:
    """Return the entries for these addresses, domains and numbers."""
    values = hashed_values(keys, await find_suppression_keys(connection, workspace_id))
    rows = await connection.fetch(SELECT_SUPPRESSIONS_OF_VALUES, workspace_id, _json(values))
    return [SuppressionRow(**row_in_utc(row)) for row in rows]


async def list_suppressions(
    connection: Connection, workspace_id: int, after: str | None, limit: int, list_: str | None = None
) -> list[SuppressionRow]:
    """Return entries in order, after the one with this id, of all lists or of one."""
    if list_ is None:
        rows = await connection.fetch(SELECT_SUPPRESSIONS, workspace_id, after, limit)
    else:
        rows = await connection.fetch(SELECT_SUPPRESSIONS_OF_LIST, workspace_id, after, limit, list_)
    return [SuppressionRow(**row_in_utc(row)) for row in rows]


async def count_suppressions(connection: Connection, workspace_id: int) -> list[ListCount]:
    """Return how many entries each list has, by kind."""
    return [ListCount(**row) for row in await connection.fetch(COUNT_SUPPRESSIONS, workspace_id)]


async def delete_suppression(connection: Connection, workspace_id: int, id_: str) -> SuppressionRow | None:
    """Take an entry off its list, and return it. None when there is none."""
    row = await connection.fetchrow(DELETE_SUPPRESSION, workspace_id, id_)
    return SuppressionRow(**row_in_utc(row)) if row is not None else None


def suppression_keys_of(values: Collection[str]) -> list[SuppressionKey]:
    """The entries that could be about a person with these addresses and numbers, in canonical form."""
    return [
        SuppressionKey("email", value) if "@" in value else SuppressionKey("phone", value.partition(";")[0])
        for value in sorted(values)
        if "@" in value or value.startswith("+")
    ]


def hashed_values(keys: Collection[SuppressionKey], by: Sequence[HashKey]) -> list[dict[str, str]]:
    """Every hash that these may be stored under."""
    return [{"kind": key.kind, "value": keyed_hash(each.key, key.value)} for key in keys for each in by]


def _json(rows: Sequence[object]) -> str:
    return orjson.dumps(rows).decode()


def _rows_of(status: str) -> int:
    return int(status.rpartition(" ")[2])
