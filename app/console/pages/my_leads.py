"""A rep's own leads: what they got and why, and what they say about it. For one thumb."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from fastapi import APIRouter
from pydantic import ValidationError
from starlette.requests import Request
from starlette.responses import Response

from app.api.http.auth import requires
from app.api.http.parameters import AfterNumber, DispatchParameter, PoolParameter
from app.api.routes.events import event_job
from app.console.conflicts import in_words
from app.console.forms import Form, FormParameter
from app.console.names import names_of
from app.console.pages.decision import decision_context, running
from app.console.pages.leads import rows_of
from app.console.rendering import is_htmx, render, render_live, version_of
from app.console.route import ConsoleRoute, live
from app.console.viewer import Viewer, ViewerParameter
from app.console.words import CONTACT, NAMED, plain
from app.contract.events import EventRequest
from app.contract.faults import validation_failed
from app.dispatch.dispatcher import Dispatcher
from app.dispatch.jobs.report_event import EventAddress
from app.errors import Forbidden, refused_at
from app.store.connection.pool import Pool, transaction
from app.store.leads import open_leads
from app.store.leads.open_leads import AssignmentFilter
from app.store.path.journal import read_plan_version

router = APIRouter(route_class=ConsoleRoute)
PAGE = 20
FIRST = frozenset(map(plain, (*NAMED, *CONTACT)))
SAID = {
    "accepted": "Accepted",
    "called": "Called",
    "wrote": "Wrote an e-mail",
    "reached": "Talked with them",
    "meeting": "Meeting",
    "qualified": "Qualified",
    "disqualified": "Not a fit",
    "snoozed": "Snoozed",
    "note": "Note",
    "rejected": "Rejected",
    "closed": "Closed",
}
"""What a rep can say about a lead, with the words of its button."""
_EVENTS: Mapping[str, Mapping[str, Any]] = {
    "called": {"type": "first_touch", "via": "phone"},
    "wrote": {"type": "first_touch", "via": "email"},
}
REPORTED = tuple(
    (name, text) for name, text in SAID.items() if name not in ("accepted", "rejected", "called")
)


@router.get("/console/my-leads")
@requires("leads:read", for_owner=True)
async def get_my_leads(
    request: Request,
    viewer: ViewerParameter,
    pool: PoolParameter,
    dispatch: DispatchParameter,
    after: AfterNumber = 0,
) -> Response:
    """Lists the open leads of the owner of the key, the newest first."""
    context = await _mine(pool, dispatch, viewer, after)
    version = version_of(request, "my_leads/list.html", context)
    return render(request, "my_leads/page.html", {**context, "version": version})


@router.get("/console/my-leads/now")
@live
@requires("leads:read", for_owner=True)
async def get_my_leads_now(
    request: Request,
    viewer: ViewerParameter,
    pool: PoolParameter,
    dispatch: DispatchParameter,
    after: AfterNumber = 0,
) -> Response:
    """Returns the list, if it has changed."""
    return render_live(request, "my_leads/list.html", await _mine(pool, dispatch, viewer, after))


@router.get("/console/my-leads/{assignment_id}")
@requires("leads:read", for_owner=True)
async def get_my_lead(
    request: Request,
    viewer: ViewerParameter,
    pool: PoolParameter,
    dispatch: DispatchParameter,
    assignment_id: UUID,
) -> Response:
    """Shows one lead with what can be done now."""
    _own_only(viewer)
    context = await _lead(pool, dispatch, viewer, str(assignment_id), "")
    return render(request, "my_leads/lead_page.html", context)


@router.post("/console/my-leads/{assignment_id}/events")
@requires("events", for_owner=True)
async def say(
    request: Request,
    viewer: ViewerParameter,
    pool: PoolParameter,
    dispatch: DispatchParameter,
    form: FormParameter,
    assignment_id: UUID,
) -> Response:
    """Reports what the rep says, and shows the lead as it is then."""
    _own_only(viewer)
    said = form.required("said")
    if said not in SAID:
        raise refused_at(("said",), "not_allowed", "must be one of the list")
    address = EventAddress(assignment_id=str(assignment_id))
    job = event_job(viewer.caller, _event(said, form, viewer), address, form.idempotency_key())
    with in_words(viewer):
        await dispatch.ask(viewer.caller.workspace_id, job)
    context = await _lead(pool, dispatch, viewer, str(assignment_id), f"{SAID[said]}: saved.")
    return render(request, "my_leads/lead.html" if is_htmx(request) else "my_leads/lead_page.html", context)


def _event(said: str, form: Form, viewer: Viewer) -> EventRequest:
    fields: dict[str, Any] = dict(_EVENTS.get(said, {"type": said}))
    if note := form.text("note"):
        fields["note"] = note
    if said == "rejected":
        fields["reason"] = form.required("reason", max_length=255)
    if said == "snoozed":
        fields["until"] = _until(form.required("until", max_length=40), viewer)
    try:
        return EventRequest.model_validate(fields)
    except ValidationError as refused:
        raise validation_failed(refused, (), EventRequest) from None


def _until(text: str, viewer: Viewer) -> str:
    """A time as a browser sends it: in the zone in which pages show times."""
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise refused_at(("until",), "invalid_timestamp", "must be a day and a time") from None
    return (at if at.tzinfo is not None else at.replace(tzinfo=viewer.zone)).isoformat()


def _own_only(viewer: Viewer) -> None:
    if viewer.owner_id is None:
        raise Forbidden("This page is for owners: sign in with a link of `lead-assignment console link`.")


async def _mine(pool: Pool, dispatch: Dispatcher, viewer: Viewer, after: int) -> dict[str, Any]:
    _own_only(viewer)
    workspace_id = viewer.caller.workspace_id
    async with transaction(pool, workspace_id, read_only=True) as connection:
        wanted = AssignmentFilter(viewer.owner_id)
        found, following = await open_leads.list_assignments(
            connection, workspace_id, wanted, after, PAGE, newest_first=True
        )
    rows = await rows_of(pool, dispatch, viewer, found)
    names = await names_of(pool, viewer, teams=[each.team for each in found])
    return {"rows": rows, "names": names, "after": after, "following": following}


async def _lead(
    pool: Pool, dispatch: Dispatcher, viewer: Viewer, assignment_id: str, told: str
) -> dict[str, Any]:
    context = await decision_context(pool, dispatch, viewer, assignment_id)
    shown = context["shown"]
    mine = shown["owner"] is not None and shown["owner"]["id"] == viewer.owner_id
    effects = {each["effect"] for each in shown["events"]}
    async with transaction(pool, viewer.caller.workspace_id, read_only=True) as connection:
        version = await read_plan_version(connection, viewer.caller.workspace_id)
    plan = await dispatch.plans.fetch(viewer.caller.workspace_id, version)
    due = running(context["clocks"])
    return {
        **context,
        "told": told,
        "first_fields": [each for each in context["fields"] if each[0] in FIRST],
        "more_fields": [each for each in context["fields"] if each[0] not in FIRST],
        "active": mine and shown["state"] == "open",
        "mine": mine,
        "accepted": "accepted" in effects or "touched" in effects,
        "touched": "touched" in effects,
        "wants_accept": any(each["kind"] == "accept" for each in due),
        "due": due[0] if due else None,
        "reasons": [(each, plain(each)) for each in plan.rejects.rules],
        "reported": REPORTED,
        "recent": context["events"][:5],
        "said": SAID,
    }
