"""New versions of the plan: a draft out of a text, publishing, and rolling back."""

from hashlib import sha256
from typing import Annotated

import orjson
from fastapi import APIRouter, Depends
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from app.api.http.auth import requires
from app.api.http.idempotency import named_key
from app.api.http.parameters import CapabilitiesParameter, DispatchParameter, PoolParameter
from app.api.routes.plans import LIMITS, PlanActivation, add_draft
from app.console.forms import KEY_FIELD, FormParameter
from app.console.pages.plan import plans_of
from app.console.rendering import is_htmx, render
from app.console.route import ConsoleRoute
from app.console.viewer import ViewerParameter
from app.contract.limits import KIB, BodyLimits
from app.errors import Fault, PlanInvalid, PlanUnparseable, ValidationFailed
from app.plans.versions import Activation

router = APIRouter(route_class=ConsoleRoute)
MAX_COMMENT = 1000
MAX_TOLD = 8
PREFILL_LENGTH = 256 * KIB
BODY = BodyLimits(size=LIMITS.size * 3, seconds=30)
"""A form sends some characters as three."""
ActivationParameter = Annotated[PlanActivation, Depends()]


@router.get("/console/plan/new")
@requires("plan:write")
async def get_new_draft(request: Request, viewer: ViewerParameter) -> Response:
    """Shows the form for a new draft, with the text of the active plan."""
    plans, workspace_id = plans_of(request), viewer.caller.workspace_id
    active = await plans.active_version(workspace_id)
    found = await plans.find(workspace_id, active) if active else None
    text = found.source_text if found is not None else ""
    context = {"active": active, "text": text if len(text) <= PREFILL_LENGTH else ""}
    return render(request, "plan/new.html", context)


@router.post("/console/plan/new")
@requires("plan:write", body=BODY)
async def create_draft(
    request: Request,
    viewer: ViewerParameter,
    pool: PoolParameter,
    dispatch: DispatchParameter,
    capabilities: CapabilitiesParameter,
    form: FormParameter,
) -> Response:
    """Stores a text as the next version."""
    raw = form.required("text", max_length=LIMITS.size).encode()
    comment = form.text("comment", max_length=MAX_COMMENT) or None
    sent = form.text(KEY_FIELD, max_length=255)
    key = named_key(request, sent, {"text": sha256(raw).hexdigest(), "comment": comment}) if sent else None
    try:
        made = await add_draft(viewer.caller, pool, dispatch, capabilities, raw, key, comment)
    except PlanUnparseable as refused:
        raise PlanUnparseable(faults=_with_places(refused)) from None
    return _to(request, f"/console/plan/versions/{orjson.loads(made.body)['version']}")


@router.post("/console/plan/versions/{version}/publish")
@requires("plan:approve")
async def publish(request: Request, activation: ActivationParameter, form: FormParameter) -> Response:
    """Makes a version the active one."""
    return await _activate(request, activation, form, "publish")


@router.post("/console/plan/versions/{version}/rollback")
@requires("plan:approve")
async def roll_back(request: Request, activation: ActivationParameter, form: FormParameter) -> Response:
    """Makes a version the active one again."""
    return await _activate(request, activation, form, "rollback")


async def _activate(
    request: Request, activation: PlanActivation, form: FormParameter, how: Activation
) -> Response:
    comment = form.text("comment", max_length=MAX_COMMENT) or None
    try:
        await activation.run(how, comment, form.idempotency_key())
    except PlanInvalid as refused:
        raise PlanInvalid(faults=_with_places(refused)) from None
    return _to(request, "/console/plan")


def _with_places(refused: ValidationFailed) -> list[Fault]:
    """The first faults, each with its place in the sentence: people see no paths."""
    told = [
        Fault(fault.path, fault.code, f"\n{_place(fault)}: {fault.detail}")
        for fault in refused.faults[:MAX_TOLD]
    ]
    if len(refused.faults) > MAX_TOLD:
        told.append(Fault((), "too_many_items", f"\nAnd {len(refused.faults) - MAX_TOLD} more."))
    return told


def _place(fault: Fault) -> str:
    path = "".join(f"[{each}]" if isinstance(each, int) else f".{each}" for each in fault.path)
    return path.removeprefix(".") or "The text"


def _to(request: Request, path: str) -> Response:
    """Leads to a page, also where a script sent the form."""
    if is_htmx(request):
        return Response(headers={"HX-Redirect": path})
    return RedirectResponse(path, 303)
