"""The settings of the outbox of a workspace: a record of the directory, because decisions read them."""

from typing import Any

from app.store.connection.pool import Pool, transaction
from app.store.directory import records
from app.store.directory.records import Record

RESOURCE_TYPE, ID = "settings", "actions"
DEFAULTS: dict[str, Any] = {"reader": False, "max_deliveries": 10}


async def find(pool: Pool, workspace_id: int) -> Record | None:
    """The record, or None while nobody has set anything."""
    async with transaction(pool, workspace_id, read_only=True) as connection:
        return await records.find_record(connection, workspace_id, RESOURCE_TYPE, ID)
