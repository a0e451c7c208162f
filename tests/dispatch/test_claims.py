"""Claims from a queue: the order, who may claim, and the answer when there is nothing to claim."""

import asyncio
from collections import Counter

import pytest

from app.audit.verify import verify
from tests.support.workspace import Workspace

PLAN = """
queues: {desk: {}, dach-desk: {claimable_by: dach}}
pipeline:
  - rule: {name: hot, when: {lead_type: demo}, then: {queue: desk, priority: 70}}
  - rule: {name: dach, when: {country: AT}, then: {queue: dach-desk}}
  - queue: {name: desk}
"""
WITHOUT_DESK = "{queues: {other: {}}, pipeline: [{queue: {name: other}}]}"


@pytest.fixture
async def desk(workspace: Workspace) -> Workspace:
    """A workspace whose leads wait to be claimed."""
    await workspace.publish(PLAN)
    return workspace


async def _claim(workspace: Workspace, queue: str, owner: str, **body: str) -> tuple[int, str]:
    """The status, with the lead that was got or the code of the problem."""
    answer = await workspace.client.post(f"/queues/{queue}/claim", json={"owner_id": owner, **body})
    returned = answer.json()
    return answer.status_code, returned["lead_id"] if answer.status_code == 200 else returned["code"]


async def test_the_higher_priority_goes_first_then_the_older(desk: Workspace) -> None:
    first, second = await desk.assign(external_id="1"), await desk.assign(external_id="2")
    hot = await desk.assign(external_id="3", lead_type="demo")
    got = [await _claim(desk, "desk", "ben") for _ in range(4)]
    waited = [(200, lead["lead_id"]) for lead in (hot, first, second)]
    assert got == [*waited, (409, "queue_empty")]


async def test_one_lead_goes_to_exactly_one_of_fifty_claims(desk: Workspace) -> None:
    lead = await desk.assign(external_id="1")
    claims = [_claim(desk, "desk", owner, lead_id=lead["lead_id"]) for owner in ("ana", "ben") * 25]
    got = Counter(await asyncio.gather(*claims))
    assert got == {(200, lead["lead_id"]): 1, (409, "lead_not_in_queue"): 49}


async def test_only_members_of_the_team_that_the_queue_names_may_claim(desk: Workspace) -> None:
    lead = await desk.assign(external_id="1", country="AT")
    outsider = await desk.client.put("/owners/zoe", json={})
    assert outsider.status_code == 201
    assert await _claim(desk, "dach-desk", "zoe") == (403, "not_in_team")
    assert await _claim(desk, "dach-desk", "ana") == (200, lead["lead_id"])


async def test_a_queue_that_is_nowhere_is_not_found(desk: Workspace) -> None:
    assert await _claim(desk, "dsek", "ben") == (404, "not_found")
    assert await _claim(desk, "unrouted", "ben") == (409, "queue_empty")


async def test_leads_in_a_queue_that_the_plan_dropped_can_be_claimed(desk: Workspace) -> None:
    lead = await desk.assign(external_id="1")
    await desk.publish(WITHOUT_DESK)
    assert await _claim(desk, "desk", "ben") == (200, lead["lead_id"])
    assert await _claim(desk, "desk", "ben") == (404, "not_found")


async def test_the_caps_of_a_member_bind_the_claims_of_the_queue_of_their_team(desk: Workspace) -> None:
    members = [{"owner": "ana", "caps": {"open": 1}}, {"owner": "ben", "weight": 0}]
    changed = await desk.client.put("/teams/dach", json={"name": "DACH", "members": members})
    assert changed.status_code == 200, changed.text
    first = await desk.assign(external_id="1", country="AT")
    second = await desk.assign(external_id="2", country="AT")
    claimed = await desk.client.post("/queues/dach-desk/claim", json={"owner_id": "ana"})
    assert (claimed.json()["lead_id"], claimed.json()["team"]) == (first["lead_id"], "dach")
    assert await _claim(desk, "dach-desk", "ana") == (403, "cap_open")
    assert await _claim(desk, "dach-desk", "ben") == (200, second["lead_id"])
    assert (await verify(desk.pool, desk.workspace_id)).clean
