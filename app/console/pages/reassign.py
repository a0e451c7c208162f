"""Reassigning a lead from its decision: to an owner, a team or a queue, or by the plan once more."""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any
from uuid import UUID

import orjson
from fastapi import APIRouter
from pydantic import ValidationError
from starlette.requests import Request
from starlette.responses import Response

from app.api.http.auth import requires
from app.api.http.parameters import DispatchParameter, PoolParameter
from app.api.lead_view import assignment_document
from app.api.routes.reassign import reassign_job
from app.console.conflicts import in_words
from app.console.forms import Form, FormParameter
from app.console.pages.decision import gone_to
from app.console.route import ConsoleRoute
from app.console.viewer import ViewerParameter
from app.contract.faults import validation_failed
from app.contract.requests import ReassignRequest
from app.errors import Fault, OverCap, OwnerInactive, ValidationFailed, refused_at

router = APIRouter(route_class=ConsoleRoute)
FIELDS: Mapping[str, str] = {"owner": "to", "team": "team", "queue": "queue"}
"""The field of the form that names each kind of target."""
MAX_EXCLUDE = 10_000


@router.post("/console/assignments/{assignment_id}/reassign")
@requires("assign", for_owner=True)
async def reassign(
    request: Request,
    viewer: ViewerParameter,
    pool: PoolParameter,
    dispatch: DispatchParameter,
    form: FormParameter,
    assignment_id: UUID,
) -> Response:
    """Decides about the lead once more, unless it has moved on since, and leads to the new decision."""
    caller = viewer.caller
    shown = await assignment_document(pool, dispatch, caller, str(assignment_id))
    body = _request(form, shown)
    with _at_fields(form), in_words(viewer):
        reply = await dispatch.ask(caller.workspace_id, reassign_job(caller, body, form.idempotency_key()))
    made = orjson.loads(reply.body)["assignment_id"]
    return gone_to(request, f"/console/assignments/{made}" if caller.may("leads:read") else "/console")


def _request(form: Form, shown: dict[str, Any]) -> ReassignRequest:
    """What the form asks for, as the API would be asked. Raises ValidationFailed at the form's fields."""
    to, owner = _chosen(form), shown["owner"]
    fields: dict[str, Any] = {
        "lead_id": shown["lead_id"],
        "if_assignment_id": shown["assignment_id"],
        "reason": form.text("reason") or None,
    }
    without = [each for each in re.split(r"[,\s]+", form.text("exclude", max_length=MAX_EXCLUDE)) if each]
    if to and to[0] == "owner":
        fields["force"] = form.text("force") == "yes"
    elif owner is not None and form.text("without") == "yes":
        without.append(owner["id"])
    if to:
        fields["to"] = dict([to])
    if without:
        fields["exclude"] = list(dict.fromkeys(without))
    with _at_fields(form):
        try:
            return ReassignRequest.model_validate(fields)
        except ValidationError as refused:
            raise validation_failed(refused, (), ReassignRequest) from None


def _chosen(form: Form) -> tuple[str, str] | None:
    """The kind and the id of the target, or None for what the plan decides. Raises ValidationFailed."""
    named = [(kind, name) for kind, field in FIELDS.items() if (name := form.text(field, max_length=255))]
    if len(named) > 1:
        raise refused_at((FIELDS[named[1][0]],), "exactly_one", "name one owner, team or queue, not several")
    return named[0] if named else None


@contextmanager
def _at_fields(form: Form) -> Iterator[None]:
    """Says what is wrong with the target at the field that names it."""
    try:
        yield
    except (ValidationFailed, OverCap, OwnerInactive) as refused:
        chosen = _chosen(form)
        field = FIELDS[chosen[0]] if chosen else "to"
        faults = refused.faults
        if not faults:
            faults = (Fault(("to",), refused.code, refused.detail),)
            refused.detail = "Nothing was changed."
        refused.faults = tuple(
            replace(each, path=(field,)) if each.path[:1] == ("to",) else each for each in faults
        )
        raise
