"""API keys. Creating, listing and revoking them is for the role that owns the tables."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import asyncpg

from app.errors import WorkspaceDeleted
from app.keys import Key, StoredKey
from app.rates import (
    DEFAULT_KEY_RATE,
    DEFAULT_WORKSPACE_RATE,
    UNSET_RATE,
    Rate,
    Rates,
    StoredRate,
    quota_of,
    rate_of,
)
from app.store.connection.pool import Connection, Pool, Row, look_up_all


@dataclass(frozen=True, slots=True)
class IssuedKey:
    """A key without its secret, as it may be shown."""

    id: str
    label: str
    scopes: tuple[str, ...]
    owner_id: str | None
    created_at: datetime
    revoked_at: datetime | None
    rate: Rate | None


SELECT_KEYS = """
SELECT api_keys.id, workspace_id, secret_hash, scopes, owner_id, source, revoked_at, api_keys.rate,
       api_keys.burst, workspaces.rate AS workspace_rate, workspaces.burst AS workspace_burst, quota_leads,
       quota_days
  FROM api_keys JOIN workspaces ON workspaces.id = workspace_id
 WHERE api_keys.id = ANY ($1)
"""
"""Keys by their public parts, whatever their workspace, with what limits them."""

INSERT_KEY = """
INSERT INTO api_keys (id, workspace_id, secret_hash, scopes, owner_id, label, source, rate, burst)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
"""
"""A new key. Its secret is stored as a hash only."""

SELECT_KEYS_OF_WORKSPACE = """
SELECT id, label, scopes, owner_id, created_at, revoked_at, rate, burst FROM api_keys
 WHERE workspace_id = $1 ORDER BY created_at, id
"""
"""All keys of a workspace, including revoked ones, oldest first."""

REVOKE_KEY = "UPDATE api_keys SET revoked_at = coalesce(revoked_at, now()) WHERE id = $1 RETURNING id"
"""Revoke a key. A second time keeps the first date."""

UPDATE_RATE = "UPDATE api_keys SET rate = $2, burst = $3 WHERE id = $1 RETURNING id"
"""Set the rate of a key; NULL is the default."""

SELECT_ANY_KEY = "SELECT EXISTS (SELECT FROM api_keys WHERE revoked_at IS NULL)"
"""Whether any key is valid."""


async def find_keys(pool: Pool, key_ids: Sequence[str]) -> dict[str, StoredKey]:
    """Return the keys with these public parts, by them; those that do not exist are left out."""
    rows = await look_up_all(pool, pool.acquire_seconds, SELECT_KEYS, list(key_ids))
    return {row["id"]: _stored_key(row) for row in rows}


def _stored_key(row: Row) -> StoredKey:
    return StoredKey(
        id=row["id"],
        workspace_id=row["workspace_id"],
        secret_hash=row["secret_hash"],
        scopes=frozenset(row["scopes"]),
        owner_id=row["owner_id"],
        revoked=row["revoked_at"] is not None,
        source=row["source"],
        rates=Rates(
            key=rate_of(row["rate"], row["burst"], DEFAULT_KEY_RATE),
            workspace=rate_of(row["workspace_rate"], row["workspace_burst"], DEFAULT_WORKSPACE_RATE),
            quota=quota_of(row["quota_leads"], row["quota_days"]),
        ),
    )


async def insert_key(
    connection: Connection,
    workspace_id: int,
    key: Key,
    scopes: Sequence[str],
    owner_id: str | None,
    label: str,
    source: str | None = None,
    rate: StoredRate = UNSET_RATE,
) -> None:
    """Store a key that was just issued: its id and the hash of its secret.

    Raises WorkspaceDeleted when the workspace is no longer there.
    """
    try:
        await connection.execute(
            INSERT_KEY, key.id, workspace_id, key.secret_hash(), list(scopes), owner_id, label, source, *rate
        )
    except asyncpg.ForeignKeyViolationError:
        raise WorkspaceDeleted from None


async def list_keys(connection: Connection, workspace_id: int) -> list[IssuedKey]:
    """Return the keys of a workspace, oldest first."""
    rows = await connection.fetch(SELECT_KEYS_OF_WORKSPACE, workspace_id)
    return [
        IssuedKey(
            id=row["id"],
            label=row["label"],
            scopes=tuple(row["scopes"]),
            owner_id=row["owner_id"],
            created_at=row["created_at"],
            revoked_at=row["revoked_at"],
            rate=rate_of(row["rate"], row["burst"], DEFAULT_KEY_RATE),
        )
        for row in rows
    ]


async def set_rate(connection: Connection, key_id: str, rate: StoredRate) -> bool:
    """Set how often a key may call. Return False when no key has this id."""
    return await connection.fetchval(UPDATE_RATE, key_id, *rate) is not None


async def revoke_key(connection: Connection, key_id: str) -> bool:
    """Revoke a key for good. Return False when no key has this id."""
    return await connection.fetchval(REVOKE_KEY, key_id) is not None


async def any_key_exists(connection: Connection) -> bool:
    """Return whether any key is valid."""
    return bool(await connection.fetchval(SELECT_ANY_KEY))
