"""Idempotency keys, and the responses that are stored under them."""

from dataclasses import dataclass
from datetime import datetime, timedelta

import orjson

from app.store.connection.pool import Connection


@dataclass(frozen=True, slots=True)
class Reply:
    """What the caller gets: a status and a body of JSON, both fixed before the commit.

    `assignment_id` names the decision that the body shows, if it shows one; any other body that is about a
    lead names it as `lead_id`. A repeat with the same key gets the same, if it is `kept`.
    """

    status: int
    body: bytes
    replayed: bool = False
    assignment_id: str | None = None
    kept: bool = True
    lead_id: str | None = None


@dataclass(frozen=True, slots=True)
class IdempotencyKey:
    """An idempotency key, and the hash of the route and body it came with.

    The items of a batch share a key: `text` ends in the number of the item, and `batch` is the text of the
    whole batch. It is kept with the first item that is looked at, whatever becomes of it, so that another
    body under the same key is always noticed. `holds` is how long the key is kept.
    """

    text: str
    body_hash: bytes
    batch: str | None = None
    holds: timedelta = timedelta(days=7)


@dataclass(slots=True)
class KeyRow:
    """A key and what it stands for: a decision, or else a stored response, which may be about a lead."""

    key: str
    body_hash: str
    assignment_id: str | None
    status: int
    at: datetime
    response: str | None = None
    lead_id: str | None = None


UPSERT_IDEMPOTENCY_KEYS = """
INSERT INTO idempotency_keys (workspace_id, key, body_hash, assignment_id, status, at, response, lead_id)
SELECT $1, key, decode(body_hash, 'hex'), assignment_id, status, at, convert_to(response, 'UTF8'), lead_id
  FROM json_to_recordset({rows}) AS key (
    key text, body_hash text, assignment_id uuid, status smallint, at timestamptz, response text,
    lead_id uuid)
ON CONFLICT (workspace_id, key) DO UPDATE
  SET body_hash = excluded.body_hash, assignment_id = excluded.assignment_id, status = excluded.status,
      at = excluded.at, response = excluded.response, lead_id = excluded.lead_id"""
"""Keys of a commit group; `rows` is the name of the parameter that holds them as JSON. A key that has expired
is replaced."""


async def store_response(
    connection: Connection, workspace_id: int, key: IdempotencyKey, reply: Reply, at: datetime
) -> None:
    """Store a response under a key. The caller holds the workspace lock."""
    row = KeyRow(key.text, key.body_hash.hex(), None, reply.status, at, reply.body.decode())
    statement = UPSERT_IDEMPOTENCY_KEYS.format(rows="$2")
    await connection.execute(statement, workspace_id, orjson.dumps([row]).decode())
