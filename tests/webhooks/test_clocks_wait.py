"""After a time without a worker, no clock fires before what CRMs have sent meanwhile was looked at."""

from datetime import timedelta

import pytest

from app.metrics.process import Metrics
from app.store.connection.pool import transaction
from app.store.crm.inbox import find_oldest_unread
from app.store.life.due_clocks import find_due_sla_clocks
from app.webhooks.effects import Applied
from app.webhooks.inbox import Inbox
from app.worker.downtime import Downtime
from tests.support.workspace import Workspace
from tests.webhooks.deliveries import event
from tests.webhooks.test_inbox import Recorder, receive

CLOCK = """
INSERT INTO sla_clocks (workspace_id, assignment_id, kind, lead_id, started_at, first_due_at, due_at, next_at,
  terms, state)
VALUES ($1, gen_random_uuid(), 'touch', gen_random_uuid(), now(), now(), now(), now(), '{}', 'pending')
"""
DUE_CLOCK = """
INSERT INTO sla_clocks (workspace_id, assignment_id, kind, lead_id, started_at, first_due_at, due_at, next_at,
  terms, state)
VALUES ($1, gen_random_uuid(), 'touch', gen_random_uuid(), now(), now(), now(), now() + $2::interval, '{}',
        'pending')
"""
RUN = """
INSERT INTO worker_runs (workspace_id, polled_at, gap_from, resumed_at)
VALUES ($1, now(), now() - interval '2 hours', now() - $2::interval)
"""


@pytest.mark.parametrize(
    ("since", "over"),
    [
        (timedelta(minutes=1), False),
        (timedelta(minutes=3), False),
        (timedelta(minutes=16), True),
        pytest.param(timedelta(days=-400), True, id="the clock had jumped ahead"),
    ],
)
async def test_clocks_wait_for_the_inbox_at_most_a_quarter_of_an_hour(
    workspace: Workspace, since: timedelta, over: bool
) -> None:
    await workspace.fetch(CLOCK)
    await workspace.fetch(RUN, since)
    await receive(workspace, event("1"))

    assert await is_over(workspace) == over

    # An event that was looked at and waits for its record holds nothing up.
    effects = Recorder(lambda _: Applied("wait", seconds=600))
    assert await Inbox(workspace.pool, effects, Metrics()).run(workspace.workspace_id)
    assert await is_over(workspace) == (abs(since) >= timedelta(minutes=2))


async def is_over(workspace: Workspace) -> bool:
    run = (await workspace.agenda()).run
    over, _ = await Downtime(workspace.pool).is_over(workspace.workspace_id, run)
    return over


async def test_clock_waits_for_what_came_before_its_time(workspace: Workspace) -> None:
    await receive(workspace, event("1"))
    before, after = timedelta(minutes=-1), timedelta(microseconds=-1)
    for shift in (before, after):
        await workspace.fetch(DUE_CLOCK, shift)
    # One came due a minute before the event, the other after it.
    assert await due(workspace) == 1

    await workspace.fetch(
        "UPDATE crm_inbox SET received_at = now() - interval '1 day' WHERE workspace_id = $1"
    )
    assert await due(workspace) == 0
    await workspace.fetch(
        "UPDATE sla_clocks SET next_at = now() - interval '16 minutes' WHERE workspace_id = $1"
    )
    assert await due(workspace) == 2

    await workspace.fetch("UPDATE sla_clocks SET next_at = now() WHERE workspace_id = $1")
    assert await due(workspace) == 0
    assert await Inbox(workspace.pool, Recorder(), Metrics()).run(workspace.workspace_id)
    assert await due(workspace) == 2


async def due(workspace: Workspace) -> int:
    """How many clocks may fire."""
    async with transaction(workspace.pool, workspace.workspace_id, read_only=True) as connection:
        unread = await find_oldest_unread(connection, workspace.workspace_id)
        return len(await find_due_sla_clocks(connection, workspace.workspace_id, 10, (), unread))
