"""Read what a diagnosis is made from, each part in a short transaction of its own."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import orjson

from app.diagnosis import settings
from app.diagnosis.checks import first_day_of_steps
from app.diagnosis.drift import Change
from app.diagnosis.material import Asked, Material
from app.diagnosis.measures import (
    ACCEPT_AND_SIT,
    ACCEPTANCE,
    CLAIM_SNIPING,
    CONTACT,
    REASSIGNMENT,
    REJECTS_ELSEWHERE,
    SLA,
)
from app.diagnosis.plan_structure import PlanStructure, read_structures
from app.diagnosis.queues import QueueState
from app.diagnosis.rates import Measure
from app.plan_check.parse import Strategies
from app.plans.limited import TooCostly, run_limited
from app.reports.periods import first_moment
from app.store import plans as plan_store
from app.store.clocks import read_deciding_now
from app.store.connection.pool import Connection, Pool
from app.store.diagnosis import conversions, group_counts, junk_signals, plan_use
from app.store.diagnosis.group_counts import GroupCount, Span
from app.store.diagnosis.plan_use import StepCount
from app.store.enrichment.open_breakers import list_failing
from app.store.path.journal import read_plan_version
from app.store.reports.reading import report_connection

MAX_PLANS = 8
"""Of more versions in one period the newest are read."""
TAKEN_SINCE = timedelta(days=90)
STATEMENTS: dict[Measure, str] = {
    REASSIGNMENT: group_counts.COUNT_REASSIGNMENTS,
    CONTACT: group_counts.COUNT_CONTACTS,
    ACCEPTANCE: group_counts.COUNT_ACCEPTANCES,
    SLA: group_counts.COUNT_BROKEN_PROMISES,
    ACCEPT_AND_SIT: group_counts.COUNT_SITTING,
    CLAIM_SNIPING: group_counts.COUNT_CLAIMS,
}


async def read_material(
    pool: Pool, workspace_id: int, strategies: Strategies, asked: Asked, zone: ZoneInfo
) -> Material:
    """Read everything for these days of a zone."""
    start, end = (first_moment(day, str(zone)) for day in (asked.first, asked.end))
    async with report_connection(pool, workspace_id) as connection:
        now = await read_deciding_now(connection, workspace_id)
        if asked.owners == "on" and not await settings.compares_owners(connection, workspace_id):
            asked = replace(asked, owners="off")
        version = await read_plan_version(connection, workspace_id)
        queues = await _read_queues(connection, workspace_id, now)
        failing = await list_failing(connection, workspace_id, version)
    span = Span(start, end, now, str(zone))
    groups = await _read_groups(pool, workspace_id, span, asked)
    async with report_connection(pool, workspace_id) as connection:
        times = await group_counts.count_promises_by_time(connection, workspace_id, span)
        owners = (
            await conversions.count_owner_conversions(
                connection, workspace_id, span, asked.outcome, asked.within
            )
            if asked.owners == "on"
            else ()
        )
        scores, left_out = await conversions.count_scores(
            connection, workspace_id, span, asked.outcome, asked.within
        )
    early = first_moment(first_day_of_steps(asked.first), str(zone))
    async with report_connection(pool, workspace_id) as connection:
        steps = await plan_use.count_steps(connection, workspace_id, early, end, str(zone))
        changes = await plan_use.list_changes(connection, workspace_id, start, end, str(zone))
        signals = await junk_signals.count_signals(connection, workspace_id, start, end)
    return Material(
        asked=asked,
        now=now,
        zone=zone,
        groups=groups,
        times=times,
        conversions=owners,
        scores=scores,
        left_out=left_out,
        steps=steps,
        changes=[Change(each.day, each.kind, each.what) for each in changes],
        plans=await _read_plans(pool, workspace_id, strategies, steps, version),
        queues=queues,
        signals=signals,
        failing=failing,
    )


async def _read_groups(
    pool: Pool, workspace_id: int, span: Span, asked: Asked
) -> dict[Measure, Sequence[GroupCount]]:
    found: dict[Measure, Sequence[GroupCount]] = {}
    for measure, statement in STATEMENTS.items():
        async with report_connection(pool, workspace_id) as connection:
            found[measure] = await group_counts.count_groups(connection, workspace_id, statement, span)
    async with report_connection(pool, workspace_id) as connection:
        found[REJECTS_ELSEWHERE] = await group_counts.count_groups(
            connection, workspace_id, group_counts.COUNT_REJECTS, span, asked.outcome
        )
    return found


async def _read_queues(connection: Connection, workspace_id: int, now: datetime) -> list[QueueState]:
    waiting = await plan_use.list_waiting(connection, workspace_id)
    names = [each.queue for each in waiting]
    taken = await plan_use.find_last_taken(connection, workspace_id, now - TAKEN_SINCE, names)
    return [
        QueueState(each.queue, each.waiting, each.oldest_since, taken.get(each.queue)) for each in waiting
    ]


async def _read_plans(
    pool: Pool, workspace_id: int, strategies: Strategies, steps: Sequence[StepCount], active: int
) -> list[PlanStructure] | None:
    """The versions that decided leads, in order, and the active one last. None when it takes too long."""
    used = sorted({each.plan_version for each in steps} - {active})[-MAX_PLANS:]
    used += [active] if active else []
    documents = []
    length = 0
    async with report_connection(pool, workspace_id) as connection:
        for version in used:
            found = await plan_store.find_text(connection, workspace_id, version)
            if found is not None:
                documents.append((version, found[0]))
                length = max(length, len(orjson.dumps(found[0])))
    try:
        return await run_limited(workspace_id, length, read_structures, documents, strategies)
    except TooCostly:
        return None
