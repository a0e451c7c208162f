"""What a plan would mean for the leads that are there now: idle ones, and those in queues that it drops."""

from dataclasses import replace
from datetime import timedelta

from app.engine.pipeline.walk import FALLBACK_QUEUE
from app.engine.selection.shifts import HELD
from app.plan.document.plan import PlanDocument
from app.plan.findings import Finding
from app.plans.check import CheckedPlan
from app.store.connection.pool import Connection, Pool, transaction
from app.store.leads import idle
from app.store.leads.waiting import count_waiting
from app.store.path.current_state import read_current_state_on


async def with_outlook(pool: Pool, workspace_id: int, found: CheckedPlan) -> CheckedPlan:
    """The findings, with those about the leads of the workspace."""
    document = found.document
    if document is None:
        return found
    async with transaction(pool, workspace_id, read_only=True) as connection:
        findings = await _dropped_queues(connection, workspace_id, document)
        if document.close_idle is not None:
            findings += await _idle_leads(connection, workspace_id, document.close_idle)
    return replace(found, findings=[*found.findings, *findings]) if findings else found


async def _dropped_queues(connection: Connection, workspace_id: int, document: PlanDocument) -> list[Finding]:
    """The queues in which leads wait, and which the plan does not declare."""
    waiting = await count_waiting(connection, workspace_id)
    dropped = sorted(waiting.keys() - document.queues.keys() - {HELD, FALLBACK_QUEUE})
    return [
        Finding(
            "queues",
            "queue_dropped",
            f"{_leads(waiting[name].waiting)} in the queue {name!r}, which the plan does not declare: every"
            " owner can claim there. `POST /reassign` with a filter for the queue routes them again.",
            "warning",
        )
        for name in dropped
    ]


async def _idle_leads(connection: Connection, workspace_id: int, longest: timedelta) -> list[Finding]:
    """How many leads would close, and when, because they are idle."""
    now = (await read_current_state_on(connection, workspace_id)).facts.now
    since = await idle.find_first_publication(connection, workspace_id) or now
    closing_at = max(now, since + longest)
    count = await idle.count_idle_leads(connection, workspace_id, closing_at - longest)
    if not count:
        return []
    leads = "1 open lead" if count == 1 else f"{count} open leads"
    when = "at once" if closing_at == now else f"by {closing_at:%Y-%m-%d %H:%M} UTC"
    text = f"This closes {leads} {when}, unless somebody works on them."
    return [Finding("close_idle", "idle_leads", text, "warning")]


def _leads(count: int) -> str:
    return "1 lead waits" if count == 1 else f"{count} leads wait"
