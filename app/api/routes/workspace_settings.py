"""What the routes of all settings of a workspace have in common."""

from typing import Any

from app.api.http.auth import Caller
from app.api.http.json_response import Json, etag
from app.contract.directory import to_record
from app.contract.types import RecordModel
from app.directory import records
from app.directory.records import Precondition
from app.store.connection.pool import Pool
from app.store.directory.settings import RESOURCE_TYPE, SettingsRecord


async def get_settings(pool: Pool, caller: Caller, settings: SettingsRecord) -> Json[Any]:
    """The settings that hold, with the revision of the record if there is one."""
    found = await settings.find(pool, caller.workspace_id)
    return Json(settings.whole(found), headers=etag(found.revision) if found is not None else None)


async def put_settings(
    pool: Pool, caller: Caller, settings: SettingsRecord, on: Precondition, body: RecordModel
) -> Json[Any]:
    """Replace the settings. Answers what holds now."""
    record = to_record(body)
    written = await records.write(
        pool, caller.workspace_id, caller.key_id, RESOURCE_TYPE, settings.id, lambda _: record, on
    )
    return Json(
        settings.whole(written.record), 201 if written.created else 200, etag(written.record.revision)
    )
