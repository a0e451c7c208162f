"""Sessions of the console, and sign-in links. Only hashes of their tokens are stored.

They end by the time of the database, not by that of a workspace, which can be moved. Those that were made
while its clock was ahead are not valid: they would be for as long as it was.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from app.store.clocks import MAX_AHEAD
from app.store.connection.pool import Connection, Pool, look_up_all, transaction
from app.tokens import LINK_SECONDS

_AHEAD_SECONDS = MAX_AHEAD.total_seconds()

SELECT_SESSIONS = """
SELECT found.workspace_id, found.token_hash, found.key_id, found.ends_at,
       workspaces.name AS workspace, workspaces.timezone, api_keys.label
  FROM find_console_sessions($1, $2) AS found
  JOIN workspaces ON workspaces.id = found.workspace_id
  LEFT JOIN api_keys ON api_keys.id = found.key_id
 WHERE found.ends_at <= clock_timestamp() + make_interval(secs => $3)
"""
"""Sessions that have not ended, whatever their workspace, with what each page shows."""

INSERT_SESSION = """
INSERT INTO console_sessions (workspace_id, token_hash, key_id, ends_at)
VALUES ($1, $2, $3, clock_timestamp() + make_interval(secs => $4))
"""
"""A new session."""

DELETE_SESSION = "DELETE FROM console_sessions WHERE workspace_id = $1 AND token_hash = $2"
"""End a session."""

MAKE_LINK = "SELECT make_console_link($1, $2, $3)"
"""A new sign-in link, with the key by which the links of an owner act if there is none yet."""

TAKE_LINK = """
DELETE FROM console_links WHERE workspace_id = $1 AND token_hash = $2
RETURNING key_id, ends_at > clock_timestamp()
                  AND ends_at <= clock_timestamp() + make_interval(secs => $3) AS valid
"""
"""Use a sign-in link, which is gone then."""


@dataclass(frozen=True, slots=True)
class StoredSession:
    """A session that has not ended: its key, and what each page shows of the workspace."""

    workspace_id: int
    key_id: str
    ends_at: datetime
    workspace: str
    timezone: str
    label: str


async def find_sessions(
    pool: Pool, tokens: Sequence[tuple[int, bytes]], seconds: float
) -> dict[tuple[int, bytes], StoredSession]:
    """Return the sessions with these workspaces and hashes of tokens; others are left out.

    None lasts longer than so many seconds.
    """
    ids, hashes = [workspace_id for workspace_id, _ in tokens], [token_hash for _, token_hash in tokens]
    longest = seconds + _AHEAD_SECONDS
    rows = await look_up_all(pool, pool.acquire_seconds, SELECT_SESSIONS, ids, hashes, longest)
    return {
        (row["workspace_id"], row["token_hash"]): StoredSession(
            workspace_id=row["workspace_id"],
            key_id=row["key_id"],
            ends_at=row["ends_at"],
            workspace=row["workspace"],
            timezone=row["timezone"],
            label=row["label"] or "",
        )
        for row in rows
    }


async def insert_session(
    pool: Pool, workspace_id: int, token_hash: bytes, key_id: str, seconds: float
) -> None:
    """Store a session that ends after so many seconds. Raises WorkspaceDeleted."""
    async with transaction(pool, workspace_id) as connection:
        await connection.execute(INSERT_SESSION, workspace_id, token_hash, key_id, seconds)


async def delete_session(pool: Pool, workspace_id: int, token_hash: bytes) -> None:
    """End a session. Raises WorkspaceDeleted."""
    async with transaction(pool, workspace_id) as connection:
        await connection.execute(DELETE_SESSION, workspace_id, token_hash)


async def make_link(connection: Connection, owner_id: str, token_hash: bytes, seconds: float) -> datetime:
    """Store a sign-in link of an owner of the transaction's workspace. Return when it ends.

    The first link of an owner makes the API key by which all of them act.
    """
    ends_at: datetime = await connection.fetchval(MAKE_LINK, owner_id, token_hash, seconds)
    return ends_at


async def take_link(
    pool: Pool, workspace_id: int, link_hash: bytes, session_hash: bytes, seconds: float
) -> str | None:
    """Use a link once: begin a session of its key. Return that key, or None if the link is no longer valid.

    Raises WorkspaceDeleted.
    """
    async with transaction(pool, workspace_id) as connection:
        longest = LINK_SECONDS + _AHEAD_SECONDS
        row = await connection.fetchrow(TAKE_LINK, workspace_id, link_hash, longest)
        if row is None or not row["valid"]:
            return None
        await connection.execute(INSERT_SESSION, workspace_id, session_hash, row["key_id"], seconds)
    return str(row["key_id"])
