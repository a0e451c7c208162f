"""`/jobs`: bulk jobs, their progress, and what became of each lead."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query

from app.api.http.auth import requires
from app.api.http.json_response import Json, page_of
from app.api.http.parameters import MAX_INT32, AfterNumber, CallerParameter, Limit, PoolParameter
from app.api.http.routing import StrictRoute
from app.contract.bulk_jobs import RESULTS, BulkJobDetail, BulkJobSummary, ListedBulkJob, result_to_json
from app.contract.responses import Page
from app.directory import bulk_moves
from app.directory.bulk_moves import JobReport, ListedJob
from app.errors import NotFound
from app.store.leads.bulk_jobs import BulkItem

router = APIRouter(route_class=StrictRoute, tags=["jobs"])


READERS = ("assign", "leads:read", "directory:write", "ops")
AfterJob = Annotated[UUID | None, Query(description="`next` of the previous page.")]


@router.get("/jobs")
@requires(*READERS)
async def list_jobs(
    caller: CallerParameter, pool: PoolParameter, after: AfterJob = None, limit: Limit = 100
) -> Json[Page[ListedBulkJob]]:
    """Lists bulk jobs, the newest first, without their leads."""
    start = str(after) if after is not None else None
    found = await bulk_moves.page(pool, caller.workspace_id, start, limit + 1)
    return await page_of(found, limit, _listed, lambda listed: listed.job.id)


@router.get("/jobs/{job_id}")
@requires(*READERS, problems=(NotFound,))
async def get_job(
    caller: CallerParameter, pool: PoolParameter, job_id: UUID, after: AfterNumber = 0, limit: Limit = 100
) -> Json[BulkJobDetail]:
    """Returns how far a bulk job is, and what became of each of its leads, page by page."""
    first = min(after, MAX_INT32)
    found = await bulk_moves.report(pool, caller.workspace_id, str(job_id), first, limit + 1)
    return Json(_to_json(found, limit))


@router.post("/jobs/{job_id}/cancel")
@requires("assign", "directory:write", problems=(NotFound,))
async def cancel_job(caller: CallerParameter, pool: PoolParameter, job_id: UUID) -> Json[BulkJobSummary]:
    """Stops a bulk job. What it has moved stays where it is; a finished job stays finished."""
    job = await bulk_moves.cancel(pool, caller.workspace_id, str(job_id))
    return Json({"job_id": job.id, "state": job.state})


def _listed(listed: ListedJob) -> dict[str, Any]:
    job = listed.job
    return {
        "job_id": job.id,
        "kind": job.kind,
        "state": job.state,
        "total": job.total,
        "left": listed.left,
        "actor": job.actor,
        "created_at": job.created_at,
        "ended_at": job.ended_at,
    }


def _to_json(found: JobReport, limit: int) -> dict[str, Any]:
    job, items = found.job, found.items[:limit]
    return {
        "job_id": job.id,
        "kind": job.kind,
        "state": job.state,
        "total": job.total,
        "done": job.total - found.counts.get(None, 0),
        "counts": {name: found.counts.get(name, 0) for name in RESULTS},
        "actor": job.actor,
        "reason": job.params.get("reason"),
        "created_at": job.created_at,
        "ended_at": job.ended_at,
        "items": [_item_to_json(item) for item in items],
        "next": str(items[-1].position) if len(found.items) > limit else None,
    }


def _item_to_json(item: BulkItem) -> dict[str, Any]:
    return result_to_json(item.position, item.lead_id, item.assignment_id, item.result, item.details or {})
