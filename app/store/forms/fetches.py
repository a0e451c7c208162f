"""Leads to fetch, and the tokens to fetch them with.

What is to be fetched is a row of the inbox that awaits it. A process leases such rows; those of a killed one
are free again when the lease has ended.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from app.store.clocks import NOW
from app.store.connection.pool import Connection
from app.store.connection.rows import row_in_utc

_AWAITS = "state = 'failed' AND code = 'awaiting_fetch'"
# Where the id is known, no index is to be taken for its condition alone.
_THIS_AWAITS = "coalesce(state, '') = 'failed' AND coalesce(code, '') = 'awaiting_fetch'"
_NEXT = "coalesce(wait_until, '-infinity'::timestamptz)"
_IS_DUE = f"{_AWAITS} AND {_NEXT} <= time.now AND next_at <= now()"

UPSERT_TOKEN = f"""
INSERT INTO form_tokens (workspace_id, endpoint_id, token, fingerprint, created_at)
VALUES ($1, $2, $3, $4, {NOW})
ON CONFLICT (workspace_id, endpoint_id) DO UPDATE
  SET token = excluded.token, fingerprint = excluded.fingerprint, created_at = excluded.created_at,
      refused = false, code = NULL, failed_at = NULL, failures = 0, paused_until = NULL
"""
"""The token of an endpoint. What the vendor said about an earlier one is forgotten."""

DELETE_TOKEN = "DELETE FROM form_tokens WHERE workspace_id = $1 AND endpoint_id = $2 RETURNING fingerprint"
"""Nothing is fetched for the endpoint from now on."""

SELECT_TOKENS = """
SELECT endpoint_id, token, fingerprint, created_at, refused, code, failed_at, failures, paused_until,
       fetched_at
  FROM form_tokens WHERE workspace_id = $1 AND endpoint_id = ANY ($2::text[])
"""
"""The tokens of some endpoints."""

SELECT_DUE_ENDPOINTS = f"""
SELECT token.endpoint_id
  FROM form_tokens AS token CROSS JOIN (SELECT {NOW} AS now) AS time
 WHERE token.workspace_id = $1 AND NOT token.refused
   AND coalesce(token.paused_until, '-infinity'::timestamptz) <= time.now
   AND (SELECT true FROM crm_inbox
         WHERE workspace_id = $1 AND endpoint_id = token.endpoint_id AND {_IS_DUE}
         ORDER BY {_NEXT} LIMIT 1)
   AND EXISTS (SELECT FROM directory
                WHERE workspace_id = $1 AND resource_type = 'endpoints' AND id = token.endpoint_id
                  AND (body ->> 'active')::boolean)
"""
"""The active endpoints for which something can be fetched."""

# Who must be forgotten may have been named before this, or at the same time.
TAKE = f"""
WITH time AS MATERIALIZED (SELECT {NOW} AS now),
due AS MATERIALIZED (
  SELECT inbox.ctid AS place FROM crm_inbox AS inbox
   WHERE inbox.workspace_id = $1 AND inbox.endpoint_id = $2 AND {_AWAITS}
     AND {_NEXT} <= (SELECT now FROM time) AND next_at <= now()
     AND (SELECT true FROM crm_inbox AS other
           WHERE other.workspace_id = $1 AND other.record_id = inbox.record_id
             AND other.object = inbox.object AND other.system = inbox.system AND other.kind = 'erase'
             AND other.ended_at IS NULL LIMIT 1) IS NULL
   ORDER BY {_NEXT} LIMIT $3
     FOR UPDATE OF inbox SKIP LOCKED)
UPDATE crm_inbox AS inbox SET next_at = clock_timestamp() + $4::interval, tries = inbox.tries + 1
  FROM due
 WHERE inbox.workspace_id = $1 AND inbox.ctid = due.place
RETURNING inbox.id::text AS id, inbox.record_id, inbox.event, inbox.tries
"""
"""Lease what is to be fetched for an endpoint."""

COMPLETE = f"""
UPDATE crm_inbox
   SET event = $4, state = 'pending', code = NULL, ended_at = NULL, wait_until = NULL,
       next_at = clock_timestamp()
 WHERE workspace_id = $1 AND id = $2::uuid AND {_THIS_AWAITS} AND event = $3
RETURNING id
"""
"""What was fetched is processed, unless somebody else did that meanwhile, or the person was erased."""

POSTPONE = f"""
UPDATE crm_inbox
   SET next_at = clock_timestamp(), wait_until = {NOW} + $3::double precision * interval '1 second'
 WHERE workspace_id = $1 AND id = $2::uuid AND {_THIS_AWAITS}
"""
"""The next attempt comes later."""

FAIL = f"""
UPDATE crm_inbox SET code = $3 WHERE workspace_id = $1 AND id = $2::uuid AND {_THIS_AWAITS}
"""
"""Another attempt would change nothing."""

GIVE_UP = f"""
WITH time AS MATERIALIZED (SELECT {NOW} - $3::interval AS early),
old AS MATERIALIZED (
  SELECT id FROM crm_inbox
   WHERE workspace_id = $1 AND endpoint_id = $2 AND {_AWAITS} AND ended_at < (SELECT early FROM time)
   ORDER BY {_NEXT} LIMIT 1000)
UPDATE crm_inbox SET code = $4
 WHERE workspace_id = $1 AND id = ANY (ARRAY(SELECT id FROM old)) AND {_THIS_AWAITS}
   AND (SELECT created_at FROM form_tokens WHERE workspace_id = $1 AND endpoint_id = $2)
         < (SELECT early FROM time)
RETURNING id
"""
"""What could not be fetched for so long."""

NOTE_SUCCESS = f"""
UPDATE form_tokens
   SET fetched_at = {NOW}, code = NULL, failed_at = NULL, failures = 0, paused_until = NULL
 WHERE workspace_id = $1 AND endpoint_id = $2 AND fingerprint = $3
"""
"""The vendor answered."""

NOTE_FAILURE = f"""
UPDATE form_tokens
   SET code = $4, failed_at = {NOW}, failures = failures + 1, refused = $6,
       paused_until = {NOW} + $5::double precision * interval '1 second'
 WHERE workspace_id = $1 AND endpoint_id = $2 AND fingerprint = $3
"""
"""Nothing is fetched for a while, or, once the vendor refuses the token, until there is another one."""


@dataclass(frozen=True, slots=True)
class StoredToken:
    """A token as stored, encrypted, and what the vendor last said to it.

    `refused` is a token with which nothing is fetched any more. `code` is why fetching failed the last time,
    None after a success; `failures` is how often in a row.
    """

    endpoint_id: str
    token: bytes
    fingerprint: str
    created_at: datetime
    refused: bool
    code: str | None
    failed_at: datetime | None
    failures: int
    paused_until: datetime | None
    fetched_at: datetime | None


@dataclass(frozen=True, slots=True)
class ToFetch:
    """A leased row of the inbox. `event` says what to ask for, `tries` counts the attempts with this one."""

    id: str
    record_id: str
    event: bytes
    tries: int


async def write_token(
    connection: Connection, workspace_id: int, endpoint_id: str, token: bytes, fingerprint: str
) -> None:
    """Store the token of an endpoint, encrypted."""
    await connection.execute(UPSERT_TOKEN, workspace_id, endpoint_id, token, fingerprint)


async def delete_token(connection: Connection, workspace_id: int, endpoint_id: str) -> str | None:
    """Delete the token of an endpoint. Return its fingerprint, or None if there was none."""
    found: str | None = await connection.fetchval(DELETE_TOKEN, workspace_id, endpoint_id)
    return found


async def find_tokens(
    connection: Connection, workspace_id: int, ids: Sequence[str]
) -> dict[str, StoredToken]:
    """Return the tokens of those of these endpoints that have one."""
    rows = await connection.fetch(SELECT_TOKENS, workspace_id, list(ids))
    return {row["endpoint_id"]: StoredToken(**row_in_utc(row)) for row in rows}


async def list_due_endpoints(connection: Connection, workspace_id: int) -> list[str]:
    """Return the endpoints for which something can be fetched now."""
    return [row["endpoint_id"] for row in await connection.fetch(SELECT_DUE_ENDPOINTS, workspace_id)]


async def take(
    connection: Connection, workspace_id: int, endpoint_id: str, limit: int, lease: timedelta
) -> list[ToFetch]:
    """Lease what is to be fetched for an endpoint. Return it."""
    rows = await connection.fetch(TAKE, workspace_id, endpoint_id, limit, lease)
    return [ToFetch(**row) for row in rows]


async def complete(connection: Connection, workspace_id: int, leased: ToFetch, event: bytes) -> bool:
    """Let what was fetched be processed. Return False if it is not wanted any more."""
    return bool(await connection.fetch(COMPLETE, workspace_id, leased.id, leased.event, event))


async def postpone(connection: Connection, workspace_id: int, id_: str, seconds: float) -> None:
    """Fetch again after so many seconds."""
    await connection.execute(POSTPONE, workspace_id, id_, seconds)


async def fail(connection: Connection, workspace_id: int, id_: str, code: str) -> None:
    """Do not fetch again."""
    await connection.execute(FAIL, workspace_id, id_, code)


async def give_up(
    connection: Connection, workspace_id: int, endpoint_id: str, after: timedelta, code: str
) -> int:
    """Do not fetch again what has waited for so long. Return how much that is."""
    return len(await connection.fetch(GIVE_UP, workspace_id, endpoint_id, after, code))


async def note_success(connection: Connection, workspace_id: int, endpoint_id: str, fingerprint: str) -> None:
    """Note that the vendor took the token."""
    await connection.execute(NOTE_SUCCESS, workspace_id, endpoint_id, fingerprint)


async def note_failure(
    connection: Connection,
    workspace_id: int,
    endpoint_id: str,
    fingerprint: str,
    code: str,
    pause: float,
    *,
    refused: bool = False,
) -> None:
    """Fetch nothing for so many seconds, or with this token never again."""
    await connection.execute(NOTE_FAILURE, workspace_id, endpoint_id, fingerprint, code, pause, refused)
