"""A mapping that names what does not exist: the events are listed, and count once it is corrected."""

import base64
import json
from datetime import datetime, timedelta
from typing import Any

import pytest

from app.metrics.process import Metrics
from app.webhooks.inbox import Inbox
from tests.support.crm import Crm, books, findings, open_crm
from tests.support.workspace import Workspace
from tests.webhooks.deliveries import BASE_URL, endpoint, hubspot
from tests.webhooks.vendors import dynamics_deliveries as dynamics
from tests.webhooks.vendors import pipedrive_deliveries as pipedrive
from tests.webhooks.vendors import salesforce_deliveries as salesforce

SECRET = "a secret of the CRM"
BEARER = {"authorization": f"Bearer {SECRET}"}
BASIC = {"authorization": "Basic " + base64.b64encode(f"crm:{SECRET}".encode()).decode()}
CHANGES: dict[str, tuple[str, str, Any]] = {
    "hubspot": (
        "101",
        "77",
        [
            {
                "subscriptionType": "contact.propertyChange",
                "objectId": 101,
                "propertyName": "hubspot_owner_id",
                "propertyValue": "77",
                "occurredAt": 1796115600000,
            }
        ],
    ),
    "pipedrive": ("8", "77", pipedrive.event(data={"id": 8, "owner_id": 77}, previous={"owner_id": 1})),
    "dynamics": (
        dynamics.LEAD,
        dynamics.ANA,
        dynamics.context("Assign", {"Assignee": dynamics.reference(dynamics.ANA, "systemuser")}),
    ),
    "salesforce": (
        salesforce.LEAD,
        "00G5g000000QueuEAK",
        salesforce.change(OwnerId="00G5g000000QueuEAK", changedFields=["OwnerId"]),
    ),
}
"""The record, the id of its new owner, and a delivery that says so."""
SETTINGS: dict[str, dict[str, Any]] = {
    "hubspot": {"base_url": BASE_URL},
    "dynamics": {"organization_id": dynamics.ORGANIZATION},
    "salesforce": {"organization_id": salesforce.ORGANIZATION},
}


async def send(crm: Crm, kind: str, path: str, body: bytes) -> None:
    headers = {"hubspot": hubspot(path, body, SECRET), "pipedrive": BASIC, "salesforce": BEARER}.get(kind, {})
    address = f"{path}?code={SECRET}" if kind == "dynamics" else path
    async with crm.workspace.caller(None) as caller:
        answer = await caller.post(address, content=body, headers=headers)
    assert answer.status_code == 200, answer.text


async def drain(crm: Crm) -> None:
    inbox = Inbox(crm.workspace.pool, crm.effects, Metrics())
    while await inbox.run(crm.workspace.workspace_id):
        pass


async def failures(crm: Crm) -> list[tuple[str, str]]:
    listed = (await crm.workspace.get("/webhooks/failures"))["items"]
    return [(each["record"], each["code"]) for each in listed]


@pytest.mark.parametrize("kind", CHANGES)
async def test_event_counts_once_its_mapping_is_corrected(workspace: Workspace, kind: str) -> None:
    record, id_, body = CHANGES[kind]
    part, code = ("queues", "queue") if kind == "salesforce" else ("users", "owner")
    async with open_crm(workspace, kind) as crm:
        mapping = {part: {id_: "nothing"}}
        path = await endpoint(
            crm.workspace, kind=kind, secrets=[SECRET], mapping=mapping, **SETTINGS.get(kind, {})
        )
        decision = await crm.workspace.assign(crm={"lead_id": record}, email="p@kunde.example")
        before = await books(crm.workspace)
        await send(crm, kind, path, json.dumps(body).encode())
        await drain(crm)
        assert await failures(crm) == [(record, f"mapping_{code}_unknown")]
        assert await books(crm.workspace) == before

        # Trying again changes nothing before the mapping does.
        assert (
            await crm.workspace.client.post("/webhooks/failures/retry", json={"endpoint": "crm"})
        ).is_success
        await drain(crm)
        assert await failures(crm) == [(record, f"mapping_{code}_unknown")]

        correct = "recycled" if kind == "salesforce" else "dia"
        mapping = {part: {id_: correct}}
        patched = await crm.workspace.client.patch("/endpoints/crm", json={"mapping": mapping})
        assert patched.status_code == 200
        assert (
            await crm.workspace.client.post("/webhooks/failures/retry", json={"endpoint": "crm"})
        ).is_success
        await drain(crm)
        assert await failures(crm) == []
        shown = await crm.workspace.get(f"/leads/{decision['lead_id']}")
        newest = shown["assignments"][-1]
        assert newest["cause"] == "crm"
        assert correct == (newest["queue"] if kind == "salesforce" else newest["owner"]["id"])


async def test_user_who_becomes_known_gets_the_lead_when_the_record_is_told_again(
    workspace: Workspace,
) -> None:
    """The CRM says the same thing with the same time; what was not understood then is news now."""
    async with open_crm(workspace) as crm:
        decision = await crm.workspace.assign(crm={"lead_id": "101"}, email="p@kunde.example")
        at = datetime.fromisoformat(decision["decided_at"]) + timedelta(minutes=1)
        await crm.owner("101", "2", at, origin="person", previous={"hubspot_owner_id": "1"})
        await endpoint(crm.workspace, kind="hubspot", secrets=[SECRET], base_url=BASE_URL)
        read = {"object": "contact", "id": "101", "fields": {"hubspot_owner_id": "77"}}
        record = {**read, "at": (at + timedelta(minutes=1)).isoformat()}

        async def deliver() -> str:
            sent = {"endpoint": "crm", "records": [record]}
            answer = await crm.workspace.client.post("/records", json=sent)
            return str(answer.json()["items"][0]["code"])

        assert [await deliver(), await deliver()] == ["unknown_user", "unknown_user"]
        assert await findings(crm.workspace) == {("unknown_user", "101"): 2}
        patched = await crm.workspace.client.patch(
            "/endpoints/crm", json={"mapping": {"users": {"77": "dia"}}}
        )
        assert patched.status_code == 200
        assert [await deliver(), await deliver()] == ["followed", "nothing_new"]
        shown = await crm.workspace.get(f"/leads/{decision['lead_id']}")
        assert shown["owner"]["id"] == "dia"
