"""Operations: whether the service keeps up with a workspace, and the bulk jobs with their progress."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from app.api.http.auth import requires
from app.api.http.parameters import MAX_INT32, DispatchParameter, PoolParameter
from app.audit.gauges import read_scrape
from app.console.names import names_of
from app.console.pages.leads import seen_fields
from app.console.rendering import is_htmx, render, render_live, version_of
from app.console.route import ConsoleRoute, live
from app.console.viewer import Viewer, ViewerParameter
from app.console.words import title_of
from app.contract.bulk_jobs import RESULTS
from app.directory import bulk_moves
from app.dispatch.dispatcher import Dispatcher
from app.engine.model.stored import ENGINE_VERSION
from app.metrics.process import Metrics
from app.store.connection.pool import Pool
from app.store.leads.bulk_jobs import BulkJob

router = APIRouter(route_class=ConsoleRoute)
JOBS = "/console/operations/jobs"
JOB_READERS = ("assign", "leads:read", "directory:write", "ops")
JOB_WRITERS = ("assign", "directory:write")
ROWS = 50
SILENT_SECONDS = 30.0
"""A worker that shows no progress for so long hangs, or its database is away."""

After = Annotated[UUID | None, Query()]
Position = Annotated[int, Query(ge=0, le=MAX_INT32)]


@router.get("/console/operations")
@requires("ops", "directory:write")
async def get_health(request: Request, viewer: ViewerParameter, pool: PoolParameter) -> Response:
    """Shows whether the service keeps up."""
    if not viewer.may("ops"):
        return render(request, "operations/health.html")
    context = await _health(request, pool, viewer)
    context["version"] = version_of(request, "operations/now.html", context)
    return render(request, "operations/health.html", context)


@router.get("/console/operations/now")
@live
@requires("ops")
async def get_health_now(request: Request, viewer: ViewerParameter, pool: PoolParameter) -> Response:
    """Returns the same, if it has changed."""
    return render_live(request, "operations/now.html", await _health(request, pool, viewer))


@router.get(JOBS)
@requires(*JOB_READERS)
async def list_jobs(
    request: Request, viewer: ViewerParameter, pool: PoolParameter, after: After = None
) -> Response:
    """Shows the bulk jobs, the newest first."""
    context = await _jobs(pool, viewer, after)
    context["version"] = version_of(request, "operations/jobs_now.html", context)
    return render(request, "operations/jobs.html", context)


@router.get(f"{JOBS}/now")
@live
@requires(*JOB_READERS)
async def list_jobs_now(
    request: Request, viewer: ViewerParameter, pool: PoolParameter, after: After = None
) -> Response:
    """Returns the same, if it has changed."""
    return render_live(request, "operations/jobs_now.html", await _jobs(pool, viewer, after))


@router.get(f"{JOBS}/{{job_id}}")
@requires(*JOB_READERS)
async def get_job(
    request: Request,
    viewer: ViewerParameter,
    pool: PoolParameter,
    dispatch: DispatchParameter,
    job_id: UUID,
    after: Position = 0,
) -> Response:
    """Shows how far a job is, and what became of its leads."""
    context = await _job(pool, dispatch, viewer, job_id, after)
    context["version"] = version_of(request, "operations/job_now.html", context)
    return render(request, "operations/job.html", context)


@router.get(f"{JOBS}/{{job_id}}/now")
@live
@requires(*JOB_READERS)
async def get_job_now(
    request: Request,
    viewer: ViewerParameter,
    pool: PoolParameter,
    dispatch: DispatchParameter,
    job_id: UUID,
    after: Position = 0,
) -> Response:
    """Returns the same, if it has changed."""
    return render_live(request, "operations/job_now.html", await _job(pool, dispatch, viewer, job_id, after))


@router.post(f"{JOBS}/{{job_id}}/cancel")
@requires(*JOB_WRITERS)
async def cancel_job(
    request: Request,
    viewer: ViewerParameter,
    pool: PoolParameter,
    dispatch: DispatchParameter,
    job_id: UUID,
) -> Response:
    """Stops a job. What it has moved stays where it is."""
    await bulk_moves.cancel(pool, viewer.caller.workspace_id, str(job_id))
    if not is_htmx(request):
        return RedirectResponse(f"{JOBS}/{job_id}", 303)
    context = await _job(pool, dispatch, viewer, job_id, 0)
    context["version"] = version_of(request, "operations/job_now.html", context)
    return render(request, "operations/job_now.html", context)


async def _health(request: Request, pool: Pool, viewer: Viewer) -> dict[str, Any]:
    metrics: Metrics = request.app.state.metrics
    gauges = (await read_scrape(pool, viewer.caller.workspace_id, ())).gauges
    # What forms sent is counted on its own: it may also be parked, or wait to be fetched.
    forms = gauges.forms
    return {
        "gauges": gauges,
        "worker_at": metrics.worker_at,
        "worker_is_silent": metrics.worker_silence() > SILENT_SECONDS,
        "version_of_service": request.app.version,
        "engine": ENGINE_VERSION,
        "dead": gauges.actions.get("dead", 0)
        + sum(t.messages.get("dead", 0) for t in gauges.targets.values()),
        "failed": sum(each["failed"] for each in gauges.crm_events.values())
        + forms.get("failed", 0)
        + forms.get("parked", 0),
        "waiting_events": sum(each["waiting"] for each in gauges.crm_events.values())
        + forms.get("waiting", 0)
        + forms.get("awaiting_fetch", 0),
        "oldest_event": min(gauges.crm_events_oldest.values(), default=None),
        "open_targets": [name for name, each in gauges.targets.items() if each.is_open],
        "open_providers": [name for name, is_open in gauges.providers_open.items() if is_open],
    }


def _owner_of(job: BulkJob) -> str | None:
    """The owner whose leads a job moves; None for one that was asked for with a filter."""
    owner = job.params.get("owner")
    return owner if isinstance(owner, str) else None


async def _jobs(pool: Pool, viewer: Viewer, after: UUID | None) -> dict[str, Any]:
    start = str(after) if after is not None else None
    found = await bulk_moves.page(pool, viewer.caller.workspace_id, start, ROWS + 1)
    shown = found[:ROWS]
    return {
        "jobs": shown,
        "names": await names_of(pool, viewer, [_owner_of(each.job) for each in shown]),
        "owners": {each.job.id: _owner_of(each.job) for each in shown},
        "running": sum(each.job.state == "running" for each in shown),
        "address": f"{JOBS}/now" + (f"?after={after}" if after is not None else ""),
        "first": JOBS if after is not None else "",
        "next": f"{JOBS}?after={shown[-1].job.id}" if len(found) > ROWS else "",
    }


async def _job(pool: Pool, dispatch: Dispatcher, viewer: Viewer, job_id: UUID, after: int) -> dict[str, Any]:
    found = await bulk_moves.report(pool, viewer.caller.workspace_id, str(job_id), after, ROWS + 1)
    items, path = found.items[:ROWS], f"{JOBS}/{job_id}"
    told = [item.details or {} for item in items]
    ids = [each.get(name) for each in told for name in ("owner", "previous_owner")]
    wanted = [item.lead_id for item in items] if viewer.may("leads:read") else []
    leads = await seen_fields(pool, dispatch, viewer, wanted) if wanted else {}
    return {
        "job": found.job,
        "owner": _owner_of(found.job),
        "names": await names_of(pool, viewer, [_owner_of(found.job), *ids]),
        "done": found.job.total - found.counts.get(None, 0),
        "counts": [(name, found.counts[name]) for name in RESULTS if found.counts.get(name)],
        "items": items,
        "titles": {id_: title_of(fields) for id_, fields in leads.items()},
        "may_cancel": viewer.may(*JOB_WRITERS),
        "address": f"{path}/now?after={after}",
        "job_path": path,
        "first": path if after else "",
        "next": f"{path}?after={items[-1].position}" if len(found.items) > ROWS else "",
    }
