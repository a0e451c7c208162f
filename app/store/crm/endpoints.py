"""The public paths and the secrets of endpoints. Paths and secrets are stored encrypted."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from app.store.connection.pool import Connection, Pool, look_up

SELECT_PATH = "SELECT workspace_id, endpoint_id FROM webhook_paths WHERE path_hash = $1"
"""The endpoint of a public path, whatever its workspace."""

SELECT_PATHS = """
SELECT endpoint_id, path FROM webhook_paths WHERE workspace_id = $1 AND endpoint_id = ANY ($2::text[])
"""
"""The encrypted paths of some endpoints."""

INSERT_PATH = """
INSERT INTO webhook_paths (path_hash, workspace_id, endpoint_id, path) VALUES ($2, $1, $3, $4)
"""
"""The path of a new endpoint."""

DELETE_PATH = "DELETE FROM webhook_paths WHERE workspace_id = $1 AND endpoint_id = $2"
"""The path leads nowhere from now on."""

INSERT_SECRET = """
INSERT INTO endpoint_secrets (workspace_id, endpoint_id, id, secret, fingerprint, created_at)
VALUES ($1, $2, $3, $4, $5, clock_timestamp())
"""
"""A new secret of an endpoint."""

SELECT_SECRETS = """
SELECT endpoint_id, id::text AS id, secret, fingerprint, created_at, last_used_at FROM endpoint_secrets
 WHERE workspace_id = $1 AND endpoint_id = ANY ($2::text[])
 ORDER BY created_at DESC, id DESC
"""
"""The secrets of some endpoints, the newest first."""

DELETE_SECRETS = """
DELETE FROM endpoint_secrets WHERE workspace_id = $1 AND endpoint_id = $2 AND id = ANY ($3::uuid[])
RETURNING id
"""
"""Some secrets of an endpoint."""

DELETE_ALL_SECRETS = "DELETE FROM endpoint_secrets WHERE workspace_id = $1 AND endpoint_id = $2"
"""The secrets of an endpoint that is deleted."""

NOTE_USE_OF_SECRETS = """
UPDATE endpoint_secrets SET last_used_at = greatest(last_used_at, used.at)
  FROM unnest($2::text[], $3::uuid[], $4::timestamptz[]) AS used (endpoint_id, id, at)
 WHERE endpoint_secrets.workspace_id = $1 AND endpoint_secrets.endpoint_id = used.endpoint_id
   AND endpoint_secrets.id = used.id
"""
"""When secrets were used last."""


@dataclass(frozen=True, slots=True)
class StoredSecret:
    """A secret as stored, encrypted."""

    endpoint_id: str
    id: str
    secret: bytes
    fingerprint: str
    created_at: datetime
    last_used_at: datetime | None


async def find_endpoint(pool: Pool, path_hash: bytes) -> tuple[int, str] | None:
    """Return the workspace and the id of the endpoint with this path, or None."""
    row = await look_up(pool, pool.acquire_seconds, SELECT_PATH, path_hash)
    return (row["workspace_id"], row["endpoint_id"]) if row else None


async def find_paths(connection: Connection, workspace_id: int, ids: Sequence[str]) -> dict[str, bytes]:
    """Return the encrypted paths of these endpoints, by id."""
    rows = await connection.fetch(SELECT_PATHS, workspace_id, list(ids))
    return {row["endpoint_id"]: row["path"] for row in rows}


async def insert_path(
    connection: Connection, workspace_id: int, endpoint_id: str, path_hash: bytes, path: bytes
) -> None:
    """Store the path of a new endpoint, encrypted, and the hash by which it is found."""
    await connection.execute(INSERT_PATH, workspace_id, path_hash, endpoint_id, path)


async def delete_endpoint(connection: Connection, workspace_id: int, endpoint_id: str) -> None:
    """Delete the path and the secrets of an endpoint."""
    await connection.execute(DELETE_PATH, workspace_id, endpoint_id)
    await connection.execute(DELETE_ALL_SECRETS, workspace_id, endpoint_id)


async def insert_secret(
    connection: Connection, workspace_id: int, endpoint_id: str, id_: str, secret: bytes, fingerprint: str
) -> None:
    """Store a secret, encrypted."""
    await connection.execute(INSERT_SECRET, workspace_id, endpoint_id, id_, secret, fingerprint)


async def list_secrets(
    connection: Connection, workspace_id: int, ids: Sequence[str]
) -> dict[str, list[StoredSecret]]:
    """Return the secrets of these endpoints, by endpoint, the newest first."""
    found: dict[str, list[StoredSecret]] = {id_: [] for id_ in ids}
    for row in await connection.fetch(SELECT_SECRETS, workspace_id, list(ids)):
        found[row["endpoint_id"]].append(StoredSecret(**row))
    return found


async def delete_secrets(
    connection: Connection, workspace_id: int, endpoint_id: str, ids: Sequence[str]
) -> int:
    """Delete secrets of an endpoint. Return how many there were."""
    return len(await connection.fetch(DELETE_SECRETS, workspace_id, endpoint_id, list(ids)))


async def note_use(
    connection: Connection, workspace_id: int, used: Mapping[tuple[str, str], datetime]
) -> None:
    """Note when secrets, by endpoint and id, were used last."""
    if used:
        endpoints, ids = zip(*used, strict=True)
        await connection.execute(
            NOTE_USE_OF_SECRETS, workspace_id, list(endpoints), list(ids), list(used.values())
        )
