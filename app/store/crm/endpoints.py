"""The public paths and the secrets of endpoints. Paths and secrets are stored encrypted."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from app.store.clocks import NOW
from app.store.connection.pool import Connection, Pool, look_up, look_up_all
from app.store.connection.rows import row_in_utc

SELECT_PATH = "SELECT workspace_id, endpoint_id FROM webhook_paths WHERE path_hash = $1"
"""The endpoint of a public path, whatever its workspace."""

SELECT_NEWEST_PATHS = """
SELECT path_hash, workspace_id, endpoint_id FROM webhook_paths ORDER BY created_at DESC LIMIT $1
"""
"""The newest public paths, whatever their workspaces."""

SELECT_PATHS = f"""
SELECT endpoint_id, path_hash, path, ends_at, deleted, last_handshake_at
  FROM webhook_paths
 WHERE workspace_id = $1 AND endpoint_id = ANY ($2::text[])
   AND (ends_at IS NULL OR ends_at > {NOW})
 ORDER BY ends_at DESC NULLS FIRST
"""
"""The encrypted live paths of some endpoints, those that do not end first."""

INSERT_PATH = """
INSERT INTO webhook_paths (path_hash, workspace_id, endpoint_id, path) VALUES ($2, $1, $3, $4)
"""
"""The path of a new endpoint."""

END_PATHS = f"""
UPDATE webhook_paths SET ends_at = {NOW} + $3::interval, deleted = $4
 WHERE workspace_id = $1 AND endpoint_id = $2 AND ends_at IS NULL
"""
"""The paths of an endpoint end after a while. Of a deleted endpoint its settings are kept until then."""

REVIVE_PATHS = """
UPDATE webhook_paths SET ends_at = NULL, deleted = NULL
 WHERE workspace_id = $1 AND endpoint_id = $2 AND deleted IS NOT NULL
RETURNING path_hash
"""
"""The paths of an endpoint that was deleted lead to the one that is made again under its id."""

NOTE_HANDSHAKES = f"""
UPDATE webhook_paths SET last_handshake_at = {NOW}
 WHERE workspace_id = $1 AND endpoint_id = ANY ($2::text[])
"""
"""Endpoints have just answered a handshake."""

DELETE_ENDED_PATHS = f"""
DELETE FROM webhook_paths WHERE workspace_id = $1 AND ends_at <= {NOW}
RETURNING endpoint_id
"""
"""Paths that have ended."""

DELETE_SECRETS_WITHOUT_PATH = """
DELETE FROM endpoint_secrets
 WHERE workspace_id = $1 AND endpoint_id = ANY ($2::text[])
   AND NOT EXISTS (SELECT FROM webhook_paths AS path
                    WHERE path.workspace_id = $1 AND path.endpoint_id = endpoint_secrets.endpoint_id)
"""
"""The secrets of endpoints no path of which is left."""

DELETE_TOKENS_WITHOUT_PATH = """
DELETE FROM form_tokens
 WHERE workspace_id = $1 AND endpoint_id = ANY ($2::text[])
   AND NOT EXISTS (SELECT FROM webhook_paths AS path
                    WHERE path.workspace_id = $1 AND path.endpoint_id = form_tokens.endpoint_id)
"""
"""The tokens of endpoints no path of which is left."""

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


@dataclass(frozen=True, slots=True)
class StoredPath:
    """A public path, encrypted, and when it ends. `deleted` are the settings of an endpoint that is gone."""

    path_hash: bytes
    path: bytes
    ends_at: datetime | None
    deleted: bytes | None
    last_handshake_at: datetime | None


async def find_endpoint(pool: Pool, path_hash: bytes) -> tuple[int, str] | None:
    """Return the workspace and the id of the endpoint with this path, or None."""
    row = await look_up(pool, pool.acquire_seconds, SELECT_PATH, path_hash)
    return (row["workspace_id"], row["endpoint_id"]) if row else None


async def list_newest(pool: Pool, limit: int) -> list[tuple[bytes, int, str]]:
    """Return the hashes of the newest public paths, each with its workspace and endpoint."""
    rows = await look_up_all(pool, pool.acquire_seconds, SELECT_NEWEST_PATHS, limit)
    return [(row["path_hash"], row["workspace_id"], row["endpoint_id"]) for row in rows]


async def find_paths(
    connection: Connection, workspace_id: int, ids: Sequence[str]
) -> dict[str, list[StoredPath]]:
    """Return the live paths of these endpoints, by id, the newest first."""
    found: dict[str, list[StoredPath]] = {id_: [] for id_ in ids}
    for row in await connection.fetch(SELECT_PATHS, workspace_id, list(ids)):
        columns = row_in_utc(row)
        found[columns.pop("endpoint_id")].append(StoredPath(**columns))
    return found


async def end_paths(
    connection: Connection, workspace_id: int, endpoint_id: str, after: timedelta, deleted: bytes | None
) -> None:
    """Let the paths of an endpoint end; `deleted` are its settings if it was deleted."""
    await connection.execute(END_PATHS, workspace_id, endpoint_id, after, deleted)


async def revive_paths(connection: Connection, workspace_id: int, endpoint_id: str) -> bool:
    """Give an endpoint the paths back that it had when it was deleted. Return whether there were any."""
    return bool(await connection.fetch(REVIVE_PATHS, workspace_id, endpoint_id))


async def note_handshakes(connection: Connection, workspace_id: int, endpoint_ids: Sequence[str]) -> None:
    """Note that endpoints have just answered a handshake."""
    if endpoint_ids:
        await connection.execute(NOTE_HANDSHAKES, workspace_id, sorted(endpoint_ids))


async def delete_ended(connection: Connection, workspace_id: int) -> list[str]:
    """Delete paths that have ended, and secrets that nothing needs. Return the endpoints."""
    rows = await connection.fetch(DELETE_ENDED_PATHS, workspace_id)
    ids = sorted({row["endpoint_id"] for row in rows})
    if ids:
        await connection.execute(DELETE_SECRETS_WITHOUT_PATH, workspace_id, ids)
        await connection.execute(DELETE_TOKENS_WITHOUT_PATH, workspace_id, ids)
    return ids


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
