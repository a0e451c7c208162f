"""Whether owners may be compared in a workspace: a record of the directory, `settings/reports`."""

from typing import Any

from app.store.connection.pool import Connection, Pool, transaction
from app.store.directory import records
from app.store.directory.records import Record

RESOURCE_TYPE, ID = "settings", "reports"
DEFAULTS: dict[str, Any] = {"owner_comparison": True}


async def find(pool: Pool, workspace_id: int) -> Record | None:
    """The record, or None while nobody has set anything."""
    async with transaction(pool, workspace_id, read_only=True) as connection:
        return await records.find_record(connection, workspace_id, RESOURCE_TYPE, ID)


async def compares_owners(connection: Connection, workspace_id: int) -> bool:
    """Whether the workspace lets owners be compared."""
    found = await records.find_record(connection, workspace_id, RESOURCE_TYPE, ID)
    return bool({**DEFAULTS, **(found.body if found is not None else {})}["owner_comparison"])
