"""Runs bulk jobs: moves the leads of each, slice by slice, and finishes it."""

from collections.abc import Mapping

import structlog

from app.dispatch.dispatcher import Dispatcher
from app.dispatch.jobs.base import Job
from app.dispatch.jobs.leave import CoverLead, ReturnLead
from app.dispatch.jobs.move_lead import FailItem, FinishBulkJob, MoveLead, terms_of
from app.dispatch.jobs.reconcile_lead import ReconcileLead
from app.errors import Problem
from app.store.connection.pool import Pool, transaction
from app.store.leads import bulk_jobs
from app.store.leads.bulk_jobs import BulkItem, BulkJob
from app.store.life.agenda import Agenda

SLICE = 32
"""Leads moved at once, before other requests and workspaces get their turn."""
MAX_JOBS = 10
"""Jobs of a workspace that run side by side."""

MOVES: Mapping[str, type[MoveLead]] = {
    "cover": CoverLead,
    "return": ReturnLead,
    "reconcile": ReconcileLead,
}
"""How a lead is moved, by the kind of the job."""

log = structlog.get_logger()


class BulkJobs:
    """Finds jobs that are not done without a lock, and asks dispatch to move their leads."""

    def __init__(self, pool: Pool, dispatch: Dispatcher) -> None:
        self._pool = pool
        self._dispatch = dispatch

    def is_due(self, agenda: Agenda) -> bool:
        """Whether a job is not done."""
        return agenda.bulk_job

    async def run(self, agenda: Agenda) -> bool:
        """Run one slice of each job. Returns whether there may be more to do."""
        workspace_id = agenda.workspace_id
        async with transaction(self._pool, workspace_id, read_only=True) as connection:
            jobs = await bulk_jobs.list_running(connection, workspace_id, MAX_JOBS)
            slices = [await bulk_jobs.next_items(connection, workspace_id, job.id, SLICE) for job in jobs]
        progress = [
            await self._move(workspace_id, job, items) if items else await self._finish(workspace_id, job)
            for job, items in zip(jobs, slices, strict=True)
        ]
        return any(progress)

    async def _move(self, workspace_id: int, job: BulkJob, items: list[BulkItem]) -> bool:
        """Move these leads. Returns whether any of them is done now; after a 503 a lead is tried again."""
        terms = terms_of(job)
        move = MOVES.get(job.kind, MoveLead)
        moves = [
            move(
                terms=terms,
                position=each.position,
                lead_id=each.lead_id,
                assignment_id=each.assignment_id,
                own_terms=each.terms or {},
            )
            for each in items
        ]
        replies = await self._dispatch.ask_all(workspace_id, moves)
        failures: list[Job] = [
            FailItem(job_id=job.id, position=each.position, code=reply.code)
            for each, reply in zip(items, replies, strict=True)
            if isinstance(reply, Problem) and reply.status != 503
        ]
        if failures:
            log.warning("leads of a bulk job failed", job_id=job.id, leads=len(failures))
            await self._dispatch.ask_all(workspace_id, failures)
        return not all(isinstance(reply, Problem) and reply.status == 503 for reply in replies)

    async def _finish(self, workspace_id: int, job: BulkJob) -> bool:
        (reply,) = await self._dispatch.ask_all(workspace_id, [FinishBulkJob(terms=terms_of(job))])
        return not isinstance(reply, Problem)
