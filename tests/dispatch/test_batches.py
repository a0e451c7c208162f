"""A batch is decided in its order, and its key stands for the whole body."""

from typing import Any

import httpx2
import pytest

from app.store.workspaces import delete_workspace
from tests.support.factories import keyed, lead
from tests.support.workspace import Workspace

FAULT = """
CREATE FUNCTION fault() RETURNS trigger LANGUAGE plpgsql AS
  $$ BEGIN RAISE EXCEPTION 'not now' USING ERRCODE = 'lock_not_available'; END $$;
CREATE TRIGGER fault BEFORE INSERT ON identities FOR EACH ROW
  WHEN (NEW.value = 'lead-0') EXECUTE FUNCTION fault()
"""
REFUSED = {**lead(0), "lead": {"external_id": ""}}
DRY = {**lead(0), "dry_run": True}


async def post(workspace: Workspace, items: list[dict[str, Any]], key: str = "batch") -> httpx2.Response:
    return await workspace.client.post("/assign/batch", json={"items": items}, headers=keyed(key))


@pytest.mark.parametrize("first", [REFUSED, DRY], ids=["refused", "dry"])
async def test_key_of_a_batch_stands_for_its_body_whatever_became_of_its_first_item(
    workspace: Workspace, first: dict[str, Any]
) -> None:
    items = [first, *map(lead, range(1, 4))]
    made = (await post(workspace, items)).json()["items"]
    other = await post(workspace, [*map(lead, range(10, 15))])
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")
    again = await post(workspace, items)
    assert again.status_code == 200
    repeated = again.json()["items"]
    assert [item["decision"]["assignment_id"] for item in repeated[1:]] == [
        item["decision"]["assignment_id"] for item in made[1:]
    ]
    assert all(item["decision"]["replayed"] for item in repeated[1:])


@pytest.mark.alone
async def test_no_item_overtakes_an_earlier_one_that_could_not_be_decided(workspace: Workspace) -> None:
    items = [lead(number) for number in range(300)]  # more than one commit group takes
    await workspace.pool.execute(FAULT)
    failed = await post(workspace, items)
    assert (failed.status_code, failed.json()["code"]) == (503, "overloaded")
    await workspace.pool.execute("DROP TRIGGER fault ON identities")
    made = (await post(workspace, items)).json()["items"]
    numbers = [int(item["decision"]["decision_number"]) for item in made]
    assert numbers == list(range(1, 301))


async def test_key_of_a_batch_stands_for_no_other_route(workspace: Workspace) -> None:
    await post(workspace, [lead(0)], "first a batch")
    await workspace.client.post("/assign", json=lead(1), headers=keyed("first a lead"))
    single = await workspace.client.post("/assign", json=lead(2), headers=keyed("first a batch"))
    batch = await post(workspace, [lead(3)], "first a lead")
    assert {(answer.status_code, answer.json()["code"]) for answer in (single, batch)} == {
        (422, "idempotency_key_reused")
    }
    (row,) = await workspace.fetch("SELECT count(*) AS n FROM assignments WHERE workspace_id = $1")
    assert row["n"] == 2


async def test_batch_to_a_workspace_that_was_deleted_has_one_problem(workspace: Workspace) -> None:
    assert (await post(workspace, [lead(0)])).status_code == 200
    async with workspace.pool.acquire() as connection:
        await delete_workspace(connection, workspace.workspace_id)
    answer = await post(workspace, [REFUSED, lead(1)], "later")
    assert (answer.status_code, answer.json()["code"]) == (401, "workspace_deleted")


@pytest.mark.parametrize("nothing", [REFUSED, DRY], ids=["refused", "dry"])
async def test_key_of_a_batch_stands_for_its_body_also_when_nothing_in_it_is_decided(
    workspace: Workspace, nothing: dict[str, Any]
) -> None:
    assert (await post(workspace, [nothing])).status_code == 200
    other = await post(workspace, [lead(1)])
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")
    assert (await post(workspace, [lead(2)], "second")).status_code == 200
    other = await post(workspace, [nothing], "second")
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")
    assert (await post(workspace, [nothing])).status_code == 200


async def report(workspace: Workspace, items: list[dict[str, Any]], key: str = "batch") -> httpx2.Response:
    return await workspace.client.post("/events", json={"items": items}, headers=keyed(key))


async def test_key_of_a_batch_of_events_stands_for_its_body(workspace: Workspace) -> None:
    lead_id = (await workspace.assign(external_id="a"))["lead_id"]
    note, wrong = {"lead_id": lead_id, "type": "note", "note": "met"}, {"lead_id": lead_id, "type": "unheard"}
    for key, items in (("valid", [note]), ("refused", [wrong])):
        first = await report(workspace, items, key)
        other = await report(workspace, [{**note, "note": "another"}], key)
        assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")
        assert (await report(workspace, [wrong, wrong], key)).status_code == 422
        again = await report(workspace, items, key)
        assert (again.status_code, again.text.replace('"replayed":true', '"replayed":false')) == (
            200,
            first.text,
        )
    (row,) = await workspace.fetch("SELECT count(*) AS n FROM events WHERE workspace_id = $1")
    assert row["n"] == 1


async def test_events_to_a_workspace_that_was_deleted_have_one_problem(workspace: Workspace) -> None:
    lead_id = (await workspace.assign(external_id="a"))["lead_id"]
    async with workspace.pool.acquire() as connection:
        await delete_workspace(connection, workspace.workspace_id)
    answer = await report(workspace, [{"lead_id": lead_id, "type": "note", "note": "met"}] * 2)
    assert (answer.status_code, answer.json()["code"]) == (401, "workspace_deleted")


@pytest.mark.alone
async def test_no_event_overtakes_an_earlier_one_that_could_not_be_taken(workspace: Workspace) -> None:
    leads = [(await workspace.assign(external_id=name))["lead_id"] for name in ("a", "b")]
    items = [
        {"lead_id": leads[number % 2], "type": "note", "note": str(number)}
        for number in range(300)  # more than one commit group takes
    ]
    await workspace.pool.execute(
        FAULT.replace("identities", "events").replace("NEW.value = 'lead-0'", "NEW.note = '0'")
    )
    failed = await report(workspace, items)
    assert (failed.status_code, failed.json()["code"]) == (503, "overloaded")
    await workspace.pool.execute("DROP TRIGGER fault ON events")
    assert (await report(workspace, items)).status_code == 200
    notes = [
        row["note"]
        for row in await workspace.fetch("SELECT note FROM events WHERE workspace_id = $1 ORDER BY sequence")
    ]
    assert notes == [str(number) for number in range(300)]
