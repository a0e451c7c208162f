"""What leaves the service: targets with their messages, dead actions, and sending both again."""

from collections import Counter
from collections.abc import Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from app.api.http.auth import requires
from app.api.http.parameters import After, AfterNumber, PathId, PoolParameter
from app.audit.gauges import read_scrape
from app.console.forms import Form, FormParameter
from app.console.rendering import is_htmx, render
from app.console.route import ConsoleRoute
from app.console.viewer import Viewer, ViewerParameter
from app.contract.actions import FailedState
from app.contract.targets import STATES, DeliveryState, target_to_json
from app.errors import NotFound, Problem, refused_at
from app.outbox import action_log, work_queue
from app.outbox.targets import Targets
from app.store.connection.pool import Pool

router = APIRouter(route_class=ConsoleRoute)
TARGETS = "/console/operations/targets"
ACTIONS = "/console/operations/actions"
ACTION_READERS = ("assign", "events", "leads:read")
ROWS = 50


async def _targets(request: Request, viewer: ViewerParameter, pool: PoolParameter) -> Targets:
    state, caller = request.app.state, viewer.caller
    return Targets(pool, state.target_http, state.secret_box, caller.workspace_id, caller.key_id)


TargetsParameter = Annotated[Targets, Depends(_targets)]
OfState = Annotated[DeliveryState | None, Query()]
OfActions = Annotated[FailedState, Query()]


@router.get(TARGETS)
@requires("admin")
async def list_targets(
    request: Request,
    viewer: ViewerParameter,
    pool: PoolParameter,
    targets: TargetsParameter,
    after: After = "",
) -> Response:
    """Lists the targets with how much of each waits or is dead."""
    found = await targets.page(after, ROWS + 1)
    shown = found[:ROWS]
    gauges = (await read_scrape(pool, viewer.caller.workspace_id, ())).gauges
    context = {
        "targets": [target_to_json(each) for each in shown],
        "counts": {name: each.messages for name, each in gauges.targets.items()},
        "first": TARGETS if after else "",
        "next": f"{TARGETS}?after={shown[-1].target.id}" if len(found) > ROWS else "",
    }
    return render(request, "operations/targets.html", context)


@router.get(f"{TARGETS}/{{id}}")
@requires("admin")
async def get_target(
    request: Request, targets: TargetsParameter, id: PathId, after: AfterNumber = 0, state: OfState = None
) -> Response:
    """Shows a target with its messages; those that are dead unless another state is asked for."""
    return render(request, "operations/target.html", await _target(targets, id, after, state or "dead"))


@router.post(f"{TARGETS}/{{id}}/resend")
@requires("admin")
async def resend_messages(
    request: Request, targets: TargetsParameter, form: FormParameter, id: PathId
) -> Response:
    """Sends dead messages once more, in their old order."""
    note = _said(await targets.resend(id, _chosen(form)), "message")
    if not is_htmx(request):
        return RedirectResponse(f"{TARGETS}/{id}", 303)
    return render(
        request, "operations/messages.html", {**await _target(targets, id, 0, "dead"), "note": note}
    )


@router.get(ACTIONS)
@requires(*ACTION_READERS)
async def list_actions(
    request: Request,
    viewer: ViewerParameter,
    pool: PoolParameter,
    after: AfterNumber = 0,
    state: OfActions = "dead",
) -> Response:
    """Shows the actions that failed for good, or that expired."""
    return render(request, "operations/actions.html", await _actions(pool, viewer, after, state))


@router.post(f"{ACTIONS}/resend")
@requires("ops")
async def resend_actions(
    request: Request, viewer: ViewerParameter, pool: PoolParameter, form: FormParameter
) -> Response:
    """Sends dead actions once more."""
    note = _said(await work_queue.resend(pool, viewer.caller.workspace_id, _chosen(form)), "action")
    if not is_htmx(request) or not viewer.may(*ACTION_READERS):
        return RedirectResponse(ACTIONS, 303)
    context = await _actions(pool, viewer, 0, "dead")
    return render(request, "operations/dead_actions.html", {**context, "note": note})


def _chosen(form: Form) -> list[str]:
    """The ids that were chosen, or with `all` those that the page showed. Raises ValidationFailed."""
    ids = list(dict.fromkeys(form.all("shown" if form.text("all") else "id")))
    if not ids:
        raise refused_at(("id",), "required", "Choose at least one.")
    if len(ids) > ROWS or any(len(each) > 255 for each in ids):
        raise refused_at(("id",), "too_many_items", f"Choose at most {ROWS}.")
    return ids


def _said(outcomes: Sequence[object | Problem], noun: str) -> str:
    """What became of what was to be sent again, in a sentence."""
    problems = [each for each in outcomes if isinstance(each, Problem)]
    sent = len(outcomes) - len(problems)
    parts = [f"{sent} {noun}{' is' if sent == 1 else 's are'} sent again."]
    reasons = Counter(map(_why, problems))
    return " ".join([*parts, *(f"{count} not: {reason}." for reason, count in reasons.items())])


def _why(problem: Problem) -> str:
    text = "it is gone" if isinstance(problem, NotFound) else type(problem).title
    return text[0].lower() + text[1:]


async def _target(targets: Targets, id_: str, after: int, state: DeliveryState) -> dict[str, Any]:
    shown_target = await targets.find(id_)
    found = await targets.deliveries(id_, [state], after, ROWS + 1)
    shown, path = found[:ROWS], f"{TARGETS}/{id_}"
    return {
        "target": target_to_json(shown_target),
        "target_path": path,
        "state": state,
        "states": STATES,
        "messages": shown,
        "note": "",
        "first": f"{path}?state={state}" if after else "",
        "next": f"{path}?state={state}&after={shown[-1].sequence}" if len(found) > ROWS else "",
    }


async def _actions(pool: Pool, viewer: Viewer, after: int, state: FailedState) -> dict[str, Any]:
    found = await action_log.page(pool, viewer.caller.workspace_id, after, ROWS + 1, state)
    shown = found[:ROWS]
    return {
        "actions": shown,
        "state": state,
        "may_resend": viewer.may("ops") and state == "dead",
        "note": "",
        "first": f"{ACTIONS}?state={state}" if after else "",
        "next": f"{ACTIONS}?state={state}&after={shown[-1].number}" if len(found) > ROWS else "",
    }
