"""Workspaces and API keys: the global tables, read before a workspace is known."""

from dataclasses import dataclass
from datetime import datetime

from app.keys import StoredKey
from app.store.connection.pool import DEFAULT_LIMITS, Connection, Pool, look_up


@dataclass(frozen=True, slots=True)
class Workspace:
    """One customer of the service."""

    id: int
    name: str
    created_at: datetime


async def create(connection: Connection, name: str) -> Workspace:
    """Make a workspace and its gate.

    Raises asyncpg.UniqueViolationError when the name is taken, CheckViolationError when it is empty or
    longer than 63 bytes.
    """
    async with connection.transaction():
        row = await connection.fetchrow(
            "INSERT INTO workspaces (name) VALUES ($1) RETURNING id, name, created_at", name
        )
        if row is None:
            raise LookupError("an INSERT with RETURNING answers one row")
        # Row-level security binds the owner of the tables too.
        await connection.execute("SELECT set_config('lead_assignment.workspace', $1, true)", str(row["id"]))
        await connection.execute("INSERT INTO workspace_locks (workspace_id) VALUES ($1)", row["id"])
    return Workspace(row["id"], row["name"], row["created_at"])


async def list_workspaces(connection: Connection) -> list[Workspace]:
    """Every workspace, by name."""
    rows = await connection.fetch("SELECT id, name, created_at FROM workspaces ORDER BY name")
    return [Workspace(row["id"], row["name"], row["created_at"]) for row in rows]


async def named(pool: Pool | Connection, name: str) -> Workspace | None:
    """The workspace of this name."""
    row = await pool.fetchrow("SELECT id, name, created_at FROM workspaces WHERE name = $1", name)
    return Workspace(row["id"], row["name"], row["created_at"]) if row else None


IDS = "SELECT array_agg(id ORDER BY id) AS ids FROM workspaces"


async def ids(pool: Pool) -> list[int]:
    """Every workspace, oldest first."""
    row = await look_up(pool, DEFAULT_LIMITS, IDS)
    return row["ids"] or []


KEY = "SELECT id, workspace_id, secret_hash, scopes, owner_id, revoked_at FROM api_keys WHERE id = $1"


async def key(pool: Pool, key_id: str) -> StoredKey | None:
    """An API key by its public part."""
    row = await look_up(pool, DEFAULT_LIMITS, KEY, key_id)
    if row is None:
        return None
    scopes, revoked = frozenset(row["scopes"]), row["revoked_at"] is not None
    return StoredKey(row["id"], row["workspace_id"], row["secret_hash"], scopes, row["owner_id"], revoked)
