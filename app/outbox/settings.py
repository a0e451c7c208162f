"""The settings of the outbox of a workspace: a record of the directory, because decisions read them."""

from typing import Any

from app.store.connection.pool import Connection, Pool, transaction
from app.store.directory import records
from app.store.directory.records import Record
from app.store.life import deliveries
from app.store.life.deliveries import OutboxNow

RESOURCE_TYPE, ID = "settings", "actions"
DEFAULTS: dict[str, Any] = {"reader": False, "max_deliveries": 10, "deliver": {}}


async def find(pool: Pool, workspace_id: int) -> Record | None:
    """The record, or None while nobody has set anything."""
    async with transaction(pool, workspace_id, read_only=True) as connection:
        return await records.find_record(connection, workspace_id, RESOURCE_TYPE, ID)


async def now_of(connection: Connection, workspace_id: int) -> OutboxNow:
    """The time of the workspace, and after how many deliveries an action is dead."""
    return await deliveries.read_outbox_now(connection, workspace_id, DEFAULTS["max_deliveries"])
