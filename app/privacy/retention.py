"""What is older than a workspace keeps it is deleted in slices. A case counts from its end, if it has one."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from app.privacy import settings
from app.store.clocks import read_deciding_now
from app.store.connection.pool import Pool, transaction
from app.store.leads.merges import UNDO_WITHIN
from app.store.privacy import retention
from app.store.privacy.retention import LeadCase, Run, RunSummary

SLICE = 500
"""Rows of one table deleted at once, without the workspace lock."""
PAGE = 200
"""Leads looked at in one slice."""
MAX_LEADS, MAX_ROWS = 50, 1000
"""Leads deleted at once, and the rows that belong to them. The workspace lock is held meanwhile."""
LOOKED_AT = 2000
"""Leads looked at for one page of open leads."""


@dataclass(frozen=True, slots=True)
class RetentionStatus:
    """The settings, the last run, and old leads that are still open, with where to go on."""

    settings: Mapping[str, Any]
    run: RunSummary | None
    open_leads: list[LeadCase]
    following: str | None


async def delete_old_rows(pool: Pool, workspace_id: int) -> bool:
    """Delete one slice of each kind of old rows. Returns whether there may be more.

    One kind that fails does not stop the others. Its error is raised at the end.
    """
    async with transaction(pool, workspace_id, read_only=True) as connection:
        kept = await settings.RETENTION.read(connection, workspace_id)
        now = await read_deciding_now(connection, workspace_id)
    limits = {name: settings.before(now, kept[name]) for name in retention.OLD_ROWS if name in kept}
    limits |= {"idempotency_keys": now - settings.IDEMPOTENCY_WINDOW, "barred_records": now}
    limits |= {"merges": now - UNDO_WITHIN, "enrichment_answers": now, "console_sessions": now}
    busy = False
    failures: list[Exception] = []
    for what, older_than in limits.items():
        try:
            busy |= await _delete_rows(pool, workspace_id, what, older_than) >= SLICE
        except Exception as error:
            failures.append(error)
    if failures:
        raise failures[0]
    return busy


async def _delete_rows(pool: Pool, workspace_id: int, what: str, older_than: datetime) -> int:
    # Leads that failed are counted, and that count must agree with the journal at every moment.
    async with transaction(pool, workspace_id, lock=what == "failed_leads") as connection:
        await retention.take_role(connection)
        if await retention.lock_run(connection, workspace_id) is None:
            return 0
        return await retention.delete_old_rows(connection, workspace_id, what, older_than, SLICE)


async def delete_old_leads(pool: Pool, workspace_id: int, *, complete: bool = True) -> bool:
    """Delete one slice of the leads whose case ended long ago. Returns whether there may be more.

    A run goes through all leads by their ids. Its end is noted as a success if all else is done: `complete`.
    """
    async with transaction(pool, workspace_id) as connection:
        await retention.take_role(connection)
        run = await retention.lock_run(connection, workspace_id)
        if run is None:
            return False
        now = await read_deciding_now(connection, workspace_id)
        period = (await settings.RETENTION.read(connection, workspace_id))["leads"]
        limit = settings.before(now, period) if period is not None else None
        page = await retention.read_page(connection, workspace_id, run.after, PAGE) if limit else []
        if limit is None or all(case.received_at >= limit for case in page):
            await retention.write_run(
                connection, workspace_id, Run(None, None, now if complete else run.finished_at)
            )
            return False
        chosen = _slice([case for case in page if _is_over(case, limit)])
        after = page[-1].id if len(chosen) == sum(_is_over(case, limit) for case in page) else run.after
        if not chosen:
            run = replace(run, started_at=run.started_at or now, after=after)
            await retention.write_run(connection, workspace_id, run)
            return True
    await _delete(pool, workspace_id, [case.id for case in chosen], limit, after, now)
    return True


async def read_status(pool: Pool, workspace_id: int, after: str | None, limit: int) -> RetentionStatus:
    """The settings, the last run, and a page of the leads that are old and still open."""
    async with transaction(pool, workspace_id, read_only=True) as connection:
        kept = await settings.RETENTION.read(connection, workspace_id)
        run = await retention.find_run(connection, workspace_id)
        if kept["leads"] is None:
            return RetentionStatus(kept, run, [], None)
        older_than = settings.before(await read_deciding_now(connection, workspace_id), kept["leads"])
        page = await retention.read_page(connection, workspace_id, after, LOOKED_AT)
    old = [case for case in page if case.received_at < older_than]
    found = [case for case in old if case.open]
    if len(found) > limit:
        return RetentionStatus(kept, run, found[:limit], found[limit - 1].id)
    more = len(page) == LOOKED_AT and bool(old)
    return RetentionStatus(kept, run, found, page[-1].id if more else None)


def _is_over(case: LeadCase, limit: datetime) -> bool:
    """Whether the case ended before the limit. A merged lead stays as long as the one it is part of."""
    return not case.open and not case.merged and case.ended_at < limit


def _slice(cases: Sequence[LeadCase]) -> list[LeadCase]:
    """The first of these leads, with no more rows than one slice takes; at least one."""
    chosen: list[LeadCase] = []
    rows = 0
    for case in cases[:MAX_LEADS]:
        rows += case.decisions + case.events
        if chosen and rows > MAX_ROWS:
            break
        chosen.append(case)
    return chosen


async def _delete(
    pool: Pool, workspace_id: int, lead_ids: Sequence[str], limit: datetime, after: str | None, now: datetime
) -> None:
    """Delete leads under the workspace lock, if their cases are still over."""
    async with transaction(pool, workspace_id, lock=True) as connection:
        await retention.take_role(connection)
        run = await retention.lock_run(connection, workspace_id)
        if run is None:
            return
        cases = await retention.read_cases(connection, workspace_id, lead_ids)
        over = [case for case in cases if _is_over(case, limit)]
        if len(over) == 1 and over[0].events > MAX_ROWS:
            await retention.delete_some_events(connection, workspace_id, over[0].id, MAX_ROWS)
            return
        await retention.delete_leads(connection, workspace_id, over)
        run = replace(run, started_at=run.started_at or now, after=after)
        await retention.write_run(connection, workspace_id, run)
