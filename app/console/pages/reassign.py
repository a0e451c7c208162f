"""Reassigning a lead from its decision: to an owner, or by the plan once more."""

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

router = APIRouter(route_class=ConsoleRoute)


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
    with in_words(viewer):
        reply = await dispatch.ask(caller.workspace_id, reassign_job(caller, body, form.idempotency_key()))
    made = orjson.loads(reply.body)["assignment_id"]
    return gone_to(request, f"/console/assignments/{made}" if caller.may("leads:read") else "/console")


def _request(form: Form, shown: dict[str, Any]) -> ReassignRequest:
    """What the form asks for, as the API would be asked. Raises ValidationFailed."""
    to, owner = form.text("to", max_length=255), shown["owner"]
    fields: dict[str, Any] = {
        "lead_id": shown["lead_id"],
        "if_assignment_id": shown["assignment_id"],
        "reason": form.text("reason") or None,
    }
    if to:
        fields |= {"to": {"owner": to}, "force": form.text("force") == "yes"}
    elif owner is not None and form.text("without") == "yes":
        fields["exclude"] = [owner["id"]]
    try:
        return ReassignRequest.model_validate(fields)
    except ValidationError as refused:
        raise validation_failed(refused, (), ReassignRequest) from None
