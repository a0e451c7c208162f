"""Edits of owners and members: leave with cover, pauses, caps, leaving for good, weights and ramps."""

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any
from urllib.parse import quote

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from app.api.http.auth import requires
from app.api.http.idempotency import edit_once
from app.api.http.parameters import PathId, PoolParameter
from app.api.routes.teams import patched_member
from app.console.absence_form import absence_of, at_fields
from app.console.forms import Form, FormParameter
from app.console.rendering import is_htmx
from app.console.route import ConsoleRoute
from app.console.viewer import Viewer, ViewerParameter
from app.contract.directory import OwnerInput, parse_open_leads, parse_record, to_record
from app.directory import absences, leaving, records, removal, standings
from app.directory.edit_once import Edit
from app.directory.merge_patch import merge_patch
from app.directory.records import Make, Precondition
from app.errors import Conflict, Fault, NotFound, PreconditionFailed, ValidationFailed, refused_at
from app.store.connection.pool import Pool
from app.store.directory.records import Record
from app.store.leads.bulk_jobs import BulkJob

router = APIRouter(route_class=ConsoleRoute)
CAPS = ("open", "per_day", "per_week")
PAUSE_HOURS = (1, 2, 4, 8, 24, 72, 168)


@router.post("/console/people/owners/{id}/caps")
@requires("directory:write")
async def set_caps(
    request: Request, viewer: ViewerParameter, pool: PoolParameter, id: PathId, form: FormParameter
) -> Response:
    """Sets the caps of an owner. Rolling caps stay as they are."""
    await _change_owner(pool, viewer, id, form, {"caps": _caps(form)})
    return _to(request, "owners", id)


@router.post("/console/people/owners/{id}/pause")
@requires("directory:write")
async def pause(
    request: Request, viewer: ViewerParameter, pool: PoolParameter, id: PathId, form: FormParameter
) -> Response:
    """Pauses an owner for some hours."""
    hours = form.required("hours")
    if hours not in map(str, PAUSE_HOURS):
        raise refused_at(("hours",), "not_allowed", "choose one of the times")
    now = (await standings.owner_standing(pool, viewer.caller.workspace_id, id)).now
    until = (now + timedelta(hours=int(hours))).replace(microsecond=0)
    await _change_owner(pool, viewer, id, form, {"paused_until": until.isoformat()})
    return _to(request, "owners", id)


@router.post("/console/people/owners/{id}/resume")
@requires("directory:write")
async def resume(
    request: Request, viewer: ViewerParameter, pool: PoolParameter, id: PathId, form: FormParameter
) -> Response:
    """Ends a pause."""
    await _change_owner(pool, viewer, id, form, {"paused_until": None})
    return _to(request, "owners", id)


@router.post("/console/people/owners/{id}/deactivate")
@requires("directory:write")
async def deactivate(
    request: Request, viewer: ViewerParameter, pool: PoolParameter, id: PathId, form: FormParameter
) -> Response:
    """Makes an owner inactive. Their open leads stay, or this leads to the job that routes them again."""
    move = parse_open_leads(form.required("open_leads"))
    job = await _change_owner(pool, viewer, id, form, {"active": False}, move_leads=move)
    if job is not None:
        return _to_path(request, f"/console/operations/jobs/{job.id}")
    return _to(request, "owners", id)


@router.post("/console/people/owners/{id}/activate")
@requires("directory:write")
async def activate(
    request: Request, viewer: ViewerParameter, pool: PoolParameter, id: PathId, form: FormParameter
) -> Response:
    """Makes an owner active again."""
    await _change_owner(pool, viewer, id, form, {"active": True})
    return _to(request, "owners", id)


@router.post("/console/people/owners/{id}/leave")
@requires("directory:write")
async def enter_leave(
    request: Request, viewer: ViewerParameter, pool: PoolParameter, id: PathId, form: FormParameter
) -> Response:
    """Enters an absence of whole days or hours, with who stands in."""
    body = absence_of(form)

    async def prepare() -> Edit[Record]:
        return lambda edit: absences.add(edit, id, to_record(body))

    with at_fields():
        await edit_once(
            pool, viewer.caller, form.idempotency_key(), prepare, lambda record: {"id": record.id}
        )
    return _to(request, "owners", id)


@router.post("/console/people/owners/{id}/leave/{absence_id}/delete")
@requires("directory:write")
async def delete_leave(
    request: Request, viewer: ViewerParameter, pool: PoolParameter, id: PathId, absence_id: PathId
) -> Response:
    """Deletes an absence."""
    caller = viewer.caller
    await removal.remove_absence(pool, caller.workspace_id, caller.key_id, id, absence_id)
    return _to(request, "owners", id)


@router.post("/console/people/teams/{id}/members/{owner}")
@requires("directory:write")
async def set_member(
    request: Request,
    viewer: ViewerParameter,
    pool: PoolParameter,
    id: PathId,
    owner: PathId,
    form: FormParameter,
) -> Response:
    """Sets the weight, caps and ramp of a member."""
    factor, until = _number(form.text("ramp_factor")), form.text("ramp_until") or None
    ramp = {"factor": factor, "until": until} if factor is not None or until is not None else None
    patch = {"weight": _number(form.required("weight")), "caps": _caps(form), "ramp": ramp}
    caller = viewer.caller

    async def write(make: Make, on: Precondition) -> None:
        await records.write(pool, caller.workspace_id, caller.key_id, "teams", id, make, on)

    await _edit(pool, viewer, ("teams", id), form, patched_member(owner, patch), write)
    return _to(request, "teams", id)


async def _change_owner(
    pool: Pool,
    viewer: Viewer,
    id_: str,
    form: Form,
    patch: Mapping[str, Any],
    *,
    move_leads: bool | None = None,
) -> BulkJob | None:
    """Change an owner. Returns the job that moves their open leads, if there is one."""

    def make(before: Mapping[str, Any] | None) -> dict[str, Any]:
        if before is None:
            raise NotFound()
        return parse_record(OwnerInput, merge_patch(before, patch))

    caller, jobs = viewer.caller, list[BulkJob]()

    async def write(make: Make, on: Precondition) -> None:
        changed = await leaving.change_owner(
            pool, caller.workspace_id, caller.key_id, id_, make, on, move_leads=move_leads
        )
        if changed.job is not None:
            jobs.append(changed.job)

    await _edit(pool, viewer, ("owners", id_), form, make, write)
    return jobs[0] if jobs else None


async def _edit(
    pool: Pool, viewer: Viewer, record: tuple[str, str], form: Form, make: Make, write: Callable[..., Any]
) -> None:
    """Write a record that is still as the page showed it.

    An edit that is there already, because the form was sent twice, is no conflict. Raises Conflict with the
    present state, and ValidationFailed at the form's fields.
    """
    revision = form.required("revision", max_length=19)
    if not revision.isdecimal():
        raise refused_at(("revision",), "invalid_format", "must be a number")
    try:
        await write(make, Precondition(frozenset((int(revision),))))
    except PreconditionFailed:
        present = await records.find(pool, viewer.caller.workspace_id, *record)
        if make(present.body) == present.body:
            return
        raise Conflict(
            f"Somebody else changed this meanwhile, and nothing of yours was stored. {_present(present)}"
            " Reload the page to go on from there."
        ) from None
    except ValidationFailed as refused:
        raise _at_fields(refused) from None


def _present(record: Record) -> str:
    """What stands now, in a sentence."""
    if record.resource_type == "teams":
        members = ", ".join(
            f"{each['owner']} {each.get('weight', 1):g}" for each in record.body["members"][:10]
        )
        return f"The weights are now: {members}."
    caps = record.body.get("caps") or {}
    limits = ", ".join(
        f"{name.replace('_', ' ')} {caps[name]}" for name in CAPS if caps.get(name) is not None
    )
    paused = record.body.get("paused_until")
    state = "" if record.body.get("active", True) else " They are not active."
    pause = f"paused until {paused}" if paused else "not paused"
    return f"Now the caps are: {limits or 'none'}; {pause}.{state}"


def _caps(form: Form) -> dict[str, Any]:
    return {name: _number(form.text(f"caps_{name}")) for name in CAPS}


def _number(text: str) -> int | float | str | None:
    """The number in a field, nothing for an empty one; other text is refused where the record is checked."""
    if not text:
        return None
    for read in (int, float):
        try:
            return read(text)
        except ValueError:
            continue
    return text


def _at_fields(refused: ValidationFailed) -> ValidationFailed:
    """Faults at the fields of the form: `caps.open` is `caps_open` there, also below a member of a team."""
    faults = []
    for fault in refused.faults:
        names = [each for each in fault.path if isinstance(each, str) and each != "members"]
        faults.append(Fault(("_".join(names),), fault.code, fault.detail))
    return ValidationFailed(refused.detail, faults=faults)


def _to(request: Request, kind: str, id_: str) -> Response:
    return _to_path(request, f"/console/people/{kind}/{quote(id_, safe='')}")


def _to_path(request: Request, path: str) -> Response:
    if is_htmx(request):
        return Response(headers={"HX-Redirect": path})
    return RedirectResponse(path, 303)
