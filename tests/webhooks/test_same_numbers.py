"""Two CRMs count their records from one: the same number is two people."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest

from app.audit.verify import verify
from tests.support.crm import USERS, Crm, findings, open_crm
from tests.support.workspace import Filled
from tests.webhooks.deliveries import endpoint

NOON = datetime(2026, 12, 1, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
ROUTED = {"objects": {"contact": {"created": "route"}}}


@pytest.fixture
async def crm(filled: Filled) -> AsyncIterator[Crm]:
    async with open_crm(filled, mapping=ROUTED) as made:
        yield made


def second(crm: Crm) -> Crm:
    """Another CRM of the same workspace."""
    mapping = {**ROUTED, "users": USERS}
    return Crm(crm.workspace, "pipedrive", mapping=mapping)


async def created(crm: Crm, id_: str, email: str) -> str:
    fields = {"email": email, "name": "Jo Doe"}
    applied = await crm.tell(crm.event(id_, fields, kind="created", at=NOON, complete=True))
    assert (applied.result, applied.code) == ("done", "routed")
    assert applied.lead_id is not None
    return applied.lead_id


async def owner_of(crm: Crm, lead_id: str) -> str:
    return str((await crm.workspace.get(f"/leads/{lead_id}"))["owner"]["id"])


async def test_records_of_two_crms_with_one_number_are_two_leads(crm: Crm) -> None:
    pipes = second(crm)
    one, two = await created(crm, "101", "a@kunde.example"), await created(pipes, "101", "b@kunde.example")
    assert one != two
    assert (await findings(crm.workspace))["same_id", "101"] == 1

    at = datetime.now(UTC) + timedelta(hours=1)
    before = {"owner_id": "9"}
    assert (await pipes.tell(pipes.event("101", {"owner_id": "4"}, at=at, previous=before))).lead_id == two
    assert (await crm.owner("101", "3", at, origin="person")).lead_id == one
    assert (await owner_of(crm, one), await owner_of(crm, two)) == ("cem", "dia")
    report = await verify(crm.workspace.pool, crm.workspace.workspace_id)
    assert report.clean, report.differences


async def test_number_of_another_crm_moves_and_erases_nobody(crm: Crm) -> None:
    pipes = second(crm)
    one = await created(crm, "101", "a@kunde.example")
    before = await owner_of(crm, one)
    told = await pipes.tell(pipes.event("101", {"owner_id": "4"}, at=NOON + MINUTE))
    assert (told.result, told.code) == ("wait", "unknown_record")
    erased = await pipes.tell(pipes.event("101", kind="erased", at=NOON + MINUTE))
    assert (erased.code, await owner_of(crm, one)) == ("unknown_record", before)


async def test_list_of_another_crm_names_another_lead(crm: Crm) -> None:
    await created(crm, "101", "a@kunde.example")
    await endpoint(crm.workspace, "pipes", kind="pipedrive", mapping={"users": USERS})
    now = (datetime.now(UTC) + MINUTE).isoformat()
    lead = {"object": "contact", "id": "101", "owner": "4", "modified_at": now}
    sent = {"endpoint": "pipes", "as_of": now, "complete": False, "leads": [lead]}
    answer = (await crm.workspace.client.post("/reconcile", json=sent)).json()
    assert answer["counts"]["unknown_record"] == 1, answer


async def test_person_with_one_address_in_two_crms_is_one_lead(crm: Crm) -> None:
    """The number says nothing, the address does."""
    one = await created(crm, "101", "a@kunde.example")
    pipes = second(crm)
    fields = {"email": "a@kunde.example", "name": "Jo Doe"}
    told = await pipes.tell(pipes.event("101", fields, kind="created", at=NOON, complete=True))
    assert told.lead_id == one
