"""Settings of a workspace: records of the directory."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from app.store.connection.pool import Connection, Pool, transaction
from app.store.directory import records
from app.store.directory.records import Record

RESOURCE_TYPE = "settings"


@dataclass(frozen=True, slots=True)
class SettingsRecord:
    """The record of some settings, and what holds where it says nothing."""

    id: str
    defaults: Mapping[str, Any]

    async def find(self, pool: Pool, workspace_id: int) -> Record | None:
        """The record, or None while nobody has set anything."""
        async with transaction(pool, workspace_id, read_only=True) as connection:
            return await records.find_record(connection, workspace_id, RESOURCE_TYPE, self.id)

    async def read(self, connection: Connection, workspace_id: int) -> Mapping[str, Any]:
        """The settings that hold now."""
        return self.whole(await records.find_record(connection, workspace_id, RESOURCE_TYPE, self.id))

    def whole(self, record: Record | None) -> dict[str, Any]:
        """What is set, and the defaults of the rest."""
        return {**self.defaults, **(record.body if record is not None else {})}
