"""Secrets that providers are called with. Each is sent to the host only that it was saved for."""

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime

from app.store.connection.pool import Connection
from app.store.connection.rows import row_in_utc


@dataclass(frozen=True, slots=True)
class ProviderSecret:
    """A secret, encrypted, and the host that it is sent to."""

    name: str
    host: str
    secret: bytes = field(repr=False)
    fingerprint: str
    created_at: datetime


_COLUMNS = "name, host, secret, fingerprint, created_at"
UPSERT_SECRET = f"""
INSERT INTO enrichment_secrets (workspace_id, name, host, secret, fingerprint, created_at)
VALUES ($1, $2, $3, $4, $5, now())
ON CONFLICT (workspace_id, name) DO UPDATE
  SET host = excluded.host, secret = excluded.secret, fingerprint = excluded.fingerprint,
      created_at = excluded.created_at
RETURNING {_COLUMNS}, xmax = 0 AS created
"""
"""A secret in the place of the one with its name."""

SELECT_SECRETS = f"SELECT {_COLUMNS} FROM enrichment_secrets WHERE workspace_id = $1 ORDER BY name"
"""The secrets of a workspace."""

SELECT_NAMED_SECRETS = (
    f"SELECT {_COLUMNS} FROM enrichment_secrets WHERE workspace_id = $1 AND name = ANY ($2)"
)
"""Those with these names."""

DELETE_SECRET = "DELETE FROM enrichment_secrets WHERE workspace_id = $1 AND name = $2 RETURNING name"
"""One secret."""

CLOSE_DENIED = "DELETE FROM enrichment_breakers WHERE workspace_id = $1 AND denied"
"""Providers that did not accept a secret may be called again: it is another one now."""


async def put_secret(
    connection: Connection, workspace_id: int, name: str, host: str, sealed: bytes, fingerprint: str
) -> tuple[ProviderSecret, bool]:
    """Create or replace a secret, and let providers be called again that refused the last one.

    Returns it, and whether it is new.
    """
    row = await connection.fetchrow(UPSERT_SECRET, workspace_id, name, host, sealed, fingerprint)
    if row is None:
        raise LookupError("INSERT with RETURNING returned no row")
    await connection.execute(CLOSE_DENIED, workspace_id)
    columns = row_in_utc(row)
    created: bool = columns.pop("created")
    return ProviderSecret(**columns), created


async def list_secrets(connection: Connection, workspace_id: int) -> list[ProviderSecret]:
    """Return the secrets of a workspace, by name."""
    rows = await connection.fetch(SELECT_SECRETS, workspace_id)
    return [ProviderSecret(**row_in_utc(row)) for row in rows]


async def find_secrets(
    connection: Connection, workspace_id: int, names: Collection[str]
) -> dict[str, ProviderSecret]:
    """Return the secrets with these names. Unknown ones are left out."""
    rows = await connection.fetch(SELECT_NAMED_SECRETS, workspace_id, list(names))
    return {row["name"]: ProviderSecret(**row_in_utc(row)) for row in rows}


async def delete_secret(connection: Connection, workspace_id: int, name: str) -> bool:
    """Delete a secret. Return whether it was there."""
    return await connection.fetchval(DELETE_SECRET, workspace_id, name) is not None
