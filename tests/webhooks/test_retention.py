"""Raw bodies are kept for two weeks, those of failures for a month, and erased records at once."""

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest_asyncio

from app.engine.life.crm import RecordKey
from app.store import clocks
from app.store.connection.pool import transaction
from app.store.crm import inbox_retention
from app.webhooks.effects import Applied
from tests.support.office import until
from tests.support.workspace import NOON, Filled, Workspace, open_filled
from tests.webhooks.deliveries import event
from tests.webhooks.test_inbox import Recorder, drain, receive

KEPT = """
SELECT (SELECT count(body) FROM crm_deliveries WHERE workspace_id = $1) AS bodies,
       (SELECT count(*) FROM crm_deliveries WHERE workspace_id = $1) AS deliveries,
       (SELECT count(*) FROM crm_inbox WHERE workspace_id = $1) AS events,
       (SELECT count(event) FROM crm_inbox WHERE workspace_id = $1) AS contents
"""
OF_A_LEAD = """
INSERT INTO crm_records (workspace_id, system, object, id, lead_id, state, seen_at, endpoint_id)
SELECT $1, 'standard', 'contact', id, gen_random_uuid(), 'live', now(), 'crm' FROM unnest($2::text[]) AS id
"""


@pytest_asyncio.fixture
async def idle(workspace: Workspace) -> AsyncIterator[Workspace]:
    """A workspace without a worker."""
    yield workspace


async def kept(workspace: Workspace) -> tuple[int, ...]:
    """Bodies, deliveries, events, and what of these has its content."""
    (row,) = await workspace.fetch(KEPT)
    return tuple(row)


async def clean(workspace: Workspace, days: float) -> None:
    """Delete what is old so many days after noon, in slices of one."""
    async with workspace.pool.acquire() as connection:
        await clocks.set_clock(connection, workspace.workspace_id, NOON + timedelta(days=days), 1)
    for _ in range(4):
        async with transaction(workspace.pool, workspace.workspace_id) as connection:
            await inbox_retention.drop_old_bodies(connection, workspace.workspace_id, 1)
            await inbox_retention.delete_old(connection, workspace.workspace_id, 1)


async def test_body_that_no_erasure_could_find_goes_at_once(idle: Workspace) -> None:
    await idle.fetch(OF_A_LEAD, ["1"])
    await receive(idle, event("1"), event("2"), event("3"))
    answers = {"1": Applied("done"), "2": Applied("done", "not_routed"), "3": Applied("failed")}
    await drain(idle, Recorder(lambda each: answers[each.event.record.id]))
    rows = await idle.fetch(
        """SELECT record_id FROM crm_inbox AS inbox JOIN crm_deliveries AS delivery
               ON delivery.workspace_id = $1 AND delivery.id = inbox.delivery_id
            WHERE inbox.workspace_id = $1 AND body IS NOT NULL ORDER BY 1"""
    )
    assert [row["record_id"] for row in rows] == ["1", "3"]


async def test_worker_deletes_when_the_time_of_the_workspace_has_come(filled: Filled) -> None:
    async with open_filled(filled, worker_interval_seconds=0.02) as workspace:
        await workspace.start_at_noon()
        await workspace.fetch(OF_A_LEAD, ["1"])
        await receive(workspace, event("1", email="p@people.example"))

        async def processed() -> bool:
            return await kept(workspace) == (1, 1, 1, 0)

        async def deleted() -> bool:
            return await kept(workspace) == (0, 1, 1, 0)

        await until(processed)
        async with workspace.pool.acquire() as connection:
            await clocks.set_clock(connection, workspace.workspace_id, NOON + timedelta(days=15), 1)
        await until(deleted)


async def test_bodies_go_after_two_weeks_and_those_of_failures_after_a_month(idle: Workspace) -> None:
    await idle.start_at_noon()
    await idle.fetch(OF_A_LEAD, ["1", "2"])
    await receive(idle, event("1"), event("2"))
    await drain(idle, Recorder(lambda each: Applied("failed" if each.event.record.id == "1" else "done")))
    assert await kept(idle) == (2, 2, 2, 1)

    await clean(idle, 13.9)
    assert await kept(idle) == (2, 2, 2, 1)
    await clean(idle, 14.1)
    assert await kept(idle) == (1, 2, 2, 1)
    await clean(idle, 30.1)
    assert await kept(idle) == (0, 0, 0, 0)


async def test_erased_record_leaves_only_the_key_of_its_events(idle: Workspace) -> None:
    body = b"[" + event("1", n="CANARY") + b"," + event("2", n="other") + b"]"
    await receive(idle, body)
    async with transaction(idle.pool, idle.workspace_id) as connection:
        await inbox_retention.forget_records(
            connection, idle.workspace_id, [RecordKey("standard", "contact", "1")]
        )
    assert await kept(idle) == (0, 1, 2, 1)

    effects = Recorder()
    await receive(idle, body)
    await drain(idle, effects)
    assert effects.applied == [("2", "other")]
