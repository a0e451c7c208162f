"""What a scrape reads about a workspace."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from app.engine.pipeline.walk import FALLBACK_QUEUE
from app.engine.selection.shifts import HELD
from app.metrics.gauges import TargetGauges, WorkspaceGauges
from app.metrics.label_names import MAX_QUEUES, OTHER, LabelNames
from app.store import installation, plans, workspaces
from app.store.connection.pool import Connection, Pool, transaction
from app.store.crm import inbox
from app.store.enrichment.open_breakers import list_failing
from app.store.forms import counts as form_counts
from app.store.leads import held, lead_counts, open_leads
from app.store.leads.lead_counts import KeptCounts
from app.store.life import deliveries, due_clocks, target_deliveries
from app.store.plans import PlanMetrics
from app.store.privacy import retention

STATES = ("assigned", "queued", "automated", "blocked", "closed", "merged", "erased", "failed")
MAX_COUNTED = 10_000
"""Actions and messages of one state beyond this number are not counted."""
MAX_TARGETS = 200
"""Further targets have no gauges of their own."""


NO_PLAN = PlanMetrics(0, True, None, LabelNames(), frozenset())


@dataclass(frozen=True, slots=True)
class Scrape:
    """The name and the state of a workspace, and the names for labels of its counters by version of the plan.

    `teams` are the teams of the names of the active version that exist.
    """

    workspace: str
    gauges: WorkspaceGauges
    names: Mapping[int, LabelNames]
    teams: frozenset[str]


async def read_scrape(pool: Pool, workspace_id: int, versions: Collection[int]) -> Scrape:
    """Read everything in one short transaction, so that it shows one moment.

    `versions` are versions of the plan whose names are asked for, besides the active one.
    """
    async with transaction(pool, workspace_id, read_only=True) as connection:
        found = await plans.read_plan_metrics(connection, workspace_id, versions)
        active = next((each for each in found if each.active), NO_PLAN)
        gauges = await _read_gauges(connection, workspace_id, active)
        name = await workspaces.find_name(connection, workspace_id)
    return Scrape(name, gauges, {each.version: each.names for each in found}, active.teams)


async def _read_gauges(connection: Connection, workspace_id: int, active: PlanMetrics) -> WorkspaceGauges:
    counts = await lead_counts.read_kept_counts(connection, workspace_id)
    leads, oldest = _by_queue(active.names.queues, counts)
    on_hold = await held.read_first_due(connection, workspace_id)
    clocks = await due_clocks.read_first_due(connection, workspace_id)
    actions, actions_oldest = await deliveries.count_actions(connection, workspace_id, MAX_COUNTED)
    backlogs = await inbox.read_backlog(connection, workspace_id)
    run = await retention.find_run(connection, workspace_id)
    forms = await form_counts.count_states(connection, workspace_id)
    return WorkspaceGauges(
        waiting=leads,
        oldest=oldest,
        leads={**dict.fromkeys(STATES, 0), **counts.leads.by_state},
        unaccounted=counts.leads.difference,
        held_overdue=on_hold.due,
        held_due=on_hold.first_due,
        stranded=await open_leads.count_stranded(connection, workspace_id),
        actions=actions,
        actions_oldest=actions_oldest,
        is_copy=not await installation.acts_on(connection),
        clocks_due=clocks.due,
        clocks_due_at=clocks.first_due,
        crm_events={
            kind: {"waiting": each.waiting, "failed": each.failed} for kind, each in backlogs.items()
        },
        crm_events_oldest={kind: each.oldest for kind, each in backlogs.items() if each.oldest is not None},
        forms=forms.by_state,
        forms_oldest_to_fetch=forms.oldest_to_fetch,
        handshakes=await form_counts.find_handshakes(connection, workspace_id),
        targets=await _read_targets(connection, workspace_id),
        providers_open={
            each.provider: each.open for each in await list_failing(connection, workspace_id, active.version)
        },
        retention_finished=run.finished_at.timestamp() if run is not None and run.finished_at else None,
        plan_version=active.version,
        published=active.published,
    )


def _by_queue(declared: Sequence[str], counts: KeptCounts) -> tuple[dict[str, int], dict[str, float]]:
    """The lengths of queues, and since when the oldest lead waits. Those that are too many are one."""
    leads, oldest = dict.fromkeys((*declared, HELD, FALLBACK_QUEUE), 0), dict[str, float]()
    for queue, waiting in sorted(counts.waiting.items(), key=lambda each: (-each[1], each[0])):
        name = queue if queue in leads or len(leads) < MAX_QUEUES else OTHER
        leads[name] = leads.get(name, 0) + waiting
        if queue in counts.oldest:
            oldest[name] = min(oldest.get(name, counts.oldest[queue]), counts.oldest[queue])
    return leads, oldest


async def _read_targets(connection: Connection, workspace_id: int) -> dict[str, TargetGauges]:
    return {
        each.id: TargetGauges(
            {"undelivered": each.undelivered, "dead": each.dead, "expired": each.expired},
            each.oldest,
            each.open,
        )
        for each in await target_deliveries.count_messages(connection, workspace_id, MAX_COUNTED, MAX_TARGETS)
    }
