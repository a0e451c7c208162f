"""Accounts by what they are found by: keys kept beside their records."""

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

MOST = 5
"""No more candidates of one key than this are looked at; those that count come first."""

Key = tuple[str, str, int]
"""Kind, value and rank."""

FORGET = "DELETE FROM account_keys WHERE workspace_id = $1 AND account_id = $2"
KEEP = """
INSERT INTO account_keys (workspace_id, kind, value, rank, account_id)
SELECT $1, * FROM unnest($2::text[], $3::text[], $4::smallint[], $5::text[])
"""


async def forget_keys(connection: Connection, workspace_id: int, account_ids: Sequence[str]) -> None:
    """These accounts are found by nothing any more."""
    await connection.executemany(FORGET, [(workspace_id, id_) for id_ in account_ids])


async def keep_keys(connection: Connection, workspace_id: int, keys: Mapping[str, Sequence[Key]]) -> None:
    """Each account, by id, is found by these keys as well."""
    rows = [(*key, id_) for id_, of_account in keys.items() for key in of_account]
    if rows:
        await connection.execute(KEEP, workspace_id, *(list(column) for column in zip(*rows, strict=True)))


SHARED = """
SELECT wanted.value
  FROM unnest($2::text[]) AS wanted (value)
 CROSS JOIN LATERAL (
   SELECT FROM account_keys
    WHERE workspace_id = $1 AND kind = 'domain' AND account_keys.value = wanted.value AND account_id <> $3
    LIMIT 1) AS found
"""


async def shared(connection: Connection, workspace_id: int, id_: str, domains: Sequence[str]) -> set[str]:
    """Of these domains those by which another account is found too."""
    rows = await connection.fetch(SHARED, workspace_id, list(domains), id_)
    return {row["value"] for row in rows}


@dataclass(frozen=True, slots=True)
class Accounts:
    """The accounts of the keys that were asked for, and all that stand above them."""

    of_key: dict[tuple[str, str], list[Account]] = field(default_factory=dict)
    above: dict[str, Account] = field(default_factory=dict)

    def matched(self, keys: Sequence[AccountKey]) -> AccountMatch | None:
        """Which account a lead with these keys belongs to."""
        found = [(key, self.of_key.get((key.kind, key.value), ())) for key in keys]
        return match_account(found, self.above)

    def joined(self, more: "Accounts") -> "Accounts":
        """These and more of them."""
        return Accounts({**self.of_key, **more.of_key}, {**self.above, **more.above})


def finding(kinds: str, values: str) -> str:
    """The look-up as part of a statement, whose parameters for kinds and values of keys have these names.

    Only the first account of a key can be the one that is meant, so only its parents are read. Their chain
    ends in a circle as well, because it ends at a length.
    """
    return f"""
  (SELECT json_agg(json_build_array(wanted.kind, wanted.value, key.account_id, account.body, line.parents))
     FROM unnest({kinds}::text[], {values}::text[]) AS wanted (kind, value)
    CROSS JOIN LATERAL (
      SELECT account_id, row_number() OVER (ORDER BY rank, account_id) AS place FROM account_keys
       WHERE workspace_id = $1 AND kind = wanted.kind AND account_keys.value = wanted.value
       ORDER BY rank, account_id LIMIT {MOST}) AS key
    CROSS JOIN LATERAL (
      SELECT body FROM directory
       WHERE workspace_id = $1 AND resource_type = 'accounts' AND id = key.account_id
       LIMIT 1) AS account
    CROSS JOIN LATERAL (
      WITH RECURSIVE parent (id, body, far) AS (
        SELECT account.body ->> 'parent', NULL::jsonb, 0 WHERE key.place = 1
        UNION ALL
        SELECT above.body ->> 'parent', above.body || jsonb_build_object('id', parent.id), far + 1
          FROM parent
         CROSS JOIN LATERAL (
           SELECT body FROM directory
            WHERE workspace_id = $1 AND resource_type = 'accounts' AND id = parent.id AND far < {MAX_PARENTS}
            LIMIT 1) AS above)
      SELECT json_agg(body) FILTER (WHERE body IS NOT NULL) AS parents FROM parent) AS line)"""  # noqa: S608


FIND = f"SELECT {finding('$2', '$3')}"


async def find(connection: Connection, workspace_id: int, keys: Sequence[AccountKey]) -> Accounts:
    """The accounts of these keys."""
    kinds, values = [key.kind for key in keys], [key.value for key in keys]
    return accounts_in(await connection.fetchval(FIND, workspace_id, kinds, values))


def accounts_in(text: str | None) -> Accounts:
    """What the look-up found."""
    found = Accounts()
    rows: list[tuple[str, str, str, dict[str, Any], list[dict[str, Any]] | None]]
    rows = orjson.loads(text) if text else []
    for kind, value, id_, body, parents in rows:
        found.of_key.setdefault((kind, value), []).append(account_from(id_, body))
        for each in parents or ():
            found.above[each["id"]] = account_from(each["id"], each)
    return found
