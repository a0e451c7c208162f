"""Accounts by their keys, stored beside the account records: domains and CRM ids, and words of names."""

from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from app.engine.model.accounts import MAX_PARENTS, Account, AccountKey, Accounts, account_from
from app.store.connection.pool import Connection

MAX_CANDIDATES = 10
"""How many accounts of one key are considered; those with the best rank come first."""
MAX_ACCOUNTS_OF_WORD = 100
"""A word that more accounts have finds none of them."""

Key = tuple[str, str, int]
"""Kind, value and rank."""


DELETE_ACCOUNT_KEYS = "DELETE FROM account_keys WHERE workspace_id = $1 AND account_id = $2"
"""Forget all keys of one account."""

INSERT_ACCOUNT_KEYS = """
INSERT INTO account_keys (workspace_id, kind, value, rank, account_id)
SELECT $1, * FROM unnest($2::text[], $3::text[], $4::smallint[], $5::text[])
"""
"""Add keys of accounts."""

SELECT_SHARED_DOMAINS = """
SELECT wanted.value, wanted.account_id
  FROM unnest($2::text[], $3::text[]) AS wanted (value, account_id)
 CROSS JOIN LATERAL (
   SELECT FROM account_keys
    WHERE workspace_id = $1 AND kind = 'domain' AND account_keys.value = wanted.value
      AND account_keys.account_id <> wanted.account_id
    LIMIT 1) AS found
"""
"""Which of these domains of accounts belong to another account too."""


def account_lookup(kinds: str, values: str) -> str:
    """Return the look-up of accounts by key as an SQL expression, given the names of its two parameters.

    With each account come its parents and successors. A cycle of them ends at a fixed depth. The kind `id`
    names the account itself.
    """
    return f"""
  (SELECT json_agg(json_build_object('kind', wanted.kind, 'value', wanted.value, 'id', key.account_id,
            'body', account.body, 'related', beside.related))
     FROM unnest({kinds}::text[], {values}::text[]) AS wanted (kind, value)
    CROSS JOIN LATERAL (
      (SELECT account_id FROM account_keys
        WHERE workspace_id = $1 AND kind = wanted.kind AND account_keys.value = wanted.value
        ORDER BY rank, account_id LIMIT {MAX_CANDIDATES})
      UNION ALL
      SELECT wanted.value WHERE wanted.kind = 'id') AS key
    CROSS JOIN LATERAL (
      SELECT body FROM directory
       WHERE workspace_id = $1 AND resource_type = 'accounts' AND id = key.account_id
       LIMIT 1) AS account
    CROSS JOIN LATERAL (
      WITH RECURSIVE line (id, body, depth) AS (
        SELECT next.id, NULL::jsonb, 0
          FROM (VALUES (account.body ->> 'parent'), (account.body ->> 'successor')) AS next (id)
         WHERE next.id IS NOT NULL
        UNION ALL
        SELECT next.id, found.body, depth + 1
          FROM line
         CROSS JOIN LATERAL (
           SELECT body || jsonb_build_object('id', line.id) AS body FROM directory
            WHERE workspace_id = $1 AND resource_type = 'accounts' AND id = line.id
              AND depth < {MAX_PARENTS}
            LIMIT 1) AS found
         CROSS JOIN LATERAL (
           SELECT coalesce(found.body ->> 'parent', found.body ->> 'successor')
           UNION ALL
           SELECT found.body ->> 'successor'
            WHERE found.body ->> 'parent' IS NOT NULL AND found.body ->> 'successor' IS NOT NULL
         ) AS next (id))
      SELECT json_agg(body) FILTER (WHERE body IS NOT NULL) AS related FROM line) AS beside)"""


SELECT_ACCOUNTS_BY_KEY = f"SELECT {account_lookup('$2', '$3')} AS accounts"
"""The accounts of some keys, with their parents and successors."""


DELETE_ACCOUNT_NAMES = "DELETE FROM account_names WHERE workspace_id = $1 AND account_id = $2"
"""Forget by which names one account is found."""

INSERT_ACCOUNT_NAMES = """
INSERT INTO account_names (workspace_id, kind, value, account_id)
SELECT $1, * FROM unnest($2::text[], $3::text[], $4::text[])
ON CONFLICT DO NOTHING
"""
"""Add names and words of names of accounts."""

# One account more than the most is read of a word, which tells that it is too common.
SELECT_ACCOUNTS_BY_NAME = f"""
SELECT wanted.kind, wanted.value, found.ids
  FROM unnest($2::text[], $3::text[]) AS wanted (kind, value)
 CROSS JOIN LATERAL (
   SELECT array_agg(account_id) AS ids FROM (
     SELECT account_id FROM account_names
      WHERE workspace_id = $1 AND kind = wanted.kind AND account_names.value = wanted.value
      ORDER BY account_id LIMIT {MAX_ACCOUNTS_OF_WORD + 1}) AS of_value) AS found
 WHERE found.ids IS NOT NULL
"""
"""The ids of the accounts that have a name or a word, for many of them."""


async def find_accounts_by_name(
    connection: Connection, workspace_id: int, keys: Sequence[tuple[str, str]]
) -> dict[tuple[str, str], list[str]]:
    """Return the ids of the accounts of each name and word, but of no word that too many accounts have."""
    kinds, values = [kind for kind, _ in keys], [value for _, value in keys]
    rows = await connection.fetch(SELECT_ACCOUNTS_BY_NAME, workspace_id, kinds, values)
    return {
        (row["kind"], row["value"]): row["ids"] for row in rows if len(row["ids"]) <= MAX_ACCOUNTS_OF_WORD
    }


async def delete_account_keys(connection: Connection, workspace_id: int, account_ids: Sequence[str]) -> None:
    """Forget all keys of these accounts, and the names by which they are found."""
    rows = [(workspace_id, id_) for id_ in account_ids]
    if rows:
        await connection.executemany(DELETE_ACCOUNT_KEYS, rows)
        await connection.executemany(DELETE_ACCOUNT_NAMES, rows)


async def insert_account_names(
    connection: Connection, workspace_id: int, names: Mapping[str, Sequence[tuple[str, str]]]
) -> None:
    """Add names and words of names, each as its kind and value, by account id."""
    rows = [(*key, id_) for id_, of_account in names.items() for key in of_account]
    if rows:
        columns = (list(column) for column in zip(*rows, strict=True))
        await connection.execute(INSERT_ACCOUNT_NAMES, workspace_id, *columns)


SELECT_UNNAMED_ACCOUNTS = """
SELECT directory.id, directory.body
  FROM (SELECT after_id FROM account_name_backfills WHERE workspace_id = $1 LIMIT 1) AS backfill
 CROSS JOIN LATERAL (
   SELECT id, body FROM directory
    WHERE workspace_id = $1 AND resource_type = 'accounts' AND id > backfill.after_id
    ORDER BY id LIMIT $2) AS directory
"""
"""The next accounts that were stored before there were names."""

UPDATE_BACKFILL = "UPDATE account_name_backfills SET after_id = $2 WHERE workspace_id = $1"
"""Note how far the names have come."""

DELETE_BACKFILL = "DELETE FROM account_name_backfills WHERE workspace_id = $1"
"""All accounts of the workspace have their names."""


async def list_unnamed(connection: Connection, workspace_id: int, limit: int) -> list[Account]:
    """Return the next accounts that were stored before there were names."""
    rows = await connection.fetch(SELECT_UNNAMED_ACCOUNTS, workspace_id, limit)
    return [account_from(row["id"], orjson.loads(row["body"])) for row in rows]


async def note_named(connection: Connection, workspace_id: int, last_id: str | None) -> None:
    """Note that the accounts up to this one have their names; None says that all have."""
    if last_id is None:
        await connection.execute(DELETE_BACKFILL, workspace_id)
    else:
        await connection.execute(UPDATE_BACKFILL, workspace_id, last_id)


async def insert_account_keys(
    connection: Connection, workspace_id: int, keys: Mapping[str, Sequence[Key]]
) -> None:
    """Add keys, by account id."""
    rows = [(*key, id_) for id_, of_account in keys.items() for key in of_account]
    if rows:
        columns = (list(column) for column in zip(*rows, strict=True))
        await connection.execute(INSERT_ACCOUNT_KEYS, workspace_id, *columns)


async def find_shared_domains(
    connection: Connection, workspace_id: int, pairs: Sequence[tuple[str, str]]
) -> set[tuple[str, str]]:
    """Return those of these pairs of domain and account id whose domain belongs to another account too."""
    domains, ids = [domain for domain, _ in pairs], [id_ for _, id_ in pairs]
    rows = await connection.fetch(SELECT_SHARED_DOMAINS, workspace_id, domains, ids)
    return {(row["value"], row["account_id"]) for row in rows}


async def find_accounts(connection: Connection, workspace_id: int, keys: Sequence[AccountKey]) -> Accounts:
    """Return the accounts of these keys."""
    kinds, values = [key.kind for key in keys], [key.value for key in keys]
    return accounts_from_json(await connection.fetchval(SELECT_ACCOUNTS_BY_KEY, workspace_id, kinds, values))


def accounts_from_json(text: str | None) -> Accounts:
    """Read the result of `account_lookup`."""
    of_key: dict[tuple[str, str], list[Account]] = {}
    above: dict[str, Account] = {}
    rows: list[dict[str, Any]] = orjson.loads(text) if text else []
    for row in rows:
        account = account_from(row["id"], row["body"])
        of_key.setdefault((row["kind"], row["value"]), []).append(account)
        for related in row["related"] or ():
            above[related["id"]] = account_from(related["id"], related)
    return Accounts(of_key, above)


SELECT_ACCOUNTS_OF_OWNER = """
SELECT found.id, found.path
  FROM (
    SELECT id, body FROM directory
     WHERE workspace_id = $1 AND resource_type = 'accounts'
       AND (body ->> 'owner' = $2 OR body -> 'roles' <> '{}')) AS account
 CROSS JOIN LATERAL (
    SELECT id, 'owner' AS path WHERE body ->> 'owner' = $2
    UNION ALL
    SELECT id, 'roles.' || role.key
      FROM jsonb_each_text(
             CASE jsonb_typeof(body -> 'roles') WHEN 'object' THEN body -> 'roles' ELSE '{}' END) AS role
     WHERE role.value = $2) AS found
 ORDER BY 1, 2 LIMIT $3
"""
"""The accounts that name an owner, and where. Every account is read, so this is for rare questions."""


async def find_accounts_of_owner(
    connection: Connection, workspace_id: int, owner_id: str, limit: int
) -> list[tuple[str, str]]:
    """Return the ids of accounts that name an owner, each with the path where they do."""
    rows = await connection.fetch(SELECT_ACCOUNTS_OF_OWNER, workspace_id, owner_id, limit)
    return [(row["id"], row["path"]) for row in rows]
