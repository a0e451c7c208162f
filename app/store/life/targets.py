"""Targets of a workspace, their secrets, and their breakers. Times are of the system clock."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from app.store.connection.pool import Connection, Row
from app.store.connection.rows import row_in_utc


@dataclass(frozen=True, slots=True)
class TargetSecret:
    """A secret as stored. `sealed` is encrypted."""

    id: str
    sealed: bytes
    fingerprint: str
    created_at: datetime
    last_used_at: datetime | None


@dataclass(frozen=True, slots=True)
class StoredTarget:
    """A target as stored.

    `failures` are the temporary failures since the last success. While the breaker is open, since
    `opened_at`, nothing is sent until `open_until`, and after it one message at a time.
    """

    id: str
    url: str
    types: Sequence[str]
    active: bool
    max_parallel: int
    revision: int
    updated_at: datetime
    failures: int
    opened_at: datetime | None
    open_until: datetime | None

    def wants(self, message_type: str) -> bool:
        """Whether messages of this type are sent to the target."""
        return message_type in self.types or "*" in self.types


_COLUMNS = """id, url, types, active, max_parallel, revision, updated_at, failures, opened_at, open_until"""

SELECT_TARGET = f"SELECT {_COLUMNS} FROM targets WHERE workspace_id = $1 AND id = $2"
"""One target."""

LOCK_TARGET = f"""
SELECT {_COLUMNS}, clock_timestamp() AS now FROM targets WHERE workspace_id = $1 AND id = $2
   FOR NO KEY UPDATE
"""
"""One target: this lock is held by all who change whose turn it is at a target."""

SELECT_TARGETS_AFTER = f"""
SELECT {_COLUMNS} FROM targets WHERE workspace_id = $1 AND id > $2 ORDER BY id LIMIT $3
"""
"""A page of targets."""

LOCK_TARGETS = f"""
SELECT {_COLUMNS} FROM targets WHERE workspace_id = $1 ORDER BY id FOR NO KEY UPDATE
"""
"""All targets, locked in one order."""

UPSERT_TARGET = f"""
INSERT INTO targets (workspace_id, id, url, types, active, max_parallel, revision, updated_at, updated_by)
VALUES ($1, $2, $3, $4, $5, $6, $7, clock_timestamp(), $8)
ON CONFLICT (workspace_id, id) DO UPDATE
   SET url = excluded.url, types = excluded.types, active = excluded.active,
       max_parallel = excluded.max_parallel, revision = excluded.revision, updated_at = excluded.updated_at,
       updated_by = excluded.updated_by, failures = 0, opened_at = NULL, open_until = NULL
RETURNING {_COLUMNS}
"""
"""Create or replace a target. Whatever failed before, it is tried again."""

DELETE_TARGET = "DELETE FROM targets WHERE workspace_id = $1 AND id = $2 RETURNING id"
"""Delete a target, its secrets and its messages."""

UPDATE_BREAKER = """
UPDATE targets SET failures = $3, opened_at = $4, open_until = $5 WHERE workspace_id = $1 AND id = $2
"""
"""The breaker of a target."""

SELECT_SECRETS = """
SELECT id::text AS id, sealed, fingerprint, created_at, last_used_at FROM target_secrets
 WHERE workspace_id = $1 AND target_id = $2 ORDER BY created_at DESC, id DESC
"""
"""The secrets of a target, the newest first."""

INSERT_SECRET = """
INSERT INTO target_secrets (workspace_id, target_id, id, sealed, fingerprint, created_at)
VALUES ($1, $2, $3, $4, $5, clock_timestamp())
"""
"""A new secret."""

DELETE_SECRET = """
DELETE FROM target_secrets WHERE workspace_id = $1 AND target_id = $2 AND id = $3 RETURNING id
"""
"""A secret is no longer used."""

NOTE_SECRETS_USED = """
UPDATE target_secrets SET last_used_at = clock_timestamp()
 WHERE workspace_id = $1 AND target_id = $2
   AND (last_used_at IS NULL OR last_used_at < clock_timestamp() - interval '1 minute')
"""
"""The secrets of a target are used; noted once a minute."""

INSERT_CURSOR = """
INSERT INTO target_cursors (workspace_id, action_number, decision_number)
SELECT $1,
       coalesce((SELECT number FROM actions WHERE workspace_id = $1 AND number IS NOT NULL
                  ORDER BY number DESC LIMIT 1), 0),
       coalesce((SELECT decision_number FROM assignments WHERE workspace_id = $1
                  ORDER BY decision_number DESC LIMIT 1), 0)
ON CONFLICT (workspace_id) DO NOTHING
"""
"""The first target gets what comes from now on."""


async def find_target(connection: Connection, workspace_id: int, id_: str) -> StoredTarget | None:
    """Return one target, or None."""
    row = await connection.fetchrow(SELECT_TARGET, workspace_id, id_)
    return _target(row) if row else None


async def lock_target(
    connection: Connection, workspace_id: int, id_: str
) -> tuple[StoredTarget, datetime] | None:
    """Lock one target. Return it and the time of the system, or None."""
    row = await connection.fetchrow(LOCK_TARGET, workspace_id, id_)
    if row is None:
        return None
    columns = row_in_utc(row)
    now: datetime = columns.pop("now")
    return StoredTarget(**columns), now


async def lock_targets(connection: Connection, workspace_id: int) -> list[StoredTarget]:
    """Lock all targets, and return them by id."""
    return [_target(row) for row in await connection.fetch(LOCK_TARGETS, workspace_id)]


async def list_targets(
    connection: Connection, workspace_id: int, after: str, limit: int
) -> list[StoredTarget]:
    """Return the targets whose ids come after `after`, by id."""
    return [_target(row) for row in await connection.fetch(SELECT_TARGETS_AFTER, workspace_id, after, limit)]


async def put_target(
    connection: Connection,
    workspace_id: int,
    id_: str,
    body: dict[str, Any],
    revision: int,
    actor: str,
) -> StoredTarget:
    """Create or replace a target, and close its breaker."""
    row = await connection.fetchrow(
        UPSERT_TARGET,
        workspace_id,
        id_,
        body["url"],
        body["types"],
        body["active"],
        body["max_parallel"],
        revision,
        actor,
    )
    if row is None:
        raise LookupError("INSERT with RETURNING returned no row")
    await connection.execute(INSERT_CURSOR, workspace_id)
    return _target(row)


async def delete_target(connection: Connection, workspace_id: int, id_: str) -> bool:
    """Delete a target with its secrets and messages. Return whether it was there."""
    return await connection.fetchval(DELETE_TARGET, workspace_id, id_) is not None


async def set_breaker(
    connection: Connection,
    workspace_id: int,
    id_: str,
    failures: int,
    opened_at: datetime | None,
    open_until: datetime | None,
) -> None:
    """Write the breaker of a target that is locked."""
    await connection.execute(UPDATE_BREAKER, workspace_id, id_, failures, opened_at, open_until)


async def list_secrets(connection: Connection, workspace_id: int, id_: str) -> list[TargetSecret]:
    """Return the secrets of a target, the newest first."""
    rows = await connection.fetch(SELECT_SECRETS, workspace_id, id_)
    return [TargetSecret(**row_in_utc(row)) for row in rows]


async def add_secret(
    connection: Connection, workspace_id: int, id_: str, secret_id: str, sealed: bytes, fingerprint: str
) -> None:
    """Add a secret."""
    await connection.execute(INSERT_SECRET, workspace_id, id_, secret_id, sealed, fingerprint)


async def delete_secret(connection: Connection, workspace_id: int, id_: str, secret_id: str) -> bool:
    """Delete a secret. Return whether it was there."""
    return await connection.fetchval(DELETE_SECRET, workspace_id, id_, secret_id) is not None


async def note_secrets_used(connection: Connection, workspace_id: int, id_: str) -> None:
    """Note that the secrets of a target sign messages."""
    await connection.execute(NOTE_SECRETS_USED, workspace_id, id_)


def _target(row: Row) -> StoredTarget:
    return StoredTarget(**row_in_utc(row))
