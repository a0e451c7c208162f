"""Erase a person: their leads are found, ended and emptied, and the report is read."""

from collections.abc import Sequence
from datetime import datetime

from app.dispatch.dispatcher import Dispatcher
from app.dispatch.jobs.erase_leads import MERGED_MEANWHILE, EraseLeads
from app.privacy.erasure import ErasureReport, leads_to_erase, report_of
from app.store.connection.pool import Pool, transaction
from app.store.reports.fact_cursor import lock_cursor
from app.store.reports.fact_rows import end_erased


async def erase_person(
    pool: Pool,
    dispatch: Dispatcher,
    workspace_id: int,
    lead_id: str,
    actor: str,
    at: datetime | None = None,
) -> ErasureReport:
    """Erase the person behind a lead, on behalf of `actor`, and say what became of it.

    `at` is when that was asked for, if not now. A lead that was erased before is left alone. Raises NotFound,
    MergedOfSeveral, and the problems of dispatch.
    """
    # Names of attributes that were seen lately are stored first, so that they are found and erased as well.
    await dispatch.attribute_names.write(workspace_id)
    while ids := await leads_to_erase(pool, workspace_id, lead_id):
        reply = await dispatch.ask(workspace_id, EraseLeads(leads=ids, actor=actor, at=at))
        # Each repetition follows a merge, which leaves fewer leads to merge.
        if reply.status != MERGED_MEANWHILE:
            await _end_facts(pool, workspace_id, ids)
            break
    return await report_of(pool, workspace_id, ids or [lead_id])


async def _end_facts(pool: Pool, workspace_id: int, lead_ids: Sequence[str]) -> None:
    """Reports keep counting the leads. Facts that are being made of what they were come first."""
    async with transaction(pool, workspace_id) as connection:
        await lock_cursor(connection, workspace_id, wait=True)
        await end_erased(connection, workspace_id, lead_ids)
