"""Absences of owners."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from app.directory.editing import DirectoryEdit
from app.errors import NotFound, refused_at
from app.ids import uuid7
from app.store.connection.pool import Pool, transaction
from app.store.directory import records
from app.store.directory.records import Record

RESOURCE_TYPE = "absences"


async def add(edit: DirectoryEdit, owner_id: str, body: Mapping[str, Any]) -> Record:
    """Add an absence of an owner. Times without an offset are in the owner's time zone.

    Raises NotFound for an unknown owner, and ValidationFailed when the absence ends before it begins.
    """
    owner = edit.snapshot.directory.owners.get(owner_id)
    if owner is None:
        raise NotFound()
    sent = {name: datetime.fromisoformat(body[name]) for name in ("from", "to")}
    times = {name: _in_utc(at, owner.zone) for name, at in sent.items()}
    if times["from"] >= times["to"]:
        raise refused_at(("from",), "invalid_order", "must be before `to`")
    assumed = owner.zone.key if any(at.tzinfo is None for at in sent.values()) else None
    written = {name: at.isoformat().replace("+00:00", "Z") for name, at in times.items()}
    record = {**body, **written, "owner": owner_id, "assumed_timezone": assumed}
    return await edit.put(RESOURCE_TYPE, uuid7(), record, None)


def _in_utc(at: datetime, zone: ZoneInfo) -> datetime:
    return (at if at.tzinfo is not None else at.replace(tzinfo=zone)).astimezone(UTC)


async def page(pool: Pool, workspace_id: int, owner_id: str, after: str, limit: int) -> list[Record]:
    """The absences of an owner, in the order they were added.

    Raises NotFound for an unknown owner.
    """
    async with transaction(pool, workspace_id, read_only=True) as connection:
        if await records.find_record(connection, workspace_id, "owners", owner_id) is None:
            raise NotFound()
        return await records.list_absences(connection, workspace_id, owner_id, after, limit)
