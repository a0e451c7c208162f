"""What providers answered, by keyed hashes of what they were asked, until it expires."""

import hmac
import secrets
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, NamedTuple

import orjson

from app.store.connection.pool import Connection
from app.store.connection.rows import row_in_utc

KEY_BYTES = 32
AnswerKind = Literal["found", "empty", "refused"]


class QueryKey(NamedTuple):
    """The name of a provider in the plan, and the keyed hash of what it was asked."""

    provider: str
    query: str


@dataclass(frozen=True, slots=True)
class StoredAnswer:
    """An answer: `values` by field, or the `code` with which the provider refused.

    `person` is the keyed hash of an address or number, for a query that is about a person.
    """

    kind: AnswerKind
    values: Mapping[str, Any]
    code: str | None
    person: str | None
    asked_at: datetime
    expires_at: datetime


INSERT_KEY = "INSERT INTO enrichment_keys (workspace_id, key) VALUES ($1, $2) ON CONFLICT DO NOTHING"
"""The key of a workspace, made once."""

SELECT_KEY = "SELECT key FROM enrichment_keys WHERE workspace_id = $1"
"""The key of a workspace."""

# Of a table that was empty when a statement was planned every index looks equally good. Only the right one
# has the order, and an equality would need none.
SELECT_ANSWERS = """
SELECT answer.*
  FROM unnest($2::text[], $3::text[]) AS wanted (provider, query)
 CROSS JOIN LATERAL (
   SELECT provider, query, kind, answer, code, person, asked_at, expires_at FROM enrichment_answers AS kept
    WHERE workspace_id = $1 AND (kept.provider, kept.query) >= (wanted.provider, wanted.query)
      AND (kept.provider, kept.query) <= (wanted.provider, wanted.query)
    ORDER BY kept.provider, kept.query LIMIT 1) AS answer
"""
"""The answers to these queries, expired ones too."""

UPSERT_ANSWER = """
INSERT INTO enrichment_answers
  (workspace_id, provider, query, kind, answer, code, person, asked_at, expires_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
ON CONFLICT (workspace_id, provider, query) DO UPDATE
  SET kind = excluded.kind, answer = excluded.answer, code = excluded.code, person = excluded.person,
      asked_at = excluded.asked_at, expires_at = excluded.expires_at
"""
"""The newest answer to a query."""

SELECT_ANSWERS_OF_PERSONS = """
SELECT found.provider, found.query
  FROM unnest($2::text[]) AS wanted (person)
 CROSS JOIN LATERAL (
   SELECT provider, query FROM enrichment_answers
    WHERE workspace_id = $1 AND enrichment_answers.person >= wanted.person
      AND enrichment_answers.person <= wanted.person
    ORDER BY enrichment_answers.person LIMIT 100000) AS found
"""
"""What was asked about persons."""

DELETE_ANSWER = "DELETE FROM enrichment_answers WHERE workspace_id = $1 AND provider = $2 AND query = $3"
"""An answer, by its key."""


async def find_key(connection: Connection, workspace_id: int) -> bytes | None:
    """Return the key of a workspace; None if nothing was ever asked."""
    key: bytes | None = await connection.fetchval(SELECT_KEY, workspace_id)
    return key


async def ensure_key(connection: Connection, workspace_id: int) -> bytes:
    """Return the key of a workspace; make it if there is none."""
    await connection.execute(INSERT_KEY, workspace_id, secrets.token_bytes(KEY_BYTES))
    key = await find_key(connection, workspace_id)
    if key is None:
        raise LookupError("the key was just made")
    return key


def keyed(key: bytes, text: bytes) -> str:
    """The keyed hash (HMAC-SHA256) of a text."""
    return hmac.digest(key, text, "sha256").hex()


async def find_answers(
    connection: Connection, workspace_id: int, keys: Collection[QueryKey]
) -> dict[QueryKey, StoredAnswer]:
    """Return the answers to these queries. Whether one has expired is for the caller to tell."""
    columns = [list(column) for column in zip(*keys, strict=True)]
    found: dict[QueryKey, StoredAnswer] = {}
    for each in await connection.fetch(SELECT_ANSWERS, workspace_id, *columns):
        row = row_in_utc(each)
        key = QueryKey(row.pop("provider"), row.pop("query"))
        answer = row.pop("answer")
        found[key] = StoredAnswer(values=orjson.loads(answer) if answer else {}, **row)
    return found


async def keep_answer(connection: Connection, workspace_id: int, key: QueryKey, answer: StoredAnswer) -> None:
    """Keep an answer in the place of an earlier one."""
    text = orjson.dumps(answer.values).decode() if answer.kind == "found" else None
    await connection.execute(
        UPSERT_ANSWER,
        workspace_id,
        *key,
        answer.kind,
        text,
        answer.code,
        answer.person,
        answer.asked_at,
        answer.expires_at,
    )


async def erase_answers(connection: Connection, workspace_id: int, values: Collection[str]) -> None:
    """Delete what was asked about the person with these addresses and numbers."""
    key = await find_key(connection, workspace_id)
    if key is not None and values:
        persons: Sequence[str] = [keyed(key, value.encode()) for value in sorted(values)]
        found = await connection.fetch(SELECT_ANSWERS_OF_PERSONS, workspace_id, persons)
        keys = [(workspace_id, each["provider"], each["query"]) for each in found]
        await connection.executemany(DELETE_ANSWER, keys)
