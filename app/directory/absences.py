"""Absences of owners."""

from collections.abc import Mapping
from typing import Any

from app.directory.editing import DirectoryEdit
from app.errors import NotFound
from app.ids import uuid7
from app.store.connection.pool import Pool, transaction
from app.store.directory import records
from app.store.directory.records import Record

RESOURCE_TYPE = "absences"


async def add(edit: DirectoryEdit, owner_id: str, body: Mapping[str, Any]) -> Record:
    """Add an absence of an owner.

    Raises NotFound for an unknown owner.
    """
    if owner_id not in edit.snapshot.directory.owners:
        raise NotFound()
    return await edit.put(RESOURCE_TYPE, uuid7(), {**body, "owner": owner_id}, None)


async def page(pool: Pool, workspace_id: int, owner_id: str, after: str, limit: int) -> list[Record]:
    """The absences of an owner, in the order they were added.

    Raises NotFound for an unknown owner.
    """
    async with transaction(pool, workspace_id, read_only=True) as connection:
        if await records.find_record(connection, workspace_id, "owners", owner_id) is None:
            raise NotFound()
        return await records.list_absences(connection, workspace_id, owner_id, after, limit)
