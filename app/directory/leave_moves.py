"""Jobs that move the leads of owners on leave to their covers, and back."""

from collections.abc import Sequence

from app.directory import bulk_moves
from app.directory.editing import DirectoryEdit, edit_directory
from app.engine.selection.covers import moving_absence
from app.store.connection.pool import Pool
from app.store.leads import bulk_jobs, leave
from app.store.leads.bulk_jobs import BulkJob
from app.store.leads.leave import DueMove

ACTOR = "worker"
Leads = Sequence[tuple[str, str]]


async def start(pool: Pool, workspace_id: int, due: DueMove) -> Leads:
    """Make the job that moves the leads of an owner, unless there is one or nothing is due any more.

    Returns the leads of the new job, each with its assignment.
    """
    async with edit_directory(pool, workspace_id, ACTOR) as edit:
        if await bulk_jobs.list_running_of_owner(edit.connection, workspace_id, due.kind, due.owner):
            return ()
        leads = await _leads(edit, due)
        if leads:
            await _create(edit, due, leads)
        return leads


async def _leads(edit: DirectoryEdit, due: DueMove) -> Leads:
    if due.kind == "return":
        return await leave.list_leads_to_return(edit.connection, edit.workspace_id, due.owner)
    owner = edit.snapshot.directory.owners.get(due.owner)
    absence = moving_absence(owner, edit.now) if owner is not None else None
    if absence is None:
        return ()
    return await leave.list_leads_to_cover(edit.connection, edit.workspace_id, due.owner, absence.begins_at)


async def _create(edit: DirectoryEdit, due: DueMove, leads: Leads) -> BulkJob:
    return await bulk_moves.create_for(edit, due.kind, leads, {"owner": due.owner})
