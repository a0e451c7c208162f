"""API keys made, listed and revoked. Only the role that owns the tables may."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from app.keys import Key
from app.store.connection.pool import Connection


@dataclass(frozen=True, slots=True)
class Issued:
    """A key as it may be shown: all but its secret."""

    id: str
    label: str
    scopes: tuple[str, ...]
    owner_id: str | None
    created_at: datetime
    revoked_at: datetime | None


ADD = """
INSERT INTO api_keys (id, workspace_id, secret_hash, scopes, owner_id, label) VALUES ($1, $2, $3, $4, $5, $6)
"""


async def add(
    connection: Connection,
    workspace_id: int,
    key: Key,
    scopes: Sequence[str],
    owner_id: str | None,
    label: str,
) -> None:
    """Store a key that was just issued: its id and the hash of its secret."""
    await connection.execute(ADD, key.id, workspace_id, key.secret_hash(), list(scopes), owner_id, label)


LIST = """
SELECT id, label, scopes, owner_id, created_at, revoked_at FROM api_keys
 WHERE workspace_id = $1 ORDER BY created_at, id
"""


async def of_workspace(connection: Connection, workspace_id: int) -> list[Issued]:
    """The keys of a workspace, revoked ones too, oldest first."""
    rows = await connection.fetch(LIST, workspace_id)
    return [Issued(row[0], row[1], tuple(row[2]), row[3], row[4], row[5]) for row in rows]


REVOKE = "UPDATE api_keys SET revoked_at = coalesce(revoked_at, now()) WHERE id = $1 RETURNING id"


async def revoke(connection: Connection, key_id: str) -> bool:
    """Make a key useless, for good; False when there is none of this id."""
    return await connection.fetchval(REVOKE, key_id) is not None


ANY = "SELECT EXISTS (SELECT FROM api_keys WHERE revoked_at IS NULL)"


async def exist(connection: Connection) -> bool:
    """Whether there is any key that works."""
    return bool(await connection.fetchval(ANY))
