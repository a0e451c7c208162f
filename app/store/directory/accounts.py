"""Accounts by their keys: domains and CRM ids, stored beside the account records."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson

from app.engine.model.accounts import (
    MAX_PARENTS,
    Account,
    AccountKey,
    AccountMatch,
    account_from,
    match_account,
)
from app.store.connection.pool import Connection

MAX_CANDIDATES = 5
"""How many accounts of one key are considered; those with the best rank come first."""

Key = tuple[str, str, int]
"""Kind, value and rank."""


@dataclass(frozen=True, slots=True)
class Accounts:
    """The accounts of the requested keys, and all their parents."""

    of_key: dict[tuple[str, str], list[Account]] = field(default_factory=dict)
    above: dict[str, Account] = field(default_factory=dict)

    def matched(self, keys: Sequence[AccountKey]) -> AccountMatch | None:
        """Return the account that a lead with these keys belongs to."""
        found = [(key, self.of_key.get((key.kind, key.value), ())) for key in keys]
        return match_account(found, self.above)

    def joined(self, more: "Accounts") -> "Accounts":
        """Return these accounts and more of them."""
        return Accounts({**self.of_key, **more.of_key}, {**self.above, **more.above})


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

    Only the first account of a key can be the match, so only its parents are read. A cycle of parents ends
    at a fixed depth.
    """
    return f"""
  (SELECT json_agg(json_build_object('kind', wanted.kind, 'value', wanted.value, 'id', key.account_id,
            'body', account.body, 'parents', ancestors.parents))
     FROM unnest({kinds}::text[], {values}::text[]) AS wanted (kind, value)
    CROSS JOIN LATERAL (
      SELECT account_id, row_number() OVER (ORDER BY rank, account_id) AS place FROM account_keys
       WHERE workspace_id = $1 AND kind = wanted.kind AND account_keys.value = wanted.value
       ORDER BY rank, account_id LIMIT {MAX_CANDIDATES}) AS key
    CROSS JOIN LATERAL (
      SELECT body FROM directory
       WHERE workspace_id = $1 AND resource_type = 'accounts' AND id = key.account_id
       LIMIT 1) AS account
    CROSS JOIN LATERAL (
      WITH RECURSIVE parent (id, body, depth) AS (
        SELECT account.body ->> 'parent', NULL::jsonb, 0 WHERE key.place = 1
        UNION ALL
        SELECT above.body ->> 'parent', above.body || jsonb_build_object('id', parent.id), depth + 1
          FROM parent
         CROSS JOIN LATERAL (
           SELECT body FROM directory
            WHERE workspace_id = $1 AND resource_type = 'accounts' AND id = parent.id
              AND depth < {MAX_PARENTS}
            LIMIT 1) AS above)
      SELECT json_agg(body) FILTER (WHERE body IS NOT NULL) AS parents FROM parent) AS ancestors)"""


SELECT_ACCOUNTS_BY_KEY = f"SELECT {account_lookup('$2', '$3')} AS accounts"
"""The accounts of some keys, and the parents of the best match."""


async def delete_account_keys(connection: Connection, workspace_id: int, account_ids: Sequence[str]) -> None:
    """Forget all keys of these accounts."""
    await connection.executemany(DELETE_ACCOUNT_KEYS, [(workspace_id, id_) for id_ in account_ids])


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
    found = Accounts()
    rows: list[dict[str, Any]] = orjson.loads(text) if text else []
    for row in rows:
        account = account_from(row["id"], row["body"])
        found.of_key.setdefault((row["kind"], row["value"]), []).append(account)
        for parent in row["parents"] or ():
            found.above[parent["id"]] = account_from(parent["id"], parent)
    return found


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
