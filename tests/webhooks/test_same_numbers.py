"""Two CRMs count their records from one: the same number is two people."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest

from app.audit.verify import verify
from tests.support.crm import USERS, Crm, findings, open_crm
from tests.support.dump import dump
from tests.support.workspace import Workspace
from tests.webhooks.deliveries import endpoint

NOON = datetime(2098, 12, 1, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
ROUTED = {"objects": {"contact": {"created": "route"}}}


@pytest.fixture
async def crm(workspace: Workspace) -> AsyncIterator[Crm]:
    async with open_crm(workspace, mapping=ROUTED) as made:
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


WAITS = """
WITH delivery AS (
  INSERT INTO crm_deliveries (workspace_id, id, endpoint_id, received_at, headers, body)
  VALUES ($1, gen_random_uuid(), 'crm', now(), '{}', $5) RETURNING id)
INSERT INTO crm_inbox (workspace_id, endpoint_id, dedupe_key, id, delivery_id, system, object, record_id,
  kind, event_at, event_order, position, event, received_at, state, next_at)
SELECT $1, 'crm', sha256($5), gen_random_uuid(), id, $2, $3, $4, 'updated', now(), 1, 1, $5, now(),
       'pending', now() FROM delivery
"""


async def waits(crm: Crm, id_: str, text: str, object_: str = "contact") -> None:
    """An event about a record was stored, and not processed yet."""
    await crm.workspace.fetch(WAITS, crm.source.system, object_, id_, f'"{text}"'.encode())


async def told(crm: Crm, id_: str, object_: str = "contact") -> str | None:
    """What becomes of an event about a record."""
    fields = {"firstname": "Jo"} if crm.source.kind == "hubspot" else {"name": "Jo Doe"}
    return (await crm.tell(crm.event(id_, fields, object=object_, at=NOON + MINUTE))).code


async def held(workspace: Workspace) -> set[str]:
    """The words that a table holds of these that only one event had."""
    text = "".join((await dump(workspace.pool)).values())
    return {word for word in ("zqone", "zqtwo", "zqdeal") if word in text}


@pytest.mark.alone
async def test_erasure_and_export_of_one_leave_the_other_with_its_number_alone(crm: Crm) -> None:
    pipes = second(crm)
    one, two = await created(crm, "101", "a@kunde.example"), await created(pipes, "101", "b@kunde.example")
    await waits(crm, "101", "zqone")
    await waits(pipes, "101", "zqtwo")
    for lead, word in ((one, "zqone"), (two, "zqtwo")):
        export = await crm.workspace.get(f"/leads/{lead}/export")
        assert [each["event"] for each in export["held"]["crm_events"]] == [word]
        assert [each["body"] for each in export["held"]["crm_deliveries"]] == [word]

    assert (await crm.tell(crm.event("101", kind="erased", at=NOON))).code == "erased"
    assert await held(crm.workspace) == {"zqtwo"}
    assert (await told(crm, "101"), await told(pipes, "101")) == ("for_erased", "nothing_new")
    again = crm.event("101", {"email": "a@kunde.example"}, kind="created", at=NOON, complete=True)
    assert (await crm.tell(again)).code == "for_erased"
    assert (await crm.workspace.get(f"/leads/{two}"))["state"] == "assigned"


@pytest.mark.alone
async def test_erasure_of_a_bare_number_bars_every_record_that_could_be_the_person(crm: Crm) -> None:
    """The lead was sent with a number. No webhook has told yet of which CRM it is."""
    pipes = second(crm)
    sent = await crm.workspace.assign(crm={"lead_id": "101"}, email="a@kunde.example")
    await waits(crm, "101", "zqone")
    await waits(pipes, "101", "zqtwo")
    export = await crm.workspace.get(f"/leads/{sent['lead_id']}/export")
    assert export["held"]["crm_events"] == []
    await crm.workspace.client.delete(f"/leads/{sent['lead_id']}")
    assert await held(crm.workspace) == set()
    assert [await told(each, "101") for each in (crm, pipes)] == ["for_erased"] * 2
    assert await told(pipes, "101", "deal") != "for_erased"


@pytest.mark.alone
async def test_erasure_of_a_bare_number_leaves_those_alone_who_are_known(crm: Crm) -> None:
    pipes = second(crm)
    two = await created(pipes, "101", "b@kunde.example")
    deal = crm.event("101", {"dealstage": "new", "association.contact": "7"}, object="deal", at=NOON)
    await crm.workspace.assign(crm={"lead_id": "7"}, email="c@kunde.example")
    await crm.tell(deal)
    keys = "UPDATE identities SET value = '55' WHERE workspace_id = $1 AND lead_id = $2 AND value = '101'"
    await crm.workspace.fetch(keys, two)
    sent = await crm.workspace.assign(crm={"lead_id": "101"}, email="a@kunde.example")
    await waits(crm, "101", "zqone")
    await waits(crm, "101", "zqdeal", "deal")
    await waits(pipes, "101", "zqtwo")
    export = await crm.workspace.get(f"/leads/{sent['lead_id']}/export")
    assert [each["event"] for each in export["held"]["crm_events"]] == ["zqone"]
    await crm.workspace.client.delete(f"/leads/{sent['lead_id']}")
    assert await held(crm.workspace) == {"zqtwo", "zqdeal"}
    assert (await told(crm, "101"), await told(pipes, "101")) == ("for_erased", "nothing_new")
    assert await told(crm, "101", "deal") != "for_erased"


async def test_call_that_does_not_say_what_its_number_is_may_belong_to_somebody_who_is_known(
    crm: Crm,
) -> None:
    fields = {"call": {"as": "activity", "event": "first_touch", "fields": {"of": "link"}}}
    calls = Crm(crm.workspace, mapping={"objects": {**ROUTED["objects"], **fields}})
    await created(calls, "101", "a@kunde.example")
    await calls.tell(calls.event("101", kind="erased", at=NOON))
    call = calls.event("1", {"of": "101"}, object="call", at=NOON + MINUTE)
    assert (await calls.tell(call)).code == "for_erased"
    other = await crm.workspace.assign(crm={"lead_id": "7"}, email="c@kunde.example")
    deal = crm.event("101", {"dealstage": "new", "association.contact": "7"}, object="deal", at=NOON)
    await crm.tell(deal)
    assert (await calls.tell(call)).lead_id == other["lead_id"]
