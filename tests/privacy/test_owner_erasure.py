"""Erasing an owner leaves their id and nothing else of them, and everything else as it was."""

import re
from collections.abc import AsyncIterator
from typing import Any

import orjson
import pytest_asyncio

from app.audit.verify import verify
from app.privacy.owner_erasure import OwnerHistory
from app.store.stored_bytes import pack, unpack
from tests.privacy.test_erasure import posted
from tests.support.dump import dump
from tests.support.workspace import Filled, Workspace, open_filled

CANARY = re.compile(r"zq[a-z0-9]*canary")
OWNER: dict[str, Any] = {
    "name": "Zqfirstcanary",
    "email": "zqmailcanary@house.example",
    "crm": {"salesforce": "005zqcanary", "hubspot": "77001"},
}
LATER = {**OWNER, "name": "Zqnextcanary Zqlastcanary"}
PLAN: dict[str, Any] = {
    "queues": {"unrouted": {"claimable_by": "inbound"}},
    "returning_leads": {"window": "90d", "duplicate_window": "10m"},
    "slas": {"day": {"touch": "1d"}},
    "reject_reasons": {"nuisance": {}},
    "pipeline": [
        {"rule": {"name": "kept", "when": {"exists": "crm.owner_id"}, "then": {"current_owner": True}}},
        {"round_robin": {"team": "inbound"}},
        {"queue": {"name": "unrouted"}},
    ],
    "follow_up": [
        {
            "do": [
                {"type": "set_owner"},
                {"type": "notify", "via": "email", "to": "{owner.email}", "text": "{owner.name}, call"},
                {"type": "task", "title": "Call {lead.first_name} for {owner.name}", "due": "15m"},
            ]
        }
    ],
}
STORED = "SELECT response, inputs FROM assignments WHERE workspace_id = $1 AND id = $2"
REPLACE = "UPDATE assignments SET response = $3, inputs = $4 WHERE workspace_id = $1 AND id = $2"
BOOKS = """
SELECT decision_number, outcome, code, owner_id, team_id, decided_at, counts_toward_load, refunded, open
  FROM assignments WHERE workspace_id = $1 ORDER BY 1
"""
LEDGER = "SELECT * FROM ledger_entries WHERE workspace_id = $1 ORDER BY team_id, number"
STATE = "SELECT * FROM journal WHERE workspace_id = $1 ORDER BY number DESC LIMIT 1"
DELIVERED = """
WITH delivery AS (
  INSERT INTO crm_deliveries (workspace_id, id, endpoint_id, received_at, headers, body)
  VALUES ($1, gen_random_uuid(), 'crm', now(), '{}', $2) RETURNING id)
INSERT INTO crm_inbox (workspace_id, endpoint_id, dedupe_key, id, delivery_id, system, object, record_id,
  kind, event_at, event_order, position, event, received_at, state, next_at, ended_at)
SELECT $1, 'crm', sha256($2), gen_random_uuid(), id, 'salesforce', 'User', '005zqcanary', 'updated', now(),
       1, 1, $2, now(), 'failed', now(), now() FROM delivery
"""
VERSION = """
INSERT INTO crm_field_versions (workspace_id, system, object, id, field, "order", value, by_person)
VALUES ($1, 'salesforce', 'Lead', '1', 'OwnerId', 1, '005zqcanary', true)
"""
USER = """
INSERT INTO crm_users (workspace_id, system, id, owner_id, state)
VALUES ($1, 'salesforce', '005zqcanary', 'ben', 'active')
"""
FINDING = """
INSERT INTO crm_findings (workspace_id, code, endpoint_id, object, record_id, since, last_at)
VALUES ($1, 'unknown_user', 'crm', 'User', '005zqcanary', now(), now())
"""
JOB = """
INSERT INTO bulk_jobs (workspace_id, id, kind, state, params, total, actor, created_at, ended_at)
VALUES ($1, gen_random_uuid(), 'reassign', 'finished', '{"reason": "from Zqnextcanary Zqlastcanary"}', 0,
  'test', now(), now())
"""


@pytest_asyncio.fixture
async def team(filled: Filled) -> AsyncIterator[Workspace]:
    """A workspace without a worker, with a reader of actions, and an owner who is full of canaries."""
    async with open_filled(filled, no_worker=True) as workspace:
        await workspace.put("settings", "actions", {"reader": True, "max_deliveries": 10})
        await workspace.put("owners", "ben", OWNER)
        await workspace.put("owners", "eve", {"name": "Eve", "crm": {"salesforce": "005E"}})
        await workspace.publish(PLAN)
        yield workspace


async def live(workspace: Workspace) -> list[dict[str, Any]]:
    """The owner meets every path that stores something about them. Returns all first decisions."""
    told = [await workspace.assign(external_id=f"a{number}", first_name="Tom") for number in range(6)]
    sent = {"owner_id": "005zqcanary", "lead_id": "00Q1"}
    told.append(await workspace.assign(external_id="kept", crm=sent))
    assert told[-1]["owner"]["id"] == "ben"
    await workspace.put("owners", "ben", LATER)
    told += [await workspace.assign(external_id=f"b{number}", first_name="Ann") for number in range(6)]
    await posted(
        workspace, "/assign", 201, "k-1", lead={"external_id": "keyed", "crm": {"owner_id": "77001"}}
    )
    mine = [each for each in told if each["owner"] and each["owner"]["id"] == "ben"]
    reason = "Zqnextcanary Zqlastcanary is full"
    await posted(workspace, "/reassign", 201, lead_id=mine[0]["lead_id"], reason=reason)
    await posted(workspace, "/reassign", 201, lead_id=mine[1]["lead_id"], to={"owner": "eve"})
    events = f"/assignments/{mine[2]['assignment_id']}/events"
    await posted(workspace, events, 200, "k-2", type="note", note="Ask zqmailcanary@house.example")
    await posted(workspace, events, 200, "k-3", type="rejected", reason="nuisance", by="005zqcanary")
    for statement in (VERSION, USER, FINDING, JOB):
        await workspace.pool.execute(statement, workspace.workspace_id)
    body = b'{"Id": "005zqcanary", "Email": "zqmailcanary@house.example"}'
    await workspace.pool.execute(DELIVERED, workspace.workspace_id, body)
    return told


async def erased(workspace: Workspace, query: str = "?erase=true&open_leads=keep", status: int = 204) -> Any:
    answer = await workspace.client.delete(f"/owners/ben{query}")
    assert answer.status_code == status, answer.text
    return answer


async def worked(workspace: Workspace, slices: int = 1000) -> bool:
    """Do slices, each like a worker that has just started. Returns whether all is done."""
    plans = workspace.app.state.dispatch.plans
    for _ in range(slices):
        history = OwnerHistory(workspace.pool, workspace.workspace_id, plans.fetch, slice_size=3)
        if not await history.run_slice():
            return True
    return False


async def canaries(workspace: Workspace) -> dict[str, set[str]]:
    found = {table: set(CANARY.findall(text)) for table, text in (await dump(workspace.pool)).items()}
    return {table: each for table, each in found.items() if each}


async def test_no_canary_of_an_owner_is_left_in_any_table(team: Workspace) -> None:
    await live(team)
    before = await canaries(team)
    assert {
        "assignments", "actions", "changes", "directory", "events", "idempotency_keys", "bulk_jobs",
        "crm_inbox", "crm_deliveries", "crm_users", "crm_field_versions", "crm_findings",
    } <= before.keys()  # fmt: skip
    await erased(team)
    (entry,) = (await team.get("/erasures/owners"))["items"]
    assert (entry["owner_id"], entry["state"], entry["done_at"]) == ("ben", "running", None)
    assert await worked(team)
    assert await canaries(team) == {}
    (entry,) = (await team.get("/erasures/owners"))["items"]
    assert entry["state"] == "done"
    assert team.key.split("_")[2] == entry["actor"]
    # What nobody can replace is named: a plan that was published with a name and a comment still has them.
    assert [each["what"] for each in entry["not_changed"]] == [
        "plans", "comments", "endpoint_users", "key_labels",
    ]  # fmt: skip


async def test_books_are_as_before_and_verify_is_clean_at_every_moment(team: Workspace) -> None:
    await live(team)
    await erased(team)
    books, ledger, state = [await team.fetch(each) for each in (BOOKS, LEDGER, STATE)]
    done = False
    while not done:
        report = await verify(team.pool, team.workspace_id)
        assert report.differences == []
        assert report.decisions == report.same_engine == len(books)
        done = await worked(team, 1) or await worked(team, 4)
    assert [await team.fetch(each) for each in (BOOKS, LEDGER, STATE)] == [books, ledger, state]
    assert (await verify(team.pool, team.workspace_id)).differences == []


async def test_answers_and_explanations_have_the_id(team: Workspace) -> None:
    told = await live(team)
    mine = [each for each in told if each["owner"] and each["owner"]["id"] == "ben"]
    await erased(team)
    await worked(team)
    for before in mine:
        url = f"/assignments/{before['assignment_id']}"
        stored = await team.fetch("SELECT response FROM assignments WHERE workspace_id = $1 AND id = $2",
                                  before["assignment_id"])  # fmt: skip
        after = orjson.loads(unpack(stored[0]["response"]))
        crm = {"salesforce": "ben", "hubspot": "ben"}
        assert after["owner"] == {"id": "ben", "name": "ben", "email": "ben", "crm": crm}
        name = before["owner"]["name"]
        assert name in before["reason"]["text"]
        assert after["reason"]["text"] == before["reason"]["text"].replace(name, "ben")
        assert [each["id"] for each in after["actions"]] == [each["id"] for each in before["actions"]]
        explained = await team.client.get(f"{url}/explain")
        assert explained.json()["reproduced"] is True
        assert not CANARY.search(explained.text.lower())
    task = next(each for each in after["actions"] if each["type"] == "task")
    assert task["params"]["title"] == "Call Ann for ben"


async def test_unsent_actions_with_an_address_are_withdrawn_and_others_stay(team: Workspace) -> None:
    told = await live(team)
    by_owner = {each["lead_id"]: each["owner"]["id"] for each in told if each["owner"]}
    await erased(team)
    await worked(team)
    rows = await team.fetch("SELECT lead_id::text, assignment_id::text, type, state, body FROM actions"
                            " WHERE workspace_id = $1")  # fmt: skip
    first = {each["assignment_id"] for each in told}
    states = {
        (by_owner[row["lead_id"]] == "ben", row["type"], row["state"])
        for row in rows
        if row["assignment_id"] in first and by_owner.get(row["lead_id"]) in ("ben", "eve")
    }
    assert (True, "set_owner", "withdrawn") in states
    assert (True, "notify", "withdrawn") in states
    assert not {each for each in states if each[0] and each[1] == "set_owner" and each[2] != "withdrawn"}
    assert not {each for each in states if not each[0] and each[2] == "withdrawn"}
    assert not any("expected_owner" in orjson.loads(row["body"])["params"] for row in rows)


async def test_owner_who_comes_back_is_another_one(team: Workspace) -> None:
    await live(team)
    await erased(team)
    await team.put("owners", "ben", {"name": "Ben New", "crm": {"salesforce": "005N"}})
    told = await team.assign(external_id="new", crm={"owner_id": "005N"})
    assert told["owner"]["name"] == "Ben New"
    await worked(team)
    answer = await team.get(f"/assignments/{told['assignment_id']}")
    assert answer["reason"]["text"] == told["reason"]["text"]
    assert (await team.get("/owners/ben"))["name"] == "Ben New"
    assert (await verify(team.pool, team.workspace_id)).differences == []


async def test_owner_who_was_deleted_before_can_be_erased(team: Workspace) -> None:
    await live(team)
    await erased(team, "?open_leads=keep")
    await erased(team)
    await worked(team)
    assert await canaries(team) == {}
    assert (await team.client.delete("/owners/nobody?erase=true")).status_code == 404


async def test_open_leads_are_moved_and_the_job_is_erased_too(team: Workspace) -> None:
    await live(team)
    answer = await erased(team, "?erase=true&open_leads=move", 200)
    assert answer.json()["job_id"] is not None
    assert await worked(team)
    assert await canaries(team) == {}


async def test_erasing_an_owner_needs_both_scopes(team: Workspace) -> None:
    for scopes in (("directory:write",), ("privacy",)):
        async with team.caller(await team.issue_key(*scopes)) as caller:
            assert (await caller.delete("/owners/ben?erase=true")).status_code == 403
    async with team.caller(await team.issue_key("directory:write", "privacy")) as caller:
        assert (await caller.delete("/owners/ben?erase=true&open_leads=keep")).status_code == 204


async def test_decision_of_an_engine_that_decided_otherwise_keeps_its_form(team: Workspace) -> None:
    told = next(each for each in await live(team) if each["owner"]["id"] == "ben")
    (row,) = await team.fetch(STORED, told["assignment_id"])
    answer, inputs = orjson.loads(unpack(row["response"])), orjson.loads(unpack(row["inputs"]))
    answer["reason"]["text"] = "Zqfirstcanary had the turn."
    answer["trace"]["steps"].append({"step": "gone"})
    answer["actions"] = answer["actions"][1:]
    packed = [pack(orjson.dumps(each)) for each in (answer, {**inputs, "engine": "5"})]
    await team.fetch(REPLACE, told["assignment_id"], *packed)
    await erased(team)
    await worked(team)
    (row,) = await team.fetch(STORED, told["assignment_id"])
    after = orjson.loads(unpack(row["response"]))
    assert after["reason"]["text"] == "ben had the turn."
    assert after["trace"] == answer["trace"]
    assert [each["id"] for each in after["actions"]] == [each["id"] for each in answer["actions"]]
    assert await canaries(team) == {}
    assert (await verify(team.pool, team.workspace_id)).differences == []


async def test_person_with_the_name_of_the_owner_keeps_theirs(team: Workspace) -> None:
    await team.put("owners", "ben", {**OWNER, "name": "Benjamin"})
    leads = [await team.assign(external_id=f"a{number}", first_name="Benjamin") for number in range(4)]
    told = next(each for each in leads if each["owner"]["id"] == "ben")
    events = f"/assignments/{told['assignment_id']}/events"
    await posted(team, events, type="note", note="Benjamin asks for Benjamin")
    await erased(team)
    await worked(team)
    lead = await team.get(f"/leads/{told['lead_id']}")
    assert lead["fields"]["first_name"] == "Benjamin"
    answer = await team.get(f"/assignments/{told['assignment_id']}")
    titles = [each["params"]["title"] for each in answer["actions"] if each["type"] == "task"]
    assert titles == ["Call Benjamin for ben"]
    assert "Benjamin" not in answer["reason"]["text"]
    (note,) = await team.fetch("SELECT note FROM events WHERE workspace_id = $1 AND type = 'note'")
    assert note["note"] == "Benjamin asks for Benjamin"


async def test_lead_that_is_erased_meanwhile_stays_erased(team: Workspace) -> None:
    told = await live(team)
    await erased(team)
    await worked(team, 1)
    assert (await team.client.delete(f"/leads/{told[-1]['lead_id']}")).status_code == 200
    await worked(team)
    assert (await team.client.get(f"/assignments/{told[-1]['assignment_id']}")).status_code == 410
    assert (await verify(team.pool, team.workspace_id)).differences == []


async def test_worker_of_the_service_erases(filled: Filled) -> None:
    async with open_filled(filled, worker_interval_seconds=0.05) as workspace:
        await workspace.put("owners", "ben", OWNER)
        await workspace.assign(external_id="a")
        await erased(workspace)
        while (await workspace.get("/erasures/owners"))["items"][0]["state"] != "done":
            pass
        assert await canaries(workspace) == {}
