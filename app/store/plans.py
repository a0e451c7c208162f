"""Plans by version. A version never changes once it is stored; which one is active stands in the journal."""

from typing import Any

import orjson

from app.store.database import Pool, transaction


async def document(pool: Pool, workspace_id: int, version: int) -> dict[str, Any]:
    """The document of one version.

    Raises LookupError when there is none.
    """
    async with transaction(pool, workspace_id, read_only=True) as connection:
        text = await connection.fetchval(
            "SELECT document FROM plans WHERE workspace_id = $1 AND version = $2", workspace_id, version
        )
    if text is None:
        raise LookupError(f"no plan version {version}")
    found: dict[str, Any] = orjson.loads(text)
    return found
