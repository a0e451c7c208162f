"""Absences of owners."""

from collections.abc import Mapping
from datetime import UTC, datetime, time
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
    _check_cover(body.get("cover"), owner_id, edit)
    open_leads = body.get("open_leads") or _default_of(body.get("cover"), times, owner.zone)
    assumed = owner.zone.key if any(at.tzinfo is None for at in sent.values()) else None
    written = {name: _stored(at) for name, at in times.items()}
    record = {
        **body,
        **written,
        "owner": owner_id,
        "assumed_timezone": assumed,
        "open_leads": open_leads,
        "entered_at": _stored(edit.now),
    }
    return await edit.put(RESOURCE_TYPE, uuid7(), record, None)


def _check_cover(cover: Mapping[str, Any] | None, owner_id: str, edit: DirectoryEdit) -> None:
    """Raises ValidationFailed for a cover that does not exist, or that is the owner."""
    if cover is None:
        return
    directory = edit.snapshot.directory
    if cover.get("owner") is not None:
        if cover["owner"] not in directory.owners:
            raise refused_at(("cover", "owner"), "unknown_owner", "names an owner that does not exist")
        if cover["owner"] == owner_id:
            raise refused_at(("cover", "owner"), "not_allowed", "must be another owner")
    elif cover["team"] not in directory.teams:
        raise refused_at(("cover", "team"), "unknown_team", "names a team that does not exist")


def _default_of(cover: Mapping[str, Any] | None, times: Mapping[str, datetime], zone: ZoneInfo) -> str:
    """What happens to open leads unless the caller says: part of a day moves nothing."""
    midnights = all(at.astimezone(zone).time() == time() for at in times.values())
    return "move" if cover is not None and midnights else "stay"


def _stored(at: datetime) -> str:
    return at.isoformat().replace("+00:00", "Z")


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
