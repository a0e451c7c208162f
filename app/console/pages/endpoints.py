"""Endpoints of CRMs and forms: what came, what failed, and running failures again."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from app.api.http.auth import requires
from app.api.http.parameters import After, PathId, PoolParameter
from app.api.routes.endpoints import KEY_PROBLEMS, EndpointsParameter, ReceiverParameter, to_json
from app.console.forms import FormParameter
from app.console.rendering import is_htmx, render
from app.console.route import ConsoleRoute
from app.console.viewer import Viewer, ViewerParameter
from app.contract.endpoints import FORM_KINDS
from app.errors import NotFound, refused_at
from app.forms import failed
from app.store.connection.pool import Pool
from app.webhooks import failures
from app.webhooks.endpoints import Endpoints

router = APIRouter(route_class=ConsoleRoute)
PATH = "/console/operations/endpoints"
ROWS = 50

AfterId = Annotated[UUID | None, Query()]


@router.get(PATH)
@requires("admin", problems=KEY_PROBLEMS)
async def list_endpoints(
    request: Request,
    viewer: ViewerParameter,
    endpoints: EndpointsParameter,
    receiver: ReceiverParameter,
    after: After = "",
) -> Response:
    """Lists the endpoints with what came and what failed."""
    await receiver.tally.write()
    found = await endpoints.page(viewer.caller.workspace_id, after, ROWS + 1)
    shown = found[:ROWS]
    context = {
        "endpoints": [to_json(each) for each in shown],
        "first": PATH if after else "",
        "next": f"{PATH}?after={shown[-1].record.id}" if len(found) > ROWS else "",
    }
    return render(request, "operations/endpoints.html", context)


@router.get(f"{PATH}/{{id}}")
@requires("admin", problems=KEY_PROBLEMS)
async def get_endpoint(
    request: Request,
    viewer: ViewerParameter,
    pool: PoolParameter,
    endpoints: EndpointsParameter,
    receiver: ReceiverParameter,
    id: PathId,
    after: AfterId = None,
) -> Response:
    """Shows an endpoint with its failures."""
    await receiver.tally.write()
    context = await _endpoint(pool, endpoints, viewer, id, after)
    return render(request, "operations/endpoint.html", context)


@router.post(f"{PATH}/{{id}}/retry")
@requires("admin")
async def retry(
    request: Request,
    viewer: ViewerParameter,
    pool: PoolParameter,
    endpoints: EndpointsParameter,
    form: FormParameter,
    id: PathId,
) -> Response:
    """Processes one failure of an endpoint again, or all of them."""
    failure_id = form.text("failure_id", max_length=36)
    note = await _retry(pool, endpoints, viewer, id, failure_id)
    if not is_htmx(request):
        return RedirectResponse(f"{PATH}/{id}", 303)
    context = await _endpoint(pool, endpoints, viewer, id, None)
    return render(request, "operations/failures.html", {**context, "note": note})


async def _retry(pool: Pool, endpoints: Endpoints, viewer: Viewer, id_: str, failure_id: str) -> str:
    """What was done, in words. A failure that is gone was run again already, such as by a second tap."""
    workspace_id = viewer.caller.workspace_id
    if not failure_id:
        retried, more = await failures.retry_endpoint(pool, workspace_id, id_)
        rest = " There are more: press again." if more else ""
        return f"{retried:,} failure{'' if retried == 1 else 's'} will be run again.{rest}"
    of_forms = await _is_of_forms(endpoints, workspace_id, id_)
    try:
        await failures.retry(pool, workspace_id, _uuid(failure_id), of_forms=of_forms)
    except NotFound:
        return "This failure is run again already."
    return "The failure will be run again."


def _uuid(text: str) -> str:
    try:
        return str(UUID(text))
    except ValueError:
        raise refused_at(("failure_id",), "invalid_format", "must be the id of a failure") from None


async def _is_of_forms(endpoints: Endpoints, workspace_id: int, id_: str) -> bool:
    view = await endpoints.find(workspace_id, id_)
    return view.record.body["kind"] in FORM_KINDS


async def _endpoint(
    pool: Pool, endpoints: Endpoints, viewer: Viewer, id_: str, after: UUID | None
) -> dict[str, Any]:
    workspace_id = viewer.caller.workspace_id
    endpoint = to_json(await endpoints.find(workspace_id, id_))
    of_forms = endpoint["kind"] in FORM_KINDS
    start = str(after) if after is not None else None
    found = await failures.page(pool, workspace_id, id_, start, ROWS + 1, of_forms=of_forms)
    shown, path = found[:ROWS], f"{PATH}/{id_}"
    problem_of = failed.problem_of if of_forms else failures.problem_of
    return {
        "endpoint": endpoint,
        "endpoint_path": path,
        "failures": [(each, problem_of(each.code)) for each in shown],
        "note": "",
        "first": path if after is not None else "",
        "next": f"{path}?after={shown[-1].id}" if len(found) > ROWS else "",
    }
