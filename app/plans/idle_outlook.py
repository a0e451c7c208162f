"""What `close_idle` of a plan would do to the leads that are idle now."""

from dataclasses import replace

from app.plan.findings import Finding
from app.plans.check import CheckedPlan
from app.store.connection.pool import Pool, transaction
from app.store.leads import idle
from app.store.path.current_state import read_current_state_on


async def with_idle_outlook(pool: Pool, workspace_id: int, found: CheckedPlan) -> CheckedPlan:
    """The findings, and how many leads would close when, if the plan closes idle leads."""
    longest = found.document.close_idle if found.document is not None else None
    if longest is None:
        return found
    async with transaction(pool, workspace_id, read_only=True) as connection:
        now = (await read_current_state_on(connection, workspace_id)).facts.now
        since = await idle.find_first_publication(connection, workspace_id) or now
        closing_at = max(now, since + longest)
        count = await idle.count_idle_leads(connection, workspace_id, closing_at - longest)
    if not count:
        return found
    leads = "1 open lead" if count == 1 else f"{count} open leads"
    when = "at once" if closing_at == now else f"by {closing_at:%Y-%m-%d %H:%M} UTC"
    text = f"This closes {leads} {when}, unless somebody works on them."
    finding = Finding("close_idle", "idle_leads", text, "warning")
    return replace(found, findings=[*found.findings, finding])
