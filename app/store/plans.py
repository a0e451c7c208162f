"""Plans by version. A version never changes once it is stored; which one is active stands in the journal."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson

from app.store.connection.pool import Connection, Pool, transaction


@dataclass(frozen=True, slots=True)
class Version:
    """A stored version, without its text. `activated_at` is when it was made the active one last."""

    version: int
    author: str
    comment: str | None
    created_at: datetime
    activated_at: datetime | None


async def document(pool: Pool, workspace_id: int, version: int) -> dict[str, Any]:
    """The document of one version.

    Raises LookupError when there is none.
    """
    async with transaction(pool, workspace_id, read_only=True) as connection:
        found = await text_of(connection, workspace_id, version)
    if found is None:
        raise LookupError(f"no plan version {version}")
    return found[0]


TEXT = "SELECT document, source_text FROM plans WHERE workspace_id = $1 AND version = $2"


async def text_of(
    connection: Connection, workspace_id: int, version: int
) -> tuple[dict[str, Any], str] | None:
    """The document of a version and the text it was read from."""
    row = await connection.fetchrow(TEXT, workspace_id, version)
    return (orjson.loads(row["document"]), row["source_text"]) if row else None


FIND = """
SELECT version, author, comment, created_at, activated_at FROM plans WHERE workspace_id = $1 AND version = $2
"""


async def find(connection: Connection, workspace_id: int, version: int) -> Version | None:
    """One version."""
    row = await connection.fetchrow(FIND, workspace_id, version)
    return Version(*row) if row else None


PAGE = """
SELECT version, author, comment, created_at, activated_at FROM plans
 WHERE workspace_id = $1 AND version > $2
 ORDER BY version LIMIT $3
"""


async def page(connection: Connection, workspace_id: int, after: int, limit: int) -> list[Version]:
    """Versions in order, those behind `after`."""
    return [Version(*row) for row in await connection.fetch(PAGE, workspace_id, after, limit)]


NEWEST = "SELECT version FROM plans WHERE workspace_id = $1 ORDER BY version DESC LIMIT 1"


async def newest(pool: Pool, workspace_id: int) -> int:
    """The number of the newest version, 0 when there is none."""
    async with transaction(pool, workspace_id, read_only=True) as connection:
        return await _newest(connection, workspace_id)


async def _newest(connection: Connection, workspace_id: int) -> int:
    return await connection.fetchval(NEWEST, workspace_id) or 0


ADD = """
INSERT INTO plans (workspace_id, version, document, source_text, author, comment, created_at)
VALUES ($1, $2, $3, $4, $5, $6, $7)
"""


async def add(
    connection: Connection,
    workspace_id: int,
    document: str,
    source_text: str,
    author: str,
    comment: str | None,
    at: datetime,
) -> Version:
    """Store the next version, the document as JSON. To be called behind the gate."""
    number = await _newest(connection, workspace_id) + 1
    await connection.execute(ADD, workspace_id, number, document, source_text, author, comment, at)
    return Version(number, author, comment, at, None)


ACTIVATE = "UPDATE plans SET activated_at = $3 WHERE workspace_id = $1 AND version = $2"


async def activate(connection: Connection, workspace_id: int, version: int, at: datetime) -> None:
    """Note that the version became the active one."""
    await connection.execute(ACTIVATE, workspace_id, version, at)
