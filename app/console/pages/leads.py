"""Leads: look one up by id, reference, address or number, and list the newest."""

from collections.abc import Iterable, Mapping
from typing import Annotated, Any, Literal
from urllib.parse import urlencode
from uuid import UUID

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from app.api.hidden_fields import view_of
from app.api.http.auth import requires
from app.api.http.parameters import AfterNumber, DispatchParameter, PoolParameter
from app.api.lead_view import erased_as_seen_by, find_seen_leads, seen_lead
from app.console.forms import Form, FormParameter
from app.console.names import names_of
from app.console.offered import targets_offered
from app.console.rendering import render
from app.console.route import ConsoleRoute
from app.console.viewer import Viewer, ViewerParameter
from app.console.words import title_of
from app.dispatch.dispatcher import Dispatcher
from app.errors import NotFound, refused_at
from app.store.connection.pool import Pool, transaction
from app.store.leads import open_leads
from app.store.leads.current_leads import find_leads, find_leads_of_assignments
from app.store.leads.open_leads import AssignmentFilter, AssignmentState, ListedAssignment

router = APIRouter(route_class=ConsoleRoute)
PAGE = 25
STATES = (("open", "Open"), ("closed", "Closed"), ("superseded", "Moved on"), ("blocked", "Blocked"))
KINDS = (
    ("lead_id", "Id of the lead or the decision"),
    ("external_id", "Your reference (external_id)"),
    ("crm_lead_id", "CRM id"),
    ("email", "E-mail address"),
    ("phone", "Phone number"),
)
Name = Annotated[str | None, Query(max_length=255)]


@router.get("/console/leads")
@requires("leads:read")
async def get_leads(
    request: Request,
    viewer: ViewerParameter,
    pool: PoolParameter,
    dispatch: DispatchParameter,
    owner: Name = None,
    team: Name = None,
    queue: Name = None,
    state: AssignmentState | Literal["blocked"] = "open",
    sla: Literal["", "breached"] = "",
    after: AfterNumber = 0,
) -> Response:
    """Lists leads, the newest first."""
    wanted = AssignmentFilter(
        owner or None, team or None, queue or None, breached=sla == "breached", state=state
    )
    async with transaction(pool, viewer.caller.workspace_id, read_only=True) as connection:
        found, following = await open_leads.list_assignments(
            connection, viewer.caller.workspace_id, wanted, after, PAGE, newest_first=True
        )
    chosen = {"owner": owner, "team": team, "queue": queue, "state": state, "sla": sla}
    query = urlencode({name: value for name, value in chosen.items() if value})
    context = {
        "rows": await rows_of(pool, dispatch, viewer, found),
        "names": await names_of(pool, viewer, [each.owner for each in found], [each.team for each in found]),
        "filters": {name: value or "" for name, value in chosen.items()},
        "filtered": query != "state=open",
        "offered": await targets_offered(pool, dispatch, viewer, inactive=True),
        "states": STATES,
        "kinds": KINDS,
        "kind": "lead_id",
        "first": f"/console/leads?{query}" if after else "",
        "next": f"/console/leads?{query}&after={following}" if following is not None else "",
    }
    return render(request, "leads/page.html", context)


@router.post("/console/leads/find")
@requires("leads:read")
async def find_lead(
    request: Request,
    viewer: ViewerParameter,
    pool: PoolParameter,
    dispatch: DispatchParameter,
    form: FormParameter,
) -> Response:
    """Looks leads up. What is looked for is in no address; one that is found leads to its page."""
    kind = form.required("kind")
    found = await _find(pool, dispatch, viewer, kind, form)
    if len(found) == 1:
        return RedirectResponse(f"/console/leads/{found[0]['id']}", 303)
    rows = [{"lead": each, "title": title_of(each["fields"])} for each in found]
    return render(request, "leads/found.html", {"found": rows, "kinds": KINDS, "kind": kind})


@router.get("/console/leads/{lead_id}")
@requires("leads:read", for_owner=True)
async def get_lead(
    viewer: ViewerParameter, pool: PoolParameter, dispatch: DispatchParameter, lead_id: UUID
) -> Response:
    """Leads to the newest decision about a lead."""
    with erased_as_seen_by(viewer.caller):
        lead, _ = await seen_lead(pool, dispatch, viewer.caller, str(lead_id))
    own = [each for each in lead.assignments if not each.repeats]
    if not own:
        raise NotFound("No decision about this lead is stored.")
    return RedirectResponse(f"/console/assignments/{own[-1].id}", 303)


async def rows_of(
    pool: Pool, dispatch: Dispatcher, viewer: Viewer, found: list[ListedAssignment]
) -> list[dict[str, Any]]:
    """Listed assignments, each with what the viewer may see of its lead."""
    leads = await seen_fields(pool, dispatch, viewer, [each.lead_id for each in found])
    rows = []
    for each in found:
        values = leads.get(each.lead_id, {})
        dues = (each.accept_by, each.touch_by, each.claim_by, each.lease_until)
        due = min((at for at in dues if at is not None), default=None)
        rows.append({"listed": each, "values": values, "title": title_of(values), "due": due})
    return rows


async def seen_fields(
    pool: Pool, dispatch: Dispatcher, viewer: Viewer, lead_ids: Iterable[str]
) -> dict[str, Mapping[str, Any]]:
    """What the viewer may see of the fields of these leads, by lead."""
    async with transaction(pool, viewer.caller.workspace_id, read_only=True) as connection:
        view = await view_of(connection, dispatch, viewer.caller)
        leads = await find_leads(connection, viewer.caller.workspace_id, list(set(lead_ids)))
    return {id_: view.fields_of_current(lead) for id_, lead in leads.items()}


async def _find(
    pool: Pool, dispatch: Dispatcher, viewer: Viewer, kind: str, form: Form
) -> list[dict[str, Any]]:
    text = form.required("text", max_length=255)
    match kind:
        case "lead_id":
            return await _by_id(pool, dispatch, viewer, text)
        case "external_id" | "email" | "phone":
            sent: dict[str, Any] = {kind: text}
        case "crm_lead_id":
            sent = {"crm": {"lead_id": text}}
        case _:
            raise refused_at(("kind",), "not_allowed", "must be one of the list")
    return await find_seen_leads(pool, dispatch, viewer.caller, sent)


async def _by_id(pool: Pool, dispatch: Dispatcher, viewer: Viewer, text: str) -> list[dict[str, Any]]:
    """The lead with this id, or the one that a decision with this id is about."""
    try:
        id_ = str(UUID(text))
    except ValueError:
        raise refused_at(("text",), "invalid_format", "must be an id, such as 01890000-…") from None
    async with transaction(pool, viewer.caller.workspace_id, read_only=True) as connection:
        named = await find_leads_of_assignments(connection, viewer.caller.workspace_id, [id_])
    lead_id = named[id_][0] if id_ in named else id_
    try:
        lead, _ = await seen_lead(pool, dispatch, viewer.caller, lead_id)
    except NotFound:
        return []
    return [{"id": lead.id}]
