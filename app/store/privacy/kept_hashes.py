"""What is kept of erased persons: keyed hashes, by which an address or a CRM record is recognized again.

The key is random, of the workspace, and made with its first erasure. A hash cannot be turned back without it.
"""

import hashlib
import secrets
from collections.abc import Iterable
from datetime import datetime

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

BAR_RECORD = """
INSERT INTO barred_records (workspace_id, hash, until) VALUES ($1, $2, $3)
ON CONFLICT (workspace_id, hash) DO UPDATE SET until = greatest(barred_records.until, excluded.until)
"""
"""Nothing about this record is taken until a time."""

SELECT_BARRED = f"""
SELECT EXISTS (
  SELECT FROM unnest($2::text[]) AS wanted (value)
   CROSS JOIN LATERAL (
     SELECT {HASH_OF.format(value="wanted.value")} AS hash FROM hash_keys WHERE workspace_id = $1 LIMIT 1
   ) AS kept
   CROSS JOIN LATERAL (
     SELECT FROM barred_records
      WHERE workspace_id = $1 AND barred_records.hash = kept.hash AND until > {NOW} LIMIT 1) AS barred)
"""
"""Whether any of these records is barred."""


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


async def bar_record(
    connection: Connection, workspace_id: int, key: bytes, record: tuple[str, str, str], until: datetime
) -> None:
    """Take nothing about a record (system, object, id) until a time. Needs the role of erasure."""
    await connection.execute(BAR_RECORD, workspace_id, keyed_hash(key, record_name(*record)), until)


async def is_barred(
    connection: Connection, workspace_id: int, system: str, object_: str, record_id: str
) -> bool:
    """Return whether a CRM record belonged to a person who was erased within the last 30 days.

    A webhook about it is counted as `for_erased`; nothing is created, and its body is not kept.
    """
    return await any_barred(connection, workspace_id, [(system, object_, record_id)])


async def any_barred(
    connection: Connection, workspace_id: int, records: Iterable[tuple[str, str, str]]
) -> bool:
    """Return whether any of these records (system, object, id) is barred."""
    names = [
        name
        for system, object_, record_id in records
        for name in (
            record_name(system, object_, record_id),
            record_name(ANY_SYSTEM, ANY_SYSTEM, record_id),
        )
    ]
    return bool(await connection.fetchval(SELECT_BARRED, workspace_id, names))
