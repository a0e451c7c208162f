"""What a claim promises: its lease, the limit of untouched claims, and giving a lead back."""

import asyncio
import time
from collections import Counter
from typing import Any

import pytest

from app.audit.verify import verify
from app.keys import issue
from tests.support.workspace import Workspace
from tests.test_worker import PATIENCE, at

PLAN = """
queues: {desk: {claim: {lease: 24h, clock: wall, until: first_touch, max: 3}}}
pipeline: [{queue: {name: desk}}]
"""
FRIDAY = "2099-12-04"
BOUND_KEY = """
INSERT INTO api_keys (id, workspace_id, secret_hash, scopes, label, owner_id)
VALUES ($1, $2, $3, $4, 'test', $5)
"""
NOTICES = "SELECT body FROM actions WHERE workspace_id = $1 AND type = 'notify'"
CLOCKS = "SELECT kind, state, due_at FROM sla_clocks WHERE workspace_id = $1 ORDER BY started_at"


@pytest.fixture
async def desk(busy: Workspace) -> Workspace:
    """A queue whose claims last a day, and a worker that looks often."""
    await at(busy, f"{FRIDAY} 09:00Z")
    await busy.publish(PLAN)
    return busy


async def claim(workspace: Workspace, owner: str, **body: Any) -> tuple[int, str]:
    """The status of a claim, with the lead that was got or the code of the problem."""
    answer = await workspace.client.post("/queues/desk/claim", json={"owner_id": owner, **body})
    returned = answer.json()
    return answer.status_code, returned["lead_id"] if answer.status_code == 200 else returned["code"]


async def give_back(workspace: Workspace, lead_id: str, **body: Any) -> tuple[int, dict[str, Any]]:
    """Give back the newest assignment of a lead."""
    lead = await workspace.get(f"/leads/{lead_id}")
    newest = lead["assignments"][-1]["assignment_id"]
    answer = await workspace.client.post(f"/assignments/{newest}/release", json=body)
    return answer.status_code, answer.json()


async def back_in_queue(workspace: Workspace, lead_id: str) -> dict[str, Any]:
    """Wait until the lead is in its queue again."""
    until = time.monotonic() + PATIENCE
    while (lead := await workspace.get(f"/leads/{lead_id}"))["state"] != "queued":
        assert time.monotonic() < until
        await asyncio.sleep(0.02)
    return lead


async def touch(workspace: Workspace, lead_id: str, by: str = "ana") -> None:
    event = {"lead_id": lead_id, "type": "first_touch", "by": by}
    answer = await workspace.client.post("/events", json={"items": [event]})
    assert answer.json()["items"][0]["status"] == 200, answer.text


async def test_claim_that_nobody_touched_ends_at_its_old_place(desk: Workspace) -> None:
    """The slot is free, the owner is told and cannot claim the lead again, another one can."""
    lead = (await desk.assign(external_id="L"))["lead_id"]
    await at(desk, f"{FRIDAY} 10:00Z")
    others = [(await desk.assign(external_id=each))["lead_id"] for each in "MNO"]
    await at(desk, f"{FRIDAY} 16:00Z")
    for each in (lead, *others[:2]):
        assert await claim(desk, "ana") == (200, each)
    assert await claim(desk, "ana") == (403, "claim_limit")
    listed = (await desk.get("/assignments?owner=ana"))["items"]
    assert {each["lease_until"][:16] for each in listed} == {"2099-12-05T16:00"}
    assert {(each["queue_since"], each["leaves_by"]) for each in listed} == {(None, None)}
    for each in others[:2]:
        await touch(desk, each)
    await at(desk, "2099-12-05 15:59Z")
    await asyncio.sleep(0.1)
    assert (await desk.get(f"/leads/{lead}"))["state"] == "assigned"
    await at(desk, "2099-12-05 16:30Z")
    found = await back_in_queue(desk, lead)
    assert found["assignments"][-1]["reason"]["code"] == "lease_ended"
    assert found["assignments"][-1]["reason"]["text"].startswith("Claim lease ended")
    assert await claim(desk, "ana", lead_id=lead) == (403, "already_claimed")
    assert await claim(desk, "ana") == (200, others[2])
    assert await claim(desk, "ben") == (200, lead)
    (told,) = await desk.fetch(NOTICES)
    assert '"lease_ended"' in told["body"]
    assert '"ana"' in told["body"]
    states = Counter((row["kind"], row["state"]) for row in await desk.fetch(CLOCKS))
    assert states == {("lease", "met"): 2, ("lease", "withdrawn"): 1, ("lease", "pending"): 2}
    assert (await verify(desk.pool, desk.workspace_id)).clean


async def test_owner_may_ask_for_a_lead_again(desk: Workspace) -> None:
    lead = (await desk.assign(external_id="L"))["lead_id"]
    assert await claim(desk, "ana") == (200, lead)
    await at(desk, "2099-12-06 16:00Z")
    await back_in_queue(desk, lead)
    assert await claim(desk, "ana") == (403, "already_claimed")
    assert await claim(desk, "ana", again=True) == (422, "invalid")
    assert await claim(desk, "ana", lead_id=lead, again=True) == (200, lead)


async def test_lease_in_working_time_ends_in_the_shift_of_the_owner(desk: Workspace) -> None:
    await desk.put("calendars", "day", {"timezone": "UTC", "hours": "Mo-Fr 09:00-17:00"})
    assert (await desk.client.patch("/owners/ana", json={"calendar": "day"})).status_code == 200
    await desk.publish(PLAN.replace("lease: 24h, clock: wall", "lease: 4h, clock: working"))
    await desk.assign(external_id="L")
    await at(desk, f"{FRIDAY} 16:00Z")
    await claim(desk, "ana")
    (clock,) = await desk.fetch(CLOCKS)
    assert clock["due_at"].isoformat() == "2099-12-07T12:00:00+00:00"


async def test_lead_that_is_given_back_has_its_old_place(desk: Workspace) -> None:
    """Giving back does not bar the owner before the third time, and others may claim in between."""
    first = (await desk.assign(external_id="L"))["lead_id"]
    second = (await desk.assign(external_id="M"))["lead_id"]
    for _ in range(2):
        assert await claim(desk, "ana") == (200, first)
        status, body = await give_back(desk, first, owner_id="ana")
        assert (status, body["reason"]["code"], body["queue"]) == (200, "given_back", "desk")
    assert await claim(desk, "ben") == (200, first)
    before = (await desk.get(f"/leads/{first}"))["assignments"]
    anas = next(each for each in before if each["owner"] and each["owner"]["id"] == "ana")
    stale = await desk.client.post(f"/assignments/{anas['assignment_id']}/release", json={})
    assert (stale.status_code, stale.json()["code"]) == (409, "superseded")
    assert (await give_back(desk, first, owner_id="ana"))[1]["code"] == "superseded"
    assert (await give_back(desk, first))[0] == 200
    assert await claim(desk, "ana") == (200, first)
    assert (await give_back(desk, first))[0] == 200
    assert await claim(desk, "ana") == (200, second)
    assert await claim(desk, "ana", lead_id=first) == (403, "already_claimed")
    assert (await verify(desk.pool, desk.workspace_id)).clean


async def test_only_a_claim_can_be_given_back(desk: Workspace) -> None:
    lead = (await desk.assign(external_id="L"))["lead_id"]
    assert (await give_back(desk, lead))[1]["code"] == "not_claimed"
    moved = await desk.client.post("/reassign", json={"lead_id": lead, "to": "ana"})
    assert moved.status_code == 201
    assert (await give_back(desk, lead))[1]["code"] == "not_claimed"
    nowhere = await desk.client.post("/assignments/0198c0de-0000-7000-8000-000000000000/release", json={})
    assert nowhere.status_code == 404


async def test_key_of_an_owner_claims_and_gives_back_for_that_owner_only(desk: Workspace) -> None:
    key = issue("test")
    await desk.pool.execute(
        BOUND_KEY, key.id, desk.workspace_id, key.secret_hash(), ["claim", "leads:read"], "ana"
    )
    lead = (await desk.assign(external_id="L"))["lead_id"]
    async with desk.caller(key.text()) as anas:
        refused = await anas.post("/queues/desk/claim", json={"owner_id": "ben"})
        assert refused.status_code == 403
        assert await claim(desk, "ben") == (200, lead)
        bens = (await desk.get(f"/leads/{lead}"))["assignments"][-1]["assignment_id"]
        assert (await anas.post(f"/assignments/{bens}/release", json={})).status_code == 404
        assert (await give_back(desk, lead))[0] == 200
        own = await anas.post("/queues/desk/claim", json={"owner_id": "ana"})
        assert own.status_code == 200
        given = await anas.post(f"/assignments/{own.json()['assignment_id']}/release")
        assert given.status_code == 200, given.text


async def test_late_claims_learn_the_state_of_the_lead_and_not_whose_it_is(desk: Workspace) -> None:
    """Behaviour 17: of fifty claims at once one wins."""
    for number in range(50):
        await desk.put("owners", f"rep{number}", {"name": f"Rep {number}"})
    lead = (await desk.assign(external_id="L"))["lead_id"]
    answers = await asyncio.gather(
        *(
            desk.client.post("/queues/desk/claim", json={"owner_id": f"rep{number}", "lead_id": lead})
            for number in range(50)
        )
    )
    assert Counter(each.status_code for each in answers) == {200: 1, 409: 49}
    for each in answers:
        if each.status_code == 409:
            body = each.json()
            assert (body["code"], body["state"]) == ("lead_not_in_queue", "superseded")
            assert "rep" not in each.text.replace("report", "").replace("repeat", "")
    assert (await verify(desk.pool, desk.workspace_id)).clean


async def test_queue_says_what_keeps_each_member_from_claiming(desk: Workspace) -> None:
    await desk.publish(
        "{queues: {desk: {claimable_by: dach, claim: {max: 1}}}, pipeline: [{queue: {name: desk}}]}"
    )
    first, *_, last = [member["owner"] for member in (await desk.get("/teams/dach"))["members"]]
    await desk.client.patch(f"/owners/{last}", json={"active": False})
    lead = (await desk.assign(external_id="L"))["lead_id"]
    assert await claim(desk, first) == (200, lead)

    async def kept() -> list[str | None]:
        codes = {each["owner_id"]: each["code"] for each in (await desk.get("/queues/desk"))["claimants"]}
        return [codes[first], codes[last]]

    assert await kept() == ["claim_limit", "inactive"]
    await touch(desk, lead, first)
    assert await kept() == [None, "inactive"]


async def test_owner_with_claims_of_a_former_plan_is_found_another_lead(desk: Workspace) -> None:
    """However many leads at the head of the queue an owner may not have, they get the next one."""
    leads = [(await desk.assign(external_id=f"L{each}"))["lead_id"] for each in range(6)]
    for each in leads[:5]:
        assert await claim(desk, "ben", lead_id=each) in ((200, each), (403, "claim_limit"))
        await touch(desk, each, "ben")
    await desk.pool.execute(
        "UPDATE leads SET barred_owners = '{ana}' WHERE workspace_id = $1 AND id = ANY ($2::uuid[])",
        desk.workspace_id,
        leads[:5],
    )
    for each in leads[:5]:
        assert (await give_back(desk, each))[0] == 200
    assert await claim(desk, "ana") == (200, leads[5])
