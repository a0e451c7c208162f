"""Making bulk jobs that move leads, and canceling them."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from app.directory.editing import EDIT_LIMITS, DirectoryEdit
from app.errors import NotFound, refused_at
from app.ids import uuid7
from app.plan.language.durations import format_duration
from app.store.connection.pool import Pool, transaction
from app.store.leads import bulk_jobs, open_leads
from app.store.leads.bulk_jobs import BulkItem, BulkJob, JobKind
from app.store.leads.open_leads import AssignmentFilter
from app.store.path.current_state import read_current_state_on

MAX_LEADS = 100_000
"""The leads of one job."""


@dataclass(frozen=True, slots=True)
class JobReport:
    """A job, how many of its leads have which result, and a page of its leads."""

    job: BulkJob
    counts: Mapping[str | None, int]
    items: list[BulkItem]


async def create(
    edit: DirectoryEdit, kind: JobKind, wanted: AssignmentFilter, params: Mapping[str, Any]
) -> BulkJob:
    """Make a job that moves what is open now. Its leads are fixed from here on.

    Raises ValidationFailed for more leads than one job takes.
    """
    found = await open_leads.list_ids(edit.connection, edit.workspace_id, wanted, MAX_LEADS + 1)
    if len(found) > MAX_LEADS:
        raise refused_at(("filter",), "too_many_leads", f"fits more than {MAX_LEADS} leads")
    return await create_for(edit, kind, found, params)


async def reassign(edit: DirectoryEdit, wanted: AssignmentFilter, params: Mapping[str, Any]) -> BulkJob:
    """Make a job that a caller asked for. The change log has it.

    The reason is free text, so only the job has it: it may name a person, who can be erased there. Raises
    ValidationFailed for more leads than one job takes.
    """
    job = await create(edit, "reassign", wanted, params)
    asked = {name: value for name, value in asdict(wanted).items() if isinstance(value, str)}
    if wanted.older_than is not None:
        asked["older_than"] = format_duration(wanted.older_than)
    terms = {name: value for name, value in params.items() if name != "reason"}
    await edit.log("jobs", job.id, "put", None, {"filter": asked, "total": job.total, **terms})
    return job


async def create_for(
    edit: DirectoryEdit,
    kind: JobKind,
    leads: Sequence[tuple[str, str]],
    params: Mapping[str, Any],
    terms: Sequence[Mapping[str, Any]] | None = None,
) -> BulkJob:
    """Make a job that moves these leads, each if it still has this assignment when it is its turn.

    `terms` are those of each lead alone.
    """
    job = BulkJob(uuid7(), kind, "running", params, len(leads), edit.actor, edit.now)
    await bulk_jobs.insert_job(edit.connection, edit.workspace_id, job, leads, terms)
    return job


@dataclass(frozen=True, slots=True)
class ListedJob:
    """A job, and how many of its leads are to come while it runs."""

    job: BulkJob
    left: int | None


async def page(pool: Pool, workspace_id: int, before: str | None, limit: int) -> list[ListedJob]:
    """The jobs that were made before one, the newest first."""
    async with transaction(pool, workspace_id, read_only=True) as connection:
        found = await bulk_jobs.list_jobs(connection, workspace_id, before, limit)
        running = [each.id for each in found if each.state == "running"]
        left = await bulk_jobs.count_left(connection, workspace_id, running) if running else {}
    return [ListedJob(each, left.get(each.id)) for each in found]


async def report(pool: Pool, workspace_id: int, job_id: str, after: int, limit: int) -> JobReport:
    """How far a job is, and the leads after a position.

    Raises NotFound.
    """
    async with transaction(pool, workspace_id, read_only=True) as connection:
        job = await bulk_jobs.find_job(connection, workspace_id, job_id)
        if job is None:
            raise NotFound("There is no such job.")
        counts = await bulk_jobs.count_results(connection, workspace_id, job_id)
        items = await bulk_jobs.list_items(connection, workspace_id, job_id, after, limit)
    return JobReport(job, counts, items)


async def cancel(pool: Pool, workspace_id: int, job_id: str) -> BulkJob:
    """Stop a job. What it has moved stays where it is; a job that is done stays done.

    Raises NotFound.
    """
    async with transaction(pool, workspace_id, lock=True, limits=EDIT_LIMITS) as connection:
        now = (await read_current_state_on(connection, workspace_id)).facts.now
        await bulk_jobs.end_job(connection, workspace_id, job_id, "canceled", now)
        job = await bulk_jobs.find_job(connection, workspace_id, job_id)
    if job is None:
        raise NotFound("There is no such job.")
    return job
