"""A decision: the lead, the path step by step, why not somebody else, the clock, and what followed."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from app.api.decision_view import WhyNotPage, explanation_of, why_not
from app.api.http.auth import requires
from app.api.http.parameters import MAX_INT32, DispatchParameter, PoolParameter
from app.api.lead_json import lead_to_json
from app.api.lead_view import assignment_document, erased_as_seen_by, seen_lead
from app.console.conflicts import in_words
from app.console.forms import FormParameter
from app.console.names import Names, names_of
from app.console.offered import NOTHING, people_offered, targets_offered
from app.console.rendering import is_htmx, render
from app.console.route import ConsoleRoute, live
from app.console.viewer import Viewer, ViewerParameter
from app.console.words import shown_fields, title_of
from app.dispatch.dispatcher import Dispatcher
from app.dispatch.jobs.give_back import GiveBack
from app.dispatch.reported_events import Reporter
from app.store.connection.pool import Pool, transaction
from app.store.leads import open_leads
from app.store.leads.open_leads import AssignmentFilter

router = APIRouter(route_class=ConsoleRoute)
DECISIONS, EVENTS, ANSWERS = 10, 25, 20
"""How many rows of each list a page shows."""
Skip = Annotated[int, Query(ge=0, le=MAX_INT32)]
MAX_STEPS = 200


@router.get("/console/assignments/{assignment_id}")
@requires("leads:read", for_owner=True)
async def get_decision(
    request: Request,
    viewer: ViewerParameter,
    pool: PoolParameter,
    dispatch: DispatchParameter,
    assignment_id: UUID,
    decisions: Skip = 0,
    events: Skip = 0,
) -> Response:
    """Shows a decision and its lead. What is computed again comes on demand."""
    context = await decision_context(pool, dispatch, viewer, str(assignment_id))
    history = {
        "decisions_skipped": decisions,
        "events_skipped": events,
        "decisions_page": context["decisions"][decisions : decisions + DECISIONS],
        "events_page": context["events"][events : events + EVENTS],
        "decisions_size": DECISIONS,
        "events_size": EVENTS,
    }
    offered = await targets_offered(pool, dispatch, viewer) if context["may_reassign"] else NOTHING
    return render(request, "decision/page.html", {**context, **history, "offered": offered})


async def _names(
    pool: Pool, viewer: Viewer, steps: Sequence[Mapping[str, Any]], shown: Mapping[str, Any]
) -> Names:
    """The names of the owners and teams in the path, the history and the summary."""
    targets = [target for step in steps for target in step.get("targets", ())]
    owners = [one["owner"] for target in targets for one in target.get("candidates", ())]
    owners += [event["by"] for event in shown.get("events", ()) if event.get("by")]
    named = [
        target["target"]
        for target in targets
        if all(isinstance(each, str) for each in target["target"].values())
    ]
    owners += [each["owner"] for each in named if "owner" in each]
    teams = [each["team"] for each in named if "team" in each]
    return await names_of(pool, viewer, owners, [*teams, shown.get("team")])


@router.get("/console/assignments/{assignment_id}/path")
@requires("leads:read", for_owner=True)
async def get_path(
    request: Request,
    viewer: ViewerParameter,
    pool: PoolParameter,
    dispatch: DispatchParameter,
    assignment_id: UUID,
) -> Response:
    """Decides again from the stored inputs, and shows every step, also those that were ruled out."""
    told = await explanation_of(pool, dispatch, viewer.caller, str(assignment_id))
    steps = told["steps"][:MAX_STEPS]
    context = {
        "assignment_id": str(assignment_id),
        "path": _section_of(viewer),
        "names": await _names(pool, viewer, steps, {}),
        "steps": steps,
        "further_steps": max(0, len(told["steps"]) - MAX_STEPS),
        "replayed": told,
        "not_evaluated": 0,
    }
    return render(request, "decision/path.html" if is_htmx(request) else "decision/path_page.html", context)


@router.get("/console/assignments/{assignment_id}/why-not")
@live
@requires("leads:read", for_owner=True)
async def get_why_not(
    request: Request,
    viewer: ViewerParameter,
    pool: PoolParameter,
    dispatch: DispatchParameter,
    assignment_id: UUID,
    owner: Annotated[str, Query(max_length=255)] = "",
    after: Skip = 0,
) -> Response:
    """Says of every owner why they did not get the lead."""
    wanted = WhyNotPage(owner or None, after, ANSWERS)
    page = await why_not(pool, dispatch, viewer.caller, str(assignment_id), wanted)
    context = {"assignment_id": str(assignment_id), "asked": owner, "after": after, "size": ANSWERS, **page}
    context["offered"] = await people_offered(pool, viewer, inactive=True)
    return render(request, "decision/why_not.html", context)


@router.post("/console/assignments/{assignment_id}/release")
@requires("claim", for_owner=True)
async def give_back(
    request: Request,
    viewer: ViewerParameter,
    dispatch: DispatchParameter,
    form: FormParameter,
    assignment_id: UUID,
) -> Response:
    """Gives a claimed lead back to its queue."""
    caller = viewer.caller
    sees_owner = caller.owner_id is None and caller.may("leads:read")
    reporter = Reporter(caller.key_id, caller.key_id, caller.owner_id, sees_owner)
    job = GiveBack(key=form.idempotency_key(), assignment_id=str(assignment_id), reporter=reporter)
    with in_words(viewer):
        await dispatch.ask(caller.workspace_id, job)
    there = "/console/my-leads" if caller.owner_id is not None else f"/console/assignments/{assignment_id}"
    return gone_to(request, there)


def gone_to(request: Request, path: str) -> Response:
    """Leads the whole page elsewhere after a change."""
    if is_htmx(request):
        return Response(status_code=200, headers={"HX-Redirect": path})
    return RedirectResponse(path, 303)


async def decision_context(
    pool: Pool, dispatch: Dispatcher, viewer: Viewer, assignment_id: str
) -> dict[str, Any]:
    """An assignment and its lead, as the viewer may see them. Raises NotFound or Erased."""
    caller = viewer.caller
    with erased_as_seen_by(caller):
        shown = await assignment_document(pool, dispatch, caller, assignment_id)
        detail, view = await seen_lead(pool, dispatch, caller, shown["lead_id"])
    lead = lead_to_json(detail, view)
    own = next((each for each in lead["assignments"] if each["assignment_id"] == assignment_id), None)
    trace = shown.get("trace") or {}
    claimed = own is not None and own["cause"] == "claim" and own["state"] == "open"
    clocks = (shown["sla"] or {}).get("clocks", [])
    if claimed and (lease := await _lease_of(pool, viewer, shown)) is not None:
        clocks = [*clocks, lease]
    is_newest = bool(lead["assignments"]) and lead["assignments"][-1]["assignment_id"] == assignment_id
    return {
        "assignment_id": assignment_id,
        "path": _section_of(viewer),
        "names": await _names(pool, viewer, trace.get("steps", []), shown),
        "shown": shown,
        "lead": lead,
        "assignment": own,
        "title": title_of(lead["fields"]),
        "fields": shown_fields(lead["fields"]),
        "hidden": sorted(view.hidden_in(detail)),
        "steps": trace.get("steps", []),
        "further_steps": 0,
        "not_evaluated": trace.get("not_evaluated", 0),
        "replayed": None,
        "clocks": clocks,
        "actions": shown.get("actions", []),
        "withheld": trace.get("withheld_actions", []),
        "no_actions": trace.get("no_actions_reason"),
        "decisions": list(reversed(lead["assignments"])),
        "events": list(reversed(shown["events"])),
        "is_newest": is_newest,
        "may_reassign": viewer.may("assign") and is_newest and shown["state"] == "open",
        "claimed": claimed,
    }


async def _lease_of(pool: Pool, viewer: Viewer, shown: Mapping[str, Any]) -> dict[str, Any] | None:
    """Until when a claimed lead must be touched, as a deadline; None if that does not run."""
    workspace_id, owner = viewer.caller.workspace_id, shown["owner"]
    async with transaction(pool, workspace_id, read_only=True) as connection:
        found, _ = await open_leads.list_assignments(
            connection, workspace_id, AssignmentFilter(owner["id"]), shown["decision_number"] - 1, 1
        )
    ends = next((each.lease_until for each in found if each.assignment_id == shown["assignment_id"]), None)
    if ends is None:
        return None
    return {"kind": "lease", "state": "pending", "due_at": ends, "first_due_at": ends, "ended_at": None}


def _section_of(viewer: Viewer) -> str:
    """The page of the navigation that decisions belong to."""
    return "/console/leads" if viewer.owner_id is None else "/console/my-leads"


def running(clocks: Any) -> list[Mapping[str, Any]]:
    """The deadlines that are not met yet, the next one first."""
    return sorted((each for each in clocks if each["state"] == "pending"), key=lambda each: each["due_at"])
