"""Leads on which nobody works are closed."""

import asyncio
import time
from datetime import timedelta
from typing import Any

import pytest

from app.audit.verify import verify
from app.dispatch.jobs.import_lead import ImportLead
from app.intake.arrival import normalize
from app.worker.idle_closing import IdleClosing
from tests.support.workspace import NOON, Workspace

PATIENCE = 120.0
PLAN = """
close_idle: 30d
pipeline:
  - rule: {name: ana, when: {source: ana}, then: {owner: ana}}
  - queue: {name: desk}
queues: {desk: {}}
"""
ASKING = """
on_event:
  idle: [{do: [{type: notify, via: slack, text: "{owner.name}, one of your leads was closed."}]}]
"""
CLOCK = """
INSERT INTO clocks (workspace_id, set_at, base_time, speed) VALUES ($1, now(), $2, 0)
ON CONFLICT (workspace_id) DO UPDATE SET set_at = excluded.set_at, base_time = excluded.base_time, speed = 0
"""


@pytest.fixture
async def quiet(workspace: Workspace) -> Workspace:
    """A workspace with this plan, at a noon where time stands still."""
    await at(workspace, 0)
    await workspace.publish(PLAN)
    return workspace


async def at(workspace: Workspace, days: float) -> None:
    """So many days after noon."""
    await workspace.pool.execute(CLOCK, workspace.workspace_id, NOON + timedelta(days=days))


async def closed(workspace: Workspace) -> bool:
    """Run the duty once. Returns whether there may be more to close."""
    duty = IdleClosing(workspace.pool, workspace.app.state.dispatch)
    return await duty.run(await workspace.agenda())


async def state(workspace: Workspace, lead: dict[str, Any]) -> tuple[str, str | None]:
    found = await workspace.get(f"/leads/{lead['lead_id']}")
    return found["state"], found["assignments"][-1]["end_cause"]


async def report(workspace: Workspace, lead: dict[str, Any], **event: Any) -> None:
    answer = await workspace.client.post(f"/assignments/{lead['assignment_id']}/events", json=event)
    assert answer.status_code == 200, answer.text


async def test_a_lead_that_nobody_works_on_closes(quiet: Workspace) -> None:
    lead = await quiet.assign(external_id="a", source="ana")
    waiting = await quiet.assign(external_id="b")
    await at(quiet, 29.9)
    assert not await closed(quiet)
    assert await state(quiet, lead) == ("assigned", None)
    await at(quiet, 30)
    await closed(quiet)
    assert await state(quiet, lead) == ("closed", "idle")
    assert (await state(quiet, waiting))[0] == "queued"
    (event,) = (await quiet.get(f"/assignments/{lead['assignment_id']}"))["events"]
    assert (event["type"], event["reason"], event["actor"]) == ("closed", "idle", "worker")
    assert await quiet.fetch("SELECT FROM actions WHERE workspace_id = $1") == []
    assert (await verify(quiet.pool, quiet.workspace_id)).clean


async def test_idling_counts_from_the_last_work_on_the_lead(quiet: Workspace) -> None:
    noted, planned, snoozed, automated = [
        await quiet.assign(external_id=name, source="ana") for name in ("n", "p", "s", "a")
    ]
    await at(quiet, 10)
    await report(quiet, noted, type="note")
    await report(quiet, planned, type="meeting", **{"for": (NOON + timedelta(days=20)).isoformat()})
    await report(quiet, snoozed, type="snoozed", until=(NOON + timedelta(days=15)).isoformat())
    await report(quiet, automated, type="first_touch", via="sequence")
    for day, left in ((30, 3), (40, 2), (45, 1), (50, 0)):
        await at(quiet, day)
        await closed(quiet)
        rows = await quiet.fetch("SELECT FROM leads WHERE workspace_id = $1 AND state = 'assigned'")
        assert len(rows) == left, day
    assert (await verify(quiet.pool, quiet.workspace_id)).clean


async def test_idling_counts_from_the_first_publication_of_the_key(quiet: Workspace) -> None:
    await quiet.publish(PLAN.replace("close_idle: 30d", "close_idle:"))
    lead = await quiet.assign(external_id="a", source="ana")
    await quiet.fetch("DELETE FROM changes WHERE workspace_id = $1 AND resource_type = 'plans'")
    await at(quiet, 100)
    await closed(quiet)
    assert await state(quiet, lead) == ("assigned", None)
    await quiet.publish(PLAN)
    await quiet.publish(PLAN.replace("30d", "20d"))
    for day, expected in ((110, "assigned"), (120, "closed")):
        await at(quiet, day)
        await closed(quiet)
        assert (await state(quiet, lead))[0] == expected


async def test_an_imported_lead_idles_from_its_import(quiet: Workspace) -> None:
    await at(quiet, 50)
    job = ImportLead(arrival=normalize({"external_id": "old"}), owner_id="ana", since=NOON)
    await quiet.app.state.dispatch.ask(quiet.workspace_id, job)
    for day, left in ((60, 1), (80, 0)):
        await at(quiet, day)
        await closed(quiet)
        rows = await quiet.fetch("SELECT FROM leads WHERE workspace_id = $1 AND state = 'assigned'")
        assert len(rows) == left


async def test_closing_brings_the_actions_that_the_plan_asks_for(quiet: Workspace) -> None:
    await quiet.publish(PLAN + ASKING)
    await quiet.assign(external_id="a", source="ana")
    await at(quiet, 30)
    await closed(quiet)
    (row,) = await quiet.fetch("SELECT id, type, body, state FROM actions WHERE workspace_id = $1")
    assert (row["type"], row["state"]) == ("notify", "available")
    assert "Ana, one of your leads was closed." in row["body"]


async def test_idle_leads_close_in_slices_and_once_with_two_workers(quiet: Workspace) -> None:
    items = [{"external_id": f"lead-{number}", "source": "ana"} for number in range(100)]
    answer = await quiet.client.post("/assign/batch", json={"items": [{"lead": each} for each in items]})
    assert answer.status_code == 200
    await at(quiet, 30)
    both = [IdleClosing(quiet.pool, quiet.app.state.dispatch) for _ in range(2)]
    until = time.monotonic() + PATIENCE
    # The service's own worker takes part, so two that were late may find nothing more to do.
    while len(await quiet.fetch("SELECT FROM events WHERE workspace_id = $1 AND reason = 'idle'")) < 100:
        agenda = await quiet.agenda()
        await asyncio.gather(*(each.run(agenda) for each in both))
        assert time.monotonic() < until
    agenda = await quiet.agenda()
    await asyncio.gather(*(each.run(agenda) for each in both))
    assert len(await quiet.fetch("SELECT FROM events WHERE workspace_id = $1 AND reason = 'idle'")) == 100
    assert (await verify(quiet.pool, quiet.workspace_id)).clean


async def test_the_check_of_a_plan_says_how_many_leads_would_close_when(workspace: Workspace) -> None:
    await at(workspace, 0)
    await workspace.publish(PLAN.replace("close_idle: 30d", "comment: none"))
    for name in ("a", "b"):
        await workspace.assign(external_id=name, source="ana")
    for days, plan, text in (
        (5, PLAN, "This closes 2 open leads by 2030-12-25 12:00 UTC, unless somebody works on them."),
        (50, PLAN, "This closes 2 open leads by 2031-02-08 12:00 UTC, unless somebody works on them."),
    ):
        await at(workspace, days)
        headers = {"Content-Type": "application/yaml"}
        answer = await workspace.client.post("/plans", content=plan, headers=headers)
        assert answer.status_code == 201, answer.text
        found = [each for each in answer.json()["findings"] if each["code"] == "idle_leads"]
        assert [each["detail"] for each in found] == [text]
        assert found[0]["severity"] == "warning"
