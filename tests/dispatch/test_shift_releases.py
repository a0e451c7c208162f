"""Queues that release their leads when somebody comes on shift: order, shares, and what goes first."""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator
from typing import Any

import pytest

from app.audit.verify import verify
from tests.support.workspace import Filled, Workspace, open_filled
from tests.test_worker import PATIENCE, at

PLAN = """
queues:
  desk: {claimable_by: night, release: shift}
pipeline:
  - rule: {name: hot, when: {lead_type: hot}, then: {queue: desk, priority: 50}}
  - rule:
      name: french
      when: {lead_type: fr}
      then: {team: night, languages: [fr], off_hours: next, else: [{queue: desk}]}
  - round_robin: {team: night, off_hours: next, else: [{queue: desk}], when: {lead_type: {exists: false}}}
  - queue: {name: desk}
"""
HELD_PLAN = """
queues: {unrouted: {}}
pipeline: [{round_robin: {team: night, off_hours: hold}}, {queue: {name: unrouted}}]
"""
NIGHT = "2099-11-23"
OWNERS = """
SELECT owner_id, count(*) AS leads FROM assignments WHERE workspace_id = $1 AND open AND owner_id IS NOT NULL
 GROUP BY owner_id
"""


async def office(workspace: Workspace, **starts: str) -> None:
    """A team whose members start at these hours."""
    for owner, start in starts.items():
        await workspace.put("calendars", owner, {"timezone": "UTC", "hours": f"{start}-17:00"})
        body = {"name": owner.title(), "calendar": owner}
        await workspace.client.put(f"/owners/{owner}", json=body)
    members = [{"owner": owner} for owner in starts]
    await workspace.put("teams", "night", {"name": "Night", "members": members})


@pytest.fixture
async def night(busy: Workspace) -> Workspace:
    """Two in the morning, with a worker that looks often."""
    await at(busy, f"{NIGHT} 02:00Z")
    return busy


@pytest.fixture
async def idle(filled: Filled) -> AsyncIterator[Workspace]:
    """The same with a worker that does nothing."""
    async with open_filled(filled, worker_interval_seconds=3600) as workspace:
        await at(workspace, f"{NIGHT} 02:00Z")
        yield workspace


async def shares(workspace: Workspace, wanted: dict[str, int]) -> None:
    """Wait until each owner has so many leads."""
    until = time.monotonic() + PATIENCE
    while (found := {row["owner_id"]: row["leads"] for row in await workspace.fetch(OWNERS)}) != wanted:
        assert time.monotonic() < until, found
        assert sum(found.values()) <= sum(wanted.values()), found
        await asyncio.sleep(0.02)


async def owner_of(workspace: Workspace, decision: dict[str, Any]) -> str | None:
    owner = (await workspace.get(f"/leads/{decision['lead_id']}"))["owner"]
    return owner["id"] if owner is not None else None


@pytest.mark.parametrize("text", [PLAN, HELD_PLAN], ids=["a queue", "held leads"])
async def test_a_nights_leads_are_shared_out_as_the_members_start(night: Workspace, text: str) -> None:
    """Behaviour 12: forty leads; ana at 8:55 gets 14, the rest waits until 9:00 and goes to the others."""
    await office(night, ana="08:55", ben="09:00", cem="09:00")
    await night.publish(text)
    items = [{"lead": {"external_id": f"e{number}"}} for number in range(40)]
    decided = (await night.client.post("/assign/batch", json={"items": items})).json()["items"]
    assert {each["decision"]["outcome"] for each in decided} == {"queued"}
    await at(night, f"{NIGHT} 08:55Z")
    await shares(night, {"ana": 14})
    await asyncio.sleep(0.2)
    await shares(night, {"ana": 14})
    first = [each["decision"] for each in decided[:14]]
    assert {await owner_of(night, each) for each in first} == {"ana"}
    await at(night, f"{NIGHT} 09:00Z")
    await shares(night, {"ana": 14, "ben": 13, "cem": 13})
    assert (await verify(night.pool, night.workspace_id)).clean


async def test_waiting_lead_goes_before_a_new_one_when_capacity_frees(idle: Workspace) -> None:
    """Behaviour 18: three wait, a new one comes; the one of the highest priority gets the free place."""
    await office(idle, ana="00:00")
    await idle.publish(PLAN)
    await idle.client.patch("/owners/ana", json={"caps": {"open": 1}})
    working = await idle.assign(external_id="w")
    assert await owner_of(idle, working) == "ana"
    waiting = [await idle.assign(external_id=f"e{number}") for number in range(2)]
    hot = await idle.assign(external_id="hot", lead_type="hot")
    assert {each["queue"] for each in (*waiting, hot)} == {"desk"}
    closed = await idle.client.post(
        f"/assignments/{working['assignment_id']}/events", json={"type": "closed"}
    )
    assert closed.status_code == 200
    new = await idle.assign(external_id="new")
    assert new["queue"] == "desk"
    assert [await owner_of(idle, each) for each in (hot, *waiting)] == ["ana", None, None]
    released = (await idle.get(f"/leads/{hot['lead_id']}"))["assignments"][-1]
    assert (released["cause"], released["reason"]["code"]) == ("release", "released")
    assert (await verify(idle.pool, idle.workspace_id)).clean


async def test_place_that_frees_in_the_same_commit_group_goes_to_a_waiting_lead(idle: Workspace) -> None:
    await office(idle, ana="00:00")
    await idle.publish(PLAN)
    await idle.client.patch("/owners/ana", json={"caps": {"open": 1}})
    working = await idle.assign(external_id="w")
    old = await idle.assign(external_id="old")
    url = f"/assignments/{working['assignment_id']}/events"
    closed, new = await asyncio.gather(
        idle.client.post(url, json={"type": "closed"}),
        idle.client.post("/assign", json={"lead": {"external_id": "new"}}),
    )
    assert (closed.status_code, new.status_code) == (200, 201)
    if new.json()["queue"] == "desk":
        again = await idle.assign(external_id="newer")
        assert again["queue"] == "desk"
    assert [await owner_of(idle, each) for each in (old, new.json())] in (["ana", None], [None, None])


async def test_lead_that_nobody_there_can_take_does_not_keep_back_those_behind_it(night: Workspace) -> None:
    await office(night, ana="09:00")
    await night.publish(PLAN)
    french = [await night.assign(external_id=f"f{number}", lead_type="fr") for number in range(45)]
    plain = await night.assign(external_id="plain")
    await at(night, f"{NIGHT} 09:00Z")
    await shares(night, {"ana": 1})
    assert await owner_of(night, plain) == "ana"
    assert {await owner_of(night, each) for each in french[:3]} == {None}
    assert (await verify(night.pool, night.workspace_id)).clean


async def test_new_leads_go_on_being_assigned_while_others_wait_for_a_language(idle: Workspace) -> None:
    await office(idle, ana="00:00", ben="00:00")
    await idle.publish(PLAN)
    for number in range(3):
        assert (await idle.assign(external_id=f"f{number}", lead_type="fr"))["queue"] == "desk"
    got = Counter([(await idle.assign(external_id=f"e{number}"))["owner"]["id"] for number in range(4)])
    assert got == {"ana": 2, "ben": 2}


async def test_waiting_leads_can_be_claimed_as_well(idle: Workspace) -> None:
    await office(idle, ana="09:00")
    await idle.publish(PLAN)
    lead = await idle.assign(external_id="e")
    claimed = await idle.client.post("/queues/desk/claim", json={"owner_id": "ana"})
    assert (claimed.status_code, claimed.json()["lead_id"]) == (200, lead["lead_id"])


async def test_queue_that_releases_needs_a_team(idle: Workspace) -> None:
    text = "queues: {desk: {release: shift}}\npipeline: [{queue: {name: desk}}]\n"
    drafted = await idle.client.post("/plans", content=text, headers={"Content-Type": "application/yaml"})
    assert {each["code"] for each in drafted.json()["errors"]} == {"required"}
