"""Keyed hashes, by which an address, a phone number or a CRM record is recognized without being kept.

The keys are random and of the workspace. A hash cannot be turned back without its key. One key is for what is
kept of erased persons. Suppression lists have keys of their own, which can be changed: the older ones stay as
long as entries have them, because a hash cannot be made again from a hash.
"""

import hashlib
import secrets
from collections.abc import Collection
from datetime import datetime
from typing import NamedTuple

from app.engine.life.crm import RecordKey
from app.store.clocks import NOW
from app.store.connection.pool import Connection
from app.values.crm_ids import crm_id_key

PREFIX = "hash:"
SEPARATOR = "\x1f"
ANY_SYSTEM = ""
"""The system and the object of a CRM id that a lead was sent with, which does not tell them."""
KEY_BYTES = 32

# The same as `keyed_hash`, so that a statement can look for a hash without a round trip for the key.
HASH_OF = f"'{PREFIX}' || encode(sha256(key || sha256(key || convert_to({{value}}, 'UTF8'))), 'hex')"
"""An SQL expression for the keyed hash of a value, beside a row of `hash_keys`."""

INSERT_HASH_KEY = "INSERT INTO hash_keys (workspace_id, key) VALUES ($1, $2) ON CONFLICT DO NOTHING"
"""The key of a workspace, made once."""

SELECT_HASH_KEY = "SELECT key FROM hash_keys WHERE workspace_id = $1"
"""The key of a workspace."""

INSERT_FIRST_SUPPRESSION_KEY = """
INSERT INTO suppression_keys (workspace_id, id, key, created_at)
SELECT $1, 1, $2, $3 WHERE NOT EXISTS (SELECT FROM suppression_keys WHERE workspace_id = $1)
"""
"""The first key of suppression lists."""

INSERT_SUPPRESSION_KEY = """
INSERT INTO suppression_keys (workspace_id, id, key, created_at)
SELECT $1, coalesce(max(id), 0) + 1, $2, $3 FROM suppression_keys WHERE workspace_id = $1
"""
"""One more key of suppression lists."""

SELECT_SUPPRESSION_KEYS = "SELECT id, key FROM suppression_keys WHERE workspace_id = $1 ORDER BY id DESC"
"""The keys of suppression lists, the newest first."""

DELETE_UNUSED_SUPPRESSION_KEYS = """
DELETE FROM suppression_keys AS old
 WHERE workspace_id = $1 AND id < (SELECT max(id) FROM suppression_keys WHERE workspace_id = $1)
   AND NOT EXISTS (SELECT FROM suppressions WHERE workspace_id = $1 AND key_id = old.id)
"""
"""Older keys that no entry has any more."""

BAR_RECORD = """
INSERT INTO barred_records (workspace_id, hash, until) VALUES ($1, $2, $3)
ON CONFLICT (workspace_id, hash) DO UPDATE SET until = greatest(barred_records.until, excluded.until)
"""
"""Nothing about this record is taken until a time."""

SELECT_BARRED = f"""
SELECT wanted.value
  FROM unnest($2::text[]) AS wanted (value)
 CROSS JOIN LATERAL (
   SELECT {HASH_OF.format(value="wanted.value")} AS hash FROM hash_keys WHERE workspace_id = $1 LIMIT 1
 ) AS kept
 CROSS JOIN LATERAL (
   SELECT FROM barred_records
    WHERE workspace_id = $1 AND barred_records.hash = kept.hash AND until > {NOW} LIMIT 1) AS barred
"""
"""Those of these names of records that are barred."""

SELECT_KNOWN = """
SELECT system, object, id
  FROM unnest($2::text[], $3::text[], $4::text[]) AS wanted (system, object, id)
 WHERE EXISTS (
   SELECT FROM crm_records AS record
    WHERE record.workspace_id = $1 AND record.system = wanted.system AND record.object = wanted.object
      AND record.id = wanted.id AND record.lead_id IS NOT NULL)
"""
"""Those of these records that are leads."""


class HashKey(NamedTuple):
    """A key of suppression lists, and its number. The highest is the newest."""

    id: int
    key: bytes


def keyed_hash(key: bytes, value: str) -> str:
    """The keyed hash of a value, as it is stored."""
    return PREFIX + hashlib.sha256(key + hashlib.sha256(key + value.encode()).digest()).hexdigest()


def record_name(system: str, object_: str, record_id: str) -> str:
    """One text for a CRM record, whichever form its id came in."""
    return SEPARATOR.join((system, object_, crm_id_key(record_id)))


async def ensure_hash_key(connection: Connection, workspace_id: int) -> bytes:
    """Return the key of a workspace; make it if there is none. Needs the role of erasure."""
    await connection.execute(INSERT_HASH_KEY, workspace_id, secrets.token_bytes(KEY_BYTES))
    key: bytes = await connection.fetchval(SELECT_HASH_KEY, workspace_id)
    return key


def new_key() -> bytes:
    """A new random key."""
    return secrets.token_bytes(KEY_BYTES)


async def find_suppression_keys(connection: Connection, workspace_id: int) -> list[HashKey]:
    """Return the keys of suppression lists, the newest first."""
    return [HashKey(**row) for row in await connection.fetch(SELECT_SUPPRESSION_KEYS, workspace_id)]


async def ensure_suppression_keys(connection: Connection, workspace_id: int, at: datetime) -> list[HashKey]:
    """Return the keys of suppression lists, the newest first. Make one if there is none."""
    await connection.execute(INSERT_FIRST_SUPPRESSION_KEY, workspace_id, new_key(), at)
    return await find_suppression_keys(connection, workspace_id)


async def rotate_suppression_key(connection: Connection, workspace_id: int, at: datetime) -> list[HashKey]:
    """Make a new key for suppression lists, and drop those that no entry has any more."""
    await connection.execute(INSERT_SUPPRESSION_KEY, workspace_id, new_key(), at)
    await connection.execute(DELETE_UNUSED_SUPPRESSION_KEYS, workspace_id)
    return await find_suppression_keys(connection, workspace_id)


async def bar_record(
    connection: Connection, workspace_id: int, key: bytes, record: tuple[str, str, str], until: datetime
) -> None:
    """Take nothing about a record (system, object, id) until a time. Needs the role of erasure."""
    await connection.execute(BAR_RECORD, workspace_id, keyed_hash(key, record_name(*record)), until)


async def find_barred(
    connection: Connection,
    workspace_id: int,
    records: Collection[RecordKey],
    leads: Collection[RecordKey],
) -> tuple[set[RecordKey], set[RecordKey]]:
    """Return those of these records whose person was erased within the last 30 days.

    And if there are any, those of the records that are leads.

    A webhook about such a record is counted as `for_erased`; nothing is created, and its body is not kept.
    If only the id in a CRM was known of an erased person, it bars the records with this id in every CRM. But
    of these only `leads`, the records that are a person, and none that is another lead by now.
    """
    by_id = {each: record_name(ANY_SYSTEM, ANY_SYSTEM, each.id) for each in leads}
    named = {each: record_name(*each) for each in records}
    rows = await connection.fetch(SELECT_BARRED, workspace_id, [*named.values(), *by_id.values()])
    if not rows:
        return set(), set()
    columns = [list(column) for column in zip(*records, strict=True)]
    known = {RecordKey(*row) for row in await connection.fetch(SELECT_KNOWN, workspace_id, *columns)}
    found = {row["value"] for row in rows}
    barred = {each for each, name in named.items() if name in found}
    return barred | {each for each, name in by_id.items() if name in found and each not in known}, known
