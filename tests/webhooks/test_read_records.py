"""What a CRM sends as an id only is read by somebody, and delivered."""

from collections.abc import AsyncIterator, Mapping
from datetime import datetime, timedelta
from typing import Any

import pytest

from tests.support.crm import PLAN, Crm, actions, books, open_crm
from tests.support.workspace import Workspace

SECOND, HOUR = timedelta(seconds=1), timedelta(hours=1)
ROUTED = {"objects": {"contact": {"created": "route"}}}


@pytest.fixture
async def crm(workspace: Workspace) -> AsyncIterator[Crm]:
    async with open_crm(workspace, mapping=ROUTED) as made:
        answer = await made.workspace.client.put(
            "/endpoints/crm", json={"kind": "hubspot", "secrets": ["long enough"], "mapping": ROUTED}
        )
        assert answer.status_code == 201, answer.text
        yield made


async def now_of(crm: Crm) -> datetime:
    return datetime.fromisoformat((await crm.workspace.pool.fetchval("SELECT now()")).isoformat())


async def deliver(crm: Crm, *records: Mapping[str, Any], key: str | None = None, **more: Any) -> Any:
    """What `POST /records` answers."""
    sent = {"endpoint": "crm", "records": records, **more}
    headers = {"Idempotency-Key": key} if key else {}
    return await crm.workspace.client.post("/records", json=sent, headers=headers)


async def delivered(crm: Crm, *records: Mapping[str, Any]) -> list[tuple[str, str | None]]:
    answer = await deliver(crm, *records)
    assert answer.status_code == 200, answer.text
    return [(each["result"], each["code"]) for each in answer.json()["items"]]


def contact(id_: str, **fields: Any) -> dict[str, Any]:
    return {"object": "contact", "id": id_, "fields": fields}


async def asked(crm: Crm) -> list[dict[str, Any]]:
    found = await crm.workspace.fetch(
        "SELECT body #>> '{params}' AS params FROM actions WHERE workspace_id = $1 AND type = 'read_record'"
    )
    return [dict(each) for each in found]


async def test_record_of_which_only_the_id_came_is_routed_when_it_is_delivered(crm: Crm) -> None:
    at = await now_of(crm)
    for _ in range(10):
        waits = await crm.tell(crm.event("555", kind="created", at=at, must_read=True))
        assert (waits.result, waits.code) == ("wait", "record_not_read")
    assert len(await asked(crm)) == 1
    assert await books(crm.workspace) == {}

    read = contact("555", email="new@kunde.example", firstname="New", country="DE")
    assert await delivered(crm, read) == [("done", "routed")]
    assert set(await books(crm.workspace)) == {"555"}
    assert await delivered(crm, read) == [("done", "nothing_new")]
    numbers = await crm.workspace.fetch("SELECT cause FROM assignments WHERE workspace_id = $1")
    assert [each["cause"] for each in numbers] == ["assign"]


async def test_record_that_was_read_before_its_person_was_erased_creates_nothing(crm: Crm) -> None:
    at = await now_of(crm)
    read = contact("555", email="new@kunde.example", firstname="New", country="DE")
    await crm.tell(crm.event("555", kind="created", at=at, must_read=True))
    assert await delivered(crm, read) == [("done", "routed")]
    await crm.tell(crm.event("555", kind="erased", at=at + SECOND))
    assert await delivered(crm, read) == [("done", "for_erased")]
    assert await books(crm.workspace) == {}
    assert await crm.workspace.fetch("SELECT id FROM crm_records WHERE workspace_id = $1") == []


async def test_owner_of_a_delivered_record_is_followed(crm: Crm) -> None:
    decision = await crm.workspace.assign(crm={"lead_id": "101"}, email="p@kunde.example")
    owner = decision["owner"]["id"]
    other = next(user for user, each in {"1": "ana", "2": "ben"}.items() if each != owner)
    at = await now_of(crm) + HOUR
    await crm.tell(crm.event("101", {"hubspot_owner_id": None}, at=at - HOUR, kind="gap", must_read=True))
    ((result, _),) = await delivered(crm, {**contact("101", hubspot_owner_id=other), "at": at.isoformat()})
    assert result == "done"
    assert await actions(crm.workspace, decision["lead_id"])
    assert (await books(crm.workspace))["101"][0] == "assigned"


async def test_records_of_one_request_are_taken_one_by_one(crm: Crm) -> None:
    await crm.workspace.assign(crm={"lead_id": "101"}, email="p@kunde.example")
    at = await now_of(crm)
    await crm.tell(crm.event("555", kind="created", at=at, must_read=True))
    results = await delivered(
        crm,
        contact("101", firstname="Anna"),
        contact("777", firstname="Nobody"),
        contact("555", email="n@kunde.example", firstname="New"),
        {"object": "nonsense", "id": "1"},
        {"object": "contact", "id": "101", "deleted": True, "at": (at + HOUR).isoformat()},
    )
    assert [result for result, _ in results] == ["done", "waiting", "done", "done", "done"]
    assert [code for _, code in results][1:4] == ["unknown_record", "routed", "ignored"]


async def test_same_key_answers_the_same(crm: Crm) -> None:
    at = await now_of(crm)
    await crm.tell(crm.event("555", kind="created", at=at, must_read=True))
    read = contact("555", email="n@kunde.example", firstname="New")
    first, again = [await deliver(crm, read, key="k") for _ in range(2)]
    assert (first.status_code, first.content) == (200, again.content)
    assert again.headers["Idempotency-Replayed"] == "true"
    other = await deliver(crm, contact("556"), key="k")
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"endpoint": "nowhere"}, "endpoint"),
        ({"records": []}, "records"),
        ({"records": [{"id": "1"}]}, "records[0].object"),
        ({"records": [{"object": "contact", "id": "1", "fields": []}]}, "records[0].fields"),
        ({"records": [{"object": "contact", "id": "1", "owner": "canary"}]}, "records[0].owner"),
    ],
)
async def test_records_that_cannot_be_read_are_refused_with_their_path(
    crm: Crm, change: dict[str, Any], path: str
) -> None:
    answer = await crm.workspace.client.post(
        "/records", json={"endpoint": "crm", "records": [contact("1")], **change}
    )
    assert answer.status_code == 422
    assert [each["path"] for each in answer.json()["errors"]] == [path]
    assert "canary" not in answer.text


async def test_key_of_an_executor_needs_only_events(crm: Crm) -> None:
    for scope, status in (("events", 422), ("leads:read", 403)):
        async with crm.workspace.caller(await crm.workspace.issue_key(scope)) as caller:
            assert (await caller.post("/records", json={})).status_code == status


async def test_answers_kept_for_a_repeat_do_not_name_a_person_who_was_erased(crm: Crm) -> None:
    at = (await now_of(crm)).isoformat()
    records = [
        {"object": "contact", "id": id_, "at": at, "fields": {"email": f"p{id_}@kunde.example"}}
        for id_ in ("555", "5551")
    ]
    for each in records:
        await crm.workspace.assign(crm={"lead_id": each["id"]}, email=f"p{each['id']}@kunde.example")
    told = (await deliver(crm, *records, key="read")).json()
    lead, other = (each["lead_id"] for each in told["items"])
    listed = {"endpoint": "crm", "as_of": at, "apply": True, "leads": [
        {"object": "contact", "id": "555", "owner": "404", "modified_at": at},
    ]}  # fmt: skip
    client = crm.workspace.client
    answer = await client.post("/reconcile", json=listed, headers={"Idempotency-Key": "night"})
    assert answer.json()["items"][0]["lead_id"] == lead
    held = (await crm.workspace.get(f"/leads/{lead}/export"))["held"]["idempotency_keys"]
    assert {each["key"]: [item["id"] for item in each["response"]["items"]] for each in held} == {
        "read": ["555"], "night": ["555"],
    }  # fmt: skip
    assert (await client.delete(f"/leads/{lead}")).status_code == 200
    (first, second), repeated = (
        (await deliver(crm, *records, key="read")).json()["items"],
        await client.post("/reconcile", json=listed, headers={"Idempotency-Key": "night"}),
    )
    assert first == told["items"][0] | {"id": "erased", "lead_id": None}
    assert second == told["items"][1]
    assert second["lead_id"] == other
    assert repeated.json()["items"][0]["id"] == "erased"
    kept = await crm.workspace.fetch("SELECT response FROM idempotency_keys WHERE workspace_id = $1")
    assert not any(lead.encode() in row["response"] or b'"555"' in row["response"] for row in kept)


async def test_lead_of_a_form_learns_the_id_of_the_record_that_joins_it(crm: Crm) -> None:
    """An executor writes the owner and the tasks to the record that the lead names."""
    at = await now_of(crm)
    await crm.tell(crm.event("555", kind="created", at=at, must_read=True))
    lead_id = (await crm.workspace.assign(email="new@kunde.example"))["lead_id"]
    await delivered(crm, contact("555", email="new@kunde.example", firstname="New"))
    fields = (await crm.workspace.get(f"/leads/{lead_id}"))["fields"]
    assert (fields["crm"], fields["first_name"]) == ({"lead_id": "555"}, "New")

    # A further record of the lead does not take its place.
    await delivered(crm, contact("556", email="new@kunde.example", lastname="Lead"))
    assert (await crm.workspace.get(f"/leads/{lead_id}"))["fields"]["crm"] == {"lead_id": "555"}


async def test_routed_record_leaves_its_actions_in_the_outbox(crm: Crm) -> None:
    """Nobody is on the line. The owner in the CRM, who made the record, is the one that is replaced."""
    read = contact("555", email="new@kunde.example", firstname="New", hubspot_owner_id="4")
    await crm.tell(crm.event("555", kind="created", at=await now_of(crm), must_read=True))
    assert await delivered(crm, read) == [("done", "routed")]
    items = (await crm.workspace.get("/actions?after=0"))["items"]
    assert [each["type"] for each in items] == ["read_record", "set_owner", "task"]
    assert {each["state"] for each in items} == {"available"}
    params = items[1]["params"]
    assert (params["crm"], params["expected_owner"]) == ({"hubspot": "1"}, {"hubspot": "4"})


async def test_events_of_the_crm_leave_their_actions_in_the_outbox(crm: Crm) -> None:
    follows = """
on_event: {qualified: [{do: [{type: cancel_task}]}]}
handoffs: [{name: close, when_event: qualified, to: {owner: dia}}]
"""
    await crm.workspace.publish(PLAN + follows)
    lead_id = (await crm.workspace.assign(crm={"lead_id": "101"}, email="p@kunde.example"))["lead_id"]
    assert await actions(crm.workspace, lead_id) == []

    told = crm.event("101", {"lifecyclestage": "salesqualifiedlead"}, at=await now_of(crm), origin="person")
    await crm.tell(told)
    assert {type_ for type_, _ in await actions(crm.workspace, lead_id)} >= {
        "cancel_task",
        "set_owner",
        "task",
    }
