"""The gauges of a workspace for `/metrics`."""

from app.metrics import WorkspaceGauges
from app.store import installation
from app.store.connection.pool import Pool, transaction
from app.store.crm import inbox
from app.store.leads import held, lead_counts, open_leads
from app.store.life import deliveries, due_clocks, target_deliveries
from app.store.privacy import retention

STATES = ("assigned", "queued", "automated", "blocked", "closed", "merged", "erased", "failed")
MAX_QUEUES = 200
"""Queue names come from plans. Leads in further queues are counted under `other`."""
OTHER = "other"
MAX_ACTIONS = 100_000
"""Undelivered actions beyond this number are not counted."""

MAX_TARGETS = 200
"""Further targets have no gauges of their own."""


async def read_gauges(pool: Pool, workspace_id: int) -> WorkspaceGauges:
    """Read all gauges in one short transaction, so that they show one moment."""
    async with transaction(pool, workspace_id, read_only=True) as connection:
        counts = await lead_counts.count_leads(connection, workspace_id)
        waiting = await lead_counts.list_queue_lengths(connection, workspace_id)
        overdue = await held.read_overdue_seconds(connection, workspace_id)
        late = await due_clocks.read_late_seconds(connection, workspace_id)
        declared = await lead_counts.list_declared_queues(connection, workspace_id, MAX_QUEUES)
        actions = await deliveries.count_actions(connection, workspace_id, MAX_ACTIONS)
        backlog = await inbox.read_backlog(connection, workspace_id)
        targets = await target_deliveries.count_messages(connection, workspace_id, MAX_ACTIONS, MAX_TARGETS)
        run = await retention.find_run(connection, workspace_id)
        is_copy = not await installation.acts_on(connection)
        stranded = await open_leads.count_stranded(connection, workspace_id)
    leads, oldest = dict.fromkeys(declared, 0), dict.fromkeys(declared, 0.0)
    for each in waiting:
        name = each.queue if each.queue in leads or len(leads) < MAX_QUEUES else OTHER
        leads[name] = leads.get(name, 0) + each.leads
        oldest[name] = max(oldest.get(name, 0.0), each.oldest)
    by_state = {**dict.fromkeys(STATES, 0), **counts.by_state}
    finished = run.finished_at.timestamp() if run is not None and run.finished_at is not None else 0.0
    return WorkspaceGauges(
        waiting=leads,
        oldest=oldest,
        leads=by_state,
        received=counts.received,
        unaccounted=counts.difference,
        overdue=overdue,
        stranded=stranded,
        actions=actions,
        is_copy=is_copy,
        clocks_late=late,
        crm_events={"waiting": backlog.waiting, "failed": backlog.failed},
        crm_events_oldest=backlog.oldest,
        targets=targets,
        retention_finished=finished,
    )
