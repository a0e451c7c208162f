"""The keys that accounts are found by, kept beside their records."""

from collections.abc import Mapping, Sequence

from app.store.database import Connection

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
