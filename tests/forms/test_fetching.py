"""Deliveries that tell only ids wait to be completed; vendors' kinds work end to end."""

import asyncio
import hashlib
import hmac
import json

import asyncpg
import pytest

from tests.forms.deliveries import form, leads, post, settled
from tests.support.workspace import Workspace

SECRET = "app-secret-of-meta"
NOTICE = {
    "object": "page",
    "entry": [
        {
            "id": "770",
            "time": 1764500000,
            "changes": [
                {"field": "leadgen", "value": {"leadgen_id": "5512345", "form_id": "91", "page_id": "770"}}
            ],
        }
    ],
}


async def test_ids_wait_for_their_lead_and_are_completed_once(workspace: Workspace) -> None:
    path = await form(workspace, "meta", "ads", secrets=[SECRET])
    raw = json.dumps(NOTICE).encode()
    signature = "sha256=" + hmac.new(SECRET.encode(), raw, hashlib.sha256).hexdigest()
    for _ in range(2):
        answer = await post(workspace, path, raw, x_hub_signature_256=signature)
        assert answer.status_code == 200
    (failure,) = (await workspace.get("/intake/failures"))["items"]
    assert failure["code"] == "awaiting_fetch"
    shown = await workspace.get(f"/intake/failures/{failure['id']}")
    assert "5512345" in json.dumps(shown["fetch"])

    lead = {"lead": {"email": "sunniva@fjell.example", "first_name": "Sunniva"}}
    url = f"/intake/failures/{failure['id']}/complete"
    assert (await workspace.client.post(url, json=lead)).status_code == 200
    assert (await workspace.client.post(url, json=lead)).status_code in {200, 404}
    await settled(workspace)
    assert [each["fields"]["email"] for each in await leads(workspace)] == ["sunniva@fjell.example"]


async def test_a_handshake_is_answered_by_an_inactive_endpoint_and_noted(workspace: Workspace) -> None:
    options = {"verify_token": "our-word"}
    path = await form(workspace, "meta", "ads", secrets=[SECRET], active=False, options=options)
    query = "hub.mode=subscribe&hub.verify_token=our-word&hub.challenge=11583"
    async with workspace.caller(None) as meta:
        answer = await meta.get(f"{path}?{query}")
        wrong = await meta.get(f"{path}?{query.replace('our-word', 'other')}")
    assert (answer.status_code, answer.text) == (200, "11583")
    assert wrong.status_code != 200
    assert (await workspace.get("/endpoints/ads"))["last_handshake_at"] is not None
    shown = 'lead_assignment_form_handshake_timestamp_seconds{endpoint="ads"'
    assert shown in (await workspace.client.get("/metrics")).text
    await workspace.client.delete("/endpoints/ads")
    assert shown not in (await workspace.client.get("/metrics")).text


READING = """
SELECT count(*) FROM pg_stat_activity
 WHERE datname = current_database() AND wait_event_type = 'Lock'
   AND query LIKE '%SELECT workspace_id, endpoint_id%'
"""


@pytest.mark.alone
async def test_a_handshake_is_answered_while_the_database_does_not_answer(workspace: Workspace) -> None:
    path = await form(workspace, "linkedin", "ads", secrets=[SECRET])
    query = {"challengeCode": "11111111-2222-4333-8444-555555555555"}
    async with workspace.caller(None) as tool:
        known = await tool.get(path, params=query)
        workspace.app.state.receiver.forget(workspace.workspace_id, "ads")
        watcher = await asyncpg.connect(workspace.app.state.settings.database_url)
        try:
            async with watcher.transaction():
                await watcher.execute("LOCK TABLE webhook_paths IN ACCESS EXCLUSIVE MODE")
                answers = await asyncio.gather(*(tool.get(path, params=query) for _ in range(3)))
                still_reading = await watcher.fetchval(READING)
        finally:
            await watcher.close()
    assert [(each.status_code, each.text) for each in answers] == [(200, known.text)] * 3
    assert still_reading == 1


def linkedin(action: str, at: int) -> bytes:
    """A notification about one response to a form."""
    return json.dumps(
        {
            "type": "LEAD_ACTION",
            "leadAction": action,
            "leadType": "SPONSORED",
            "leadGenFormResponse": "urn:li:leadGenFormResponse:5c1f",
            "leadGenForm": "urn:li:leadGenForm:77",
            "occurredAt": at,
        }
    ).encode()


async def notify(workspace: Workspace, path: str, body: bytes) -> None:
    mac = hmac.new(SECRET.encode(), b"hmacsha256=" + body, hashlib.sha256).hexdigest()
    assert (await post(workspace, path, body, x_li_signature=mac)).status_code == 200


async def test_a_person_who_must_be_forgotten_is_and_stays_so(workspace: Workspace) -> None:
    path = await form(workspace, "linkedin", "ads", secrets=[SECRET])
    await notify(workspace, path, linkedin("CREATED", 1_764_500_000))
    (failure,) = (await workspace.get("/intake/failures"))["items"]
    lead = {"lead": {"email": "brage@vik.example"}}
    await workspace.client.post(f"/intake/failures/{failure['id']}/complete", json=lead)
    await settled(workspace)
    (known,) = await leads(workspace)

    await notify(workspace, path, linkedin("DELETED", 1_764_500_900))
    await settled(workspace)
    assert (await workspace.client.get(f"/leads/{known['id']}")).status_code == 410
    # What is told again of that person, with another time, is not taken.
    await notify(workspace, path, linkedin("CREATED", 1_764_501_000))
    await settled(workspace)
    assert len(await workspace.fetch("SELECT FROM leads WHERE workspace_id = $1")) == 1


async def test_who_must_be_forgotten_before_the_lead_is_complete_never_becomes_one(
    workspace: Workspace,
) -> None:
    path = await form(workspace, "linkedin", "ads", secrets=[SECRET])
    await notify(workspace, path, linkedin("CREATED", 1_764_500_000))
    await notify(workspace, path, linkedin("DELETED", 1_764_500_900))
    await settled(workspace)
    assert (await workspace.get("/intake/failures"))["items"] == []
    assert await leads(workspace) == []
