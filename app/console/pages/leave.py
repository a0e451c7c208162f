"""A rep's own leave: when they are away, entered by themselves."""

from collections.abc import Mapping
from datetime import datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from app.api.http.auth import requires
from app.api.http.json_response import encode
from app.api.http.parameters import After, PathId, PoolParameter
from app.console.absence_form import absence_of, at_fields
from app.console.forms import FormParameter
from app.console.rendering import is_htmx, render
from app.console.route import ConsoleRoute
from app.console.viewer import Viewer, ViewerParameter
from app.contract.directory import to_record
from app.directory import absences, removal
from app.directory.edit_once import Edit, once
from app.errors import Forbidden, NotFound
from app.plan.language.durations import parse_iso
from app.store.clocks import read_now
from app.store.connection.pool import Pool, transaction
from app.store.directory.records import Record
from app.store.path.idempotency import Reply

router = APIRouter(route_class=ConsoleRoute)
PAGE = 50


@router.get("/console/leave")
@requires("directory:write", for_owner=True)
async def get_leave(
    request: Request, viewer: ViewerParameter, pool: PoolParameter, after: After = ""
) -> Response:
    """Lists the owner's leave, with a form for more."""
    return render(request, "leave/page.html", await _leave(pool, viewer, after, ""))


@router.post("/console/leave")
@requires("directory:write", for_owner=True)
async def add_leave(
    request: Request, viewer: ViewerParameter, pool: PoolParameter, form: FormParameter
) -> Response:
    """Adds leave of whole days or hours, in the zone of the owner, with who stands in."""
    owner_id, body = _own(viewer), to_record(absence_of(form))

    async def prepare() -> Edit[Record]:
        return lambda edit: absences.add(edit, owner_id, body)

    def reply_of(record: Record) -> Reply:
        return Reply(201, encode({"id": record.id}))

    caller = viewer.caller
    with at_fields():
        await once(pool, caller.workspace_id, caller.key_id, form.idempotency_key(), prepare, reply_of)
    return await _shown(request, viewer, pool, "Saved. New leads go to others in this time.")


@router.post("/console/leave/{absence_id}/remove")
@requires("directory:write", for_owner=True)
async def remove_leave(
    request: Request, viewer: ViewerParameter, pool: PoolParameter, absence_id: PathId
) -> Response:
    """Deletes leave of the owner. A second tap finds it gone, which is what was asked for."""
    caller = viewer.caller
    try:
        await removal.remove_absence(pool, caller.workspace_id, caller.key_id, _own(viewer), absence_id)
    except NotFound:
        if not is_htmx(request):
            raise
    return await _shown(request, viewer, pool, "Removed.")


async def _shown(request: Request, viewer: Viewer, pool: Pool, told: str) -> Response:
    if not is_htmx(request):
        return RedirectResponse("/console/leave", 303)
    return render(request, "leave/list.html", await _leave(pool, viewer, "", told))


async def _leave(pool: Pool, viewer: Viewer, after: str, told: str) -> dict[str, Any]:
    owner_id, workspace_id = _own(viewer), viewer.caller.workspace_id
    found = await absences.page(pool, workspace_id, owner_id, after, PAGE + 1)
    async with transaction(pool, workspace_id, read_only=True) as connection:
        now = await read_now(connection, workspace_id)
    rows = [_row(each, now) for each in found[:PAGE]]
    return {
        "rows": rows,
        "told": told,
        "after": after,
        "following": found[PAGE - 1].id if len(found) > PAGE else "",
        "today": now.astimezone(viewer.zone).date().isoformat(),
    }


def _row(record: Record, now: datetime) -> Mapping[str, Any]:
    """An absence; `days` are its first and last day, if it was entered as whole days of the owner's zone."""
    body = record.body
    begins, ends = (parse_iso(body[name]) for name in ("from", "to"))
    days = None
    if body.get("assumed_timezone"):
        first, end = (each.astimezone(ZoneInfo(body["assumed_timezone"])) for each in (begins, ends))
        if first.time() == end.time() == time():
            days = (first.date(), end.date() - timedelta(days=1))
    state = "past" if ends <= now else "now" if begins <= now else "planned"
    return {
        "id": record.id,
        "from": begins,
        "to": ends,
        "days": days,
        "state": state,
        "cover": body.get("cover"),
    }


def _own(viewer: Viewer) -> str:
    if viewer.owner_id is None:
        raise Forbidden(
            "This page is for owners, about their own leave. Set that of others in the directory."
        )
    return viewer.owner_id
