"""Fields that a queue hides until its leads are claimed: no answer holds them before."""

import json
from typing import Any

import httpx2
import pytest

from app.keys import issue
from tests.dispatch.test_claim_terms import BOUND_KEY
from tests.support.workspace import Workspace

PLAN = """
queues: {desk: {claim: {hide: [email, phone, attributes.mobile]}}}
pipeline: [{queue: {name: desk}}]
follow_up:
  - do: [{type: task, title: "Call {lead.phone}"}]
"""
LEAD = {
    "external_id": "L",
    "email": "Mara.Canary@kunde.example",
    "phone": "+49 30 9876543",
    "city": "Ulm",
    "attributes": {"mobile": "+49 151 2223334", "size": "XL", "contact": "mara.canary@kunde.example"},
}
CANARIES = ("canary", "9876543", "kunde.example", "2223334")
IDS = "SELECT id FROM api_keys WHERE workspace_id = $1"


@pytest.fixture
async def desk(workspace: Workspace) -> Workspace:
    """A queue that hides how to reach its leads."""
    await workspace.publish(PLAN)
    return workspace


async def bound(workspace: Workspace, owner: str) -> httpx2.AsyncClient:
    """A client with a key of this owner."""
    key = issue("test")
    await workspace.pool.execute(
        BOUND_KEY, key.id, workspace.workspace_id, key.secret_hash(), ["claim", "leads:read"], owner
    )
    return workspace.caller(key.text())


async def told(client: httpx2.AsyncClient, decision: dict[str, Any]) -> list[str]:
    """Everything that a key can read about a lead."""
    lookup = {"email": LEAD["email"]}
    answers = [
        await client.get(f"/leads/{decision['lead_id']}"),
        await client.get(f"/assignments/{decision['assignment_id']}"),
        await client.get(f"/assignments/{decision['assignment_id']}/explain"),
        await client.get("/leads?external_id=L"),
        await client.post("/leads/lookup", json=lookup),
        await client.get("/queues/desk/leads"),
        await client.get("/queues/desk"),
    ]
    assert {each.status_code for each in answers} == {200}
    return [each.text.casefold() for each in answers]


def leaks(texts: list[str]) -> list[str]:
    return [canary for text in texts for canary in CANARIES if canary in text]


async def test_waiting_lead_shows_no_hidden_field_to_any_key(desk: Workspace) -> None:
    decision = await desk.assign(**LEAD)
    again = await desk.assign(**LEAD)
    assert again["existing_lead"]["kind"] == "duplicate"
    assert leaks([json.dumps(decision).casefold(), json.dumps(again).casefold()]) == []
    reader = await desk.issue_key("leads:read", "claim")
    async with desk.caller(reader) as client, await bound(desk, "ana") as anas:
        for each in (client, anas):
            assert leaks(await told(each, decision)) == []
        fields = (await client.get(f"/leads/{decision['lead_id']}")).json()["fields"]
        assert (fields["city"], fields["attributes"]) == ("Ulm", {"size": "XL"})


async def test_key_with_the_scope_privacy_sees_every_field(desk: Workspace) -> None:
    decision = await desk.assign(**LEAD)
    key = await desk.issue_key("leads:read", "privacy")
    async with desk.caller(key) as client:
        fields = (await client.get(f"/leads/{decision['lead_id']}")).json()["fields"]
    assert (fields["email"], fields["email_domain"]) == ("mara.canary@kunde.example", "kunde.example")


async def test_claim_shows_the_fields_and_says_who_saw_them(desk: Workspace) -> None:
    waiting = await desk.assign(**LEAD)
    async with await bound(desk, "ana") as anas:
        claimed = (await anas.post("/queues/desk/claim", json={"owner_id": "ana"})).json()
    assert claimed["normalized"]["email"] == "mara.canary@kunde.example"
    assert claimed["actions"][0]["params"] == {"title": "Call +49309876543"}
    reader = await desk.issue_key("leads:read")
    async with desk.caller(reader) as client:
        fields = (await client.get(f"/leads/{waiting['lead_id']}")).json()["fields"]
        assert fields["phone"] == "+49309876543"
        events = (await client.get(f"/assignments/{claimed['assignment_id']}")).json()["events"]
    assert [(each["type"], each["by"], each["note"]) for each in events] == [
        ("disclosed", "ana", "email, phone, attributes.mobile")
    ]


async def test_lead_that_is_given_back_is_hidden_again_for_others(desk: Workspace) -> None:
    """Also the answer to the claim is hidden again; the audit says that ana saw the fields."""
    await desk.assign(**LEAD)
    async with await bound(desk, "ana") as anas, await bound(desk, "ben") as bens:
        claimed = (await anas.post("/queues/desk/claim", json={"owner_id": "ana"})).json()
        given = await anas.post(f"/assignments/{claimed['assignment_id']}/release", json={})
        assert (given.status_code, leaks([given.text.casefold()])) == (200, [])
        assert leaks(await told(bens, claimed)) == []
        events = (await bens.get(f"/assignments/{claimed['assignment_id']}")).json()["events"]
        assert [(each["type"], each["by"]) for each in events] == [("disclosed", "ana")]
        assert "canary" in (await anas.get(f"/leads/{claimed['lead_id']}")).text
        again = await bens.post("/queues/desk/claim", json={"owner_id": "ben"})
        assert again.json()["normalized"]["email"] == "mara.canary@kunde.example"


async def test_actions_of_a_claim_are_hidden_again_when_the_lead_is_given_back(desk: Workspace) -> None:
    """In both doors of the outbox; except for a key with the scope `privacy`."""
    await desk.client.put("/settings/actions", json={"reader": True})
    await desk.assign(**LEAD)
    claimed = (await desk.client.post("/queues/desk/claim", json={"owner_id": "ana"})).json()
    async with desk.caller(await desk.issue_key("assign")) as client:
        await desk.client.post(f"/assignments/{claimed['assignment_id']}/release", json={})
        log, leased = await client.get("/actions"), await client.post("/actions/lease", json={"seconds": 1})
        assert [each.status_code for each in (log, leased)] == [200, 200]
        made = [each for each in log.json()["items"] if each["assignment_id"] == claimed["assignment_id"]]
        assert (made[0]["type"], made[0]["params"]) == ("task", {})
        assert leaks([log.text.casefold(), leased.text.casefold()]) == []
    async with desk.caller(await desk.issue_key("assign", "privacy")) as client:
        assert "9876543" in (await client.get("/actions")).text


async def test_assigned_leads_hide_nothing(desk: Workspace) -> None:
    decision = await desk.assign(**LEAD)
    await desk.client.post("/reassign", json={"lead_id": decision["lead_id"], "to": "ana"})
    reader = await desk.issue_key("leads:read")
    async with desk.caller(reader) as client:
        assert "canary" in (await client.get(f"/leads/{decision['lead_id']}")).text


async def test_reason_of_a_reassignment_tells_nothing_that_is_hidden(desk: Workspace) -> None:
    lead = await desk.assign(**LEAD)
    sent = {"lead_id": lead["lead_id"], "to": {"queue": "desk"}, "reason": f"{LEAD['email']} called"}
    moved = (await desk.client.post("/reassign", json=sent)).json()
    async with desk.caller(await desk.issue_key("leads:read", "claim")) as client:
        assert leaks(await told(client, moved)) == []
        shown = (await client.get(f"/assignments/{moved['assignment_id']}")).json()["reassigned"]
    assert shown == {"actor": desk.key.split("_")[2], "reason": None}
