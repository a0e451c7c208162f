"""Leads that wait in a queue for too long go on to the next place."""

import asyncio
import time
from datetime import UTC, datetime
from typing import Any

import pytest

from app.audit.verify import verify
from app.directory import clock_recounts
from tests.support.workspace import Workspace
from tests.test_worker import PATIENCE, at

PLAN = """
queues: {desk: {claimable_by: dach, max_wait: WAIT, then: {team: inbound, else: [{queue: late}]}}, late: {}}
pipeline: [{queue: {name: desk, priority: 20}}]
"""
WORKING, WALL = "8h", "{for: 8h, clock: wall}"
DUE = "SELECT due_at, next_at, state FROM sla_clocks WHERE workspace_id = $1 AND kind = 'max_wait'"


def berlin(text: str) -> str:
    """A time in Berlin in December, as a time in UTC."""
    return f"{text}+01:00"


@pytest.fixture
async def desk(busy: Workspace) -> Workspace:
    """A queue for a team that works from nine to five in Berlin; Monday 17:30."""
    await at(busy, berlin("2099-12-07 17:30"))
    await busy.put(
        "calendars",
        "B9-17",
        {"timezone": "Europe/Berlin", "hours": "Mo-Fr 09:00-17:00; PH off", "country": "DE"},
    )
    members = [member["owner"] for member in (await busy.get("/teams/dach"))["members"]]
    for owner in members:
        await busy.client.patch(f"/owners/{owner}", json={"calendar": "B9-17"})
    return busy


async def moved(workspace: Workspace, lead_id: str) -> dict[str, Any]:
    """Wait until the lead has left its queue."""
    until = time.monotonic() + PATIENCE
    while len((lead := await workspace.get(f"/leads/{lead_id}"))["assignments"]) < 2:
        assert time.monotonic() < until
        await asyncio.sleep(0.02)
    return lead


async def due(workspace: Workspace, expected: datetime) -> None:
    """Wait until the clock of the only wait is due then."""
    until = time.monotonic() + PATIENCE
    while (clock := (await workspace.fetch(DUE))[0])["due_at"] != expected:
        assert time.monotonic() < until, clock
        await asyncio.sleep(0.02)
    assert clock["next_at"] == expected


@pytest.mark.parametrize(
    ("wait", "stays", "leaves"),
    [
        (WORKING, "2099-12-08 16:59", "2099-12-08 17:00"),
        (WALL, "2099-12-08 01:29", "2099-12-08 01:30"),
    ],
    ids=["in working time", "in plain time"],
)
async def test_lead_leaves_its_queue_after_the_longest_wait(
    desk: Workspace, wait: str, stays: str, leaves: str
) -> None:
    """The working time of the team that may claim, unless the plan names the other clock."""
    await desk.publish(PLAN.replace("WAIT", wait))
    lead = (await desk.assign(external_id="L"))["lead_id"]
    await at(desk, berlin(stays))
    await asyncio.sleep(0.1)
    assert (await desk.get(f"/leads/{lead}"))["state"] == "queued"
    await at(desk, berlin(leaves))
    newest = (await moved(desk, lead))["assignments"][-1]
    assert (newest["cause"], newest["outcome"], newest["team"]) == ("max_wait", "assigned", "inbound")
    assert newest["reason"]["code"] == "max_wait"
    assert newest["reason"]["text"].startswith("It waited in queue desk")
    (clock,) = await desk.fetch(DUE)
    assert clock["state"] == "withdrawn"
    assert (await verify(desk.pool, desk.workspace_id)).clean


@pytest.mark.parametrize("at_once", [clock_recounts.AT_ONCE, 0], ids=["within the edit", "by the worker"])
async def test_edited_calendar_moves_the_wait_in_both_directions(
    desk: Workspace, monkeypatch: pytest.MonkeyPatch, at_once: int
) -> None:
    monkeypatch.setattr(clock_recounts, "AT_ONCE", at_once)
    await desk.publish(PLAN.replace("WAIT", WORKING))
    lead = (await desk.assign(external_id="L"))["lead_id"]
    await desk.put("calendars", "B9-17", {"timezone": "Europe/Berlin", "hours": "Mo-Fr 13:00-17:00"})
    await due(desk, datetime(2099, 12, 9, 16, tzinfo=UTC))
    await desk.put("calendars", "B9-17", {"timezone": "Europe/Berlin", "hours": "Mo-Fr 06:00-20:00"})
    await due(desk, datetime(2099, 12, 8, 10, 30, tzinfo=UTC))
    await at(desk, berlin("2099-12-08 11:30"))
    assert (await moved(desk, lead))["assignments"][-1]["team"] == "inbound"
    assert (await verify(desk.pool, desk.workspace_id)).clean


async def test_waits_are_those_of_the_team_that_may_claim_by_the_new_plan(desk: Workspace) -> None:
    await desk.publish(PLAN.replace("WAIT", WORKING))
    await desk.assign(external_id="L")
    await desk.put("calendars", "late", {"timezone": "Europe/Berlin", "hours": "Mo-Fr 20:00-24:00"})
    await desk.put("owners", "nina", {"name": "Nina", "calendar": "late"})
    await desk.put("teams", "night", {"members": [{"owner": "nina"}]})
    plan = PLAN.replace("WAIT", WORKING).replace("claimable_by: dach", "claimable_by: night")
    draft = await desk.client.post("/plans", content=plan, headers={"content-type": "application/yaml"})
    published = await desk.client.post(f"/plans/{draft.json()['version']}/publish", json={})
    assert published.status_code == 200, published.text
    await due(desk, datetime(2099, 12, 8, 23, tzinfo=UTC))
    await desk.client.patch("/owners/nina", json={"calendar": "B9-17"})
    await due(desk, datetime(2099, 12, 8, 16, tzinfo=UTC))


async def test_longer_working_time_of_the_team_is_noticed_when_the_clock_is_due(desk: Workspace) -> None:
    await desk.publish(PLAN.replace("WAIT", WORKING))
    lead = (await desk.assign(external_id="L"))["lead_id"]
    hours = {"timezone": "Europe/Berlin", "hours": "Mo-Fr 13:00-17:00"}
    await desk.put("calendars", "B9-17", hours)
    await at(desk, berlin("2099-12-08 17:00"))
    until = time.monotonic() + PATIENCE
    while (clock := (await desk.fetch(DUE))[0])["due_at"] != datetime(2099, 12, 9, 16, tzinfo=UTC):
        assert time.monotonic() < until
        await asyncio.sleep(0.02)
    assert clock["next_at"] == clock["due_at"]
    await at(desk, berlin("2099-12-09 17:00"))
    await moved(desk, lead)


async def test_lead_that_nobody_can_take_goes_down_the_ladder(desk: Workspace) -> None:
    await desk.publish(PLAN.replace("WAIT", WALL))
    for owner in (await desk.get("/owners"))["items"]:
        await desk.client.patch(f"/owners/{owner['id']}", json={"active": False})
    lead = (await desk.assign(external_id="L"))["lead_id"]
    await at(desk, berlin("2099-12-08 01:30"))
    newest = (await moved(desk, lead))["assignments"][-1]
    assert (newest["queue"], newest["priority"]) == ("late", 0)


async def test_lead_keeps_its_place_while_its_next_place_cannot_take_it(desk: Workspace) -> None:
    await desk.publish(PLAN.replace("WAIT", WALL).replace(", else: [{queue: late}]", ""))
    for owner in (await desk.get("/owners"))["items"]:
        await desk.client.patch(f"/owners/{owner['id']}", json={"active": False})
    lead = (await desk.assign(external_id="L"))["lead_id"]
    await at(desk, berlin("2099-12-08 01:30"))
    until = time.monotonic() + PATIENCE
    while (await desk.fetch(DUE))[0]["next_at"] != datetime(2099, 12, 8, 0, 35, tzinfo=UTC):
        assert time.monotonic() < until
        await asyncio.sleep(0.02)
    await desk.client.patch("/owners/ana", json={"active": True})
    await at(desk, berlin("2099-12-08 01:35"))
    assert (await moved(desk, lead))["assignments"][-1]["owner"]["id"] == "ana"


async def test_wait_goes_on_where_a_claimed_lead_returns(desk: Workspace) -> None:
    """The clock of the queue runs from the first entry."""
    await desk.publish(PLAN.replace("WAIT", WALL))
    lead = (await desk.assign(external_id="L"))["lead_id"]
    await at(desk, berlin("2099-12-08 00:00"))
    claimed = await desk.client.post("/queues/desk/claim", json={"owner_id": "ana"})
    assert claimed.status_code == 200
    await at(desk, berlin("2099-12-08 01:00"))
    given = await desk.client.post(f"/assignments/{claimed.json()['assignment_id']}/release", json={})
    assert (given.status_code, given.json()["priority"]) == (200, 20)
    dues = {row["due_at"] for row in await desk.fetch(DUE)}
    assert dues == {datetime(2099, 12, 8, 0, 30, tzinfo=UTC)}
    (listed,) = (await desk.get("/queues/desk/leads"))["items"]
    assert (listed["queue_since"][:16], listed["leaves_by"][:16]) == ("2099-12-07T16:30", "2099-12-08T00:30")
    assert (listed["lease_until"], listed["sla_state"]) == (None, "none")
    assert (await desk.get(f"/leads/{lead}"))["state"] == "queued"


async def test_clock_is_withdrawn_when_the_plan_no_longer_limits_the_wait(desk: Workspace) -> None:
    await desk.publish(PLAN.replace("WAIT", WALL))
    lead = (await desk.assign(external_id="L"))["lead_id"]
    await desk.publish("{queues: {desk: {}}, pipeline: [{queue: {name: desk}}]}")
    await at(desk, berlin("2099-12-08 01:30"))
    until = time.monotonic() + PATIENCE
    while (await desk.fetch(DUE))[0]["state"] != "withdrawn":
        assert time.monotonic() < until
        await asyncio.sleep(0.02)
    assert (await desk.get(f"/leads/{lead}"))["state"] == "queued"
