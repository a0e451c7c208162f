"""Erasing a person leaves nothing of them, and everything else as it was (S-47, S-49)."""

import re
from itertools import pairwise
from typing import Any

import orjson
import pytest
import pytest_asyncio

from app.audit.verify import verify
from app.dispatch.jobs.erase_leads import MERGED_MEANWHILE, EraseLeads
from app.engine.life.crm import RecordKey
from app.privacy.erasure import leads_to_erase
from app.store.connection.pool import Connection, transaction
from app.store.privacy.kept_hashes import find_barred
from tests.promises.test_canaries import FIELDS
from tests.support.dump import dump
from tests.support.jobs import finished
from tests.support.workspace import Workspace

CANARY = re.compile(r"zq[a-z0-9]*canary")
PLAN: dict[str, Any] = {
    "queues": {"unrouted": {"claimable_by": "inbound"}},
    "returning_leads": {"window": "90d", "duplicate_window": "10m"},
    "slas": {"day": {"touch": "1d"}},
    "reject_reasons": {
        "rival": {"refund": True, "suppress": "domain"},
        "nuisance": {"suppress": "email"},
    },
    "pipeline": [{"round_robin": {"team": "inbound"}}, {"queue": {"name": "unrouted"}}],
    "follow_up": [
        {"do": [{"type": "set_owner"}, {"type": "task", "title": "Call {lead.first_name}", "due": "15m"}]}
    ],
    "tests": [
        {
            "name": "ours",
            "lead": {"email": "zqemailcanary@zqhostcanary.example"},
            "expect": {"team": "inbound"},
        },
        {"name": "others", "lead": {"email": "other@people.example"}, "expect": {"team": "inbound"}},
    ],
}
KEY = {"Idempotency-Key": "k-1"}
FAILED = """
INSERT INTO failed_leads (workspace_id, id, at, code, request)
VALUES ($1, gen_random_uuid(), now(), 'decision', $2)
"""
DELIVERED = """
WITH delivery AS (
  INSERT INTO crm_deliveries (workspace_id, id, endpoint_id, received_at, headers, body)
  VALUES ($1, gen_random_uuid(), 'crm', now(), '{}', $2) RETURNING id)
INSERT INTO crm_inbox (workspace_id, endpoint_id, dedupe_key, id, delivery_id, system, object, record_id,
  kind, event_at, event_order, position, event, received_at, state, next_at, ended_at)
SELECT $1, 'crm', sha256($2), gen_random_uuid(), id, 'hubspot', 'contact', 'zqcrmcanary', 'updated', now(),
       1, 1, $2, now(), 'failed', now(), now() FROM delivery
"""
RECORD = """
INSERT INTO crm_records (workspace_id, system, object, id, lead_id, state, seen_at, endpoint_id)
VALUES ($1, 'hubspot', 'contact', 'zqrecordcanary', $2, 'live', now(), 'crm')
"""
VERSION = """
INSERT INTO crm_field_versions (workspace_id, system, object, id, field, "order", value, by_person)
VALUES ($1, 'hubspot', 'contact', 'zqrecordcanary', 'firstname', 1, 'zqversioncanary', true)
"""
FINDING = """
INSERT INTO crm_findings (workspace_id, code, endpoint_id, object, record_id, since, last_at, lead_id)
VALUES ($1, 'loop', 'crm', 'contact', 'zqrecordcanary', now(), now(), $2)
"""
BOOKS = """
SELECT decision_number, outcome, code, owner_id, team_id, decided_at, counts_toward_load, refunded, end_cause
  FROM assignments WHERE workspace_id = $1 ORDER BY 1
"""
LEDGER = "SELECT * FROM ledger_entries WHERE workspace_id = $1 ORDER BY team_id, number"
COUNTS = "SELECT received, matched FROM journal WHERE workspace_id = $1 ORDER BY number DESC LIMIT 1"


@pytest_asyncio.fixture
async def busy(busy: Workspace) -> Workspace:
    """A workspace with a reader of actions."""
    await busy.put("settings", "actions", {"reader": True, "max_deliveries": 10})
    async with busy.edit() as edit:
        record = await edit.find("owners", "eve")
        await edit.put("owners", "eve", {"name": "Eve", "crm": {"salesforce": "005E"}}, record)
        record = await edit.find("owners", "ben")
        await edit.put("owners", "ben", {"name": "Ben", "crm": {"salesforce": "005B"}}, record)
    await busy.publish(PLAN)
    return busy


def person(name: str = "canary") -> dict[str, Any]:
    """A lead with a canary of its own in every place that takes text."""
    said: dict[str, Any] = {field: f"zq{field.replace('_', '')}{name}" for field in FIELDS}
    return {
        **said,
        "email": f"zqemail{name}@zqhost{name}.example",
        "website": f"https://zqweb{name}.example",
        "phone": "+1 202 555 0143",
        "country": "US",
        "product_interest": [f"zqproduct{name}"],
        "pages": [f"/zqpage{name}"],
        "engagement": [{"type": f"zqtype{name}", "name": f"zqname{name}"}],
        "crm": {"lead_id": f"zqcrm{name}"},
        "utm": {f"zqutm{name}": f"zqvalue{name}"},
        "attributes": {f"zqattribute{name}": {f"zqinner{name}": [f"zqlist{name}"]}},
    }


async def posted(workspace: Workspace, url: str, status: int = 200, key: str = "", /, **body: Any) -> Any:
    headers = {"Idempotency-Key": key} if key else {}
    answer = await workspace.client.post(url, json=body, headers=headers)
    assert answer.status_code == status, answer.text
    return answer.json()


async def live(workspace: Workspace) -> dict[str, Any]:
    """A person meets every path that stores something. Returns the first decision."""
    told = await posted(workspace, "/assign", 201, "k-1", lead=person())
    await posted(workspace, "/assign", 201, "k-2", lead=person())
    await posted(workspace, "/assign", lead=person("drycanary"), dry_run=True)
    events = f"/assignments/{told['assignment_id']}/events"
    note = {"type": "note", "note": "zqnotecanary", "ref": "zqrefcanary"}
    await posted(workspace, events, 200, "k-3", **note)
    deal = {"type": "opportunity", "ref": "zqdealcanary", "amount": 100, "currency": "EUR"}
    await posted(workspace, "/events", items=[{**deal, "id": "zqideventcanary", "lead_id": told["lead_id"]}])
    signal = {"type": "visit", "name": "zqsignalcanary"}
    await posted(workspace, "/signals", id="zqsignalidcanary", lead_id=told["lead_id"], engagement=[signal])
    await posted(workspace, "/reassign", 202, filter={"owner": told["owner"]["id"]}, reason="more leads")
    (job,) = await workspace.fetch("SELECT id FROM bulk_jobs WHERE workspace_id = $1")
    await finished(workspace.client, str(job["id"]))
    await posted(workspace, "/reassign", 201, lead_id=told["lead_id"], reason="zqreasoncanary")
    last = (await workspace.get(f"/leads/{told['lead_id']}"))["assignments"][-1]
    reject = {"type": "rejected", "reason": "rival", "note": "zqrejectcanary", "by": last["owner"]["id"]}
    await posted(workspace, f"/assignments/{last['assignment_id']}/events", 200, "k-4", **reject)
    await workspace.app.state.dispatch.attribute_names.write()
    return dict(told)


async def erased(workspace: Workspace, lead_id: str) -> dict[str, Any]:
    answer = await workspace.client.delete(f"/leads/{lead_id}")
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


async def test_no_canary_is_left_in_any_table(busy: Workspace) -> None:
    told = await live(busy)
    failed = orjson.dumps({"lead": person(), "trigger": "form"})
    await busy.pool.execute(FAILED, busy.workspace_id, failed)
    await busy.pool.execute(DELIVERED, busy.workspace_id, b'{"firstname": "zqdeliveredcanary"}')
    await busy.pool.execute(RECORD, busy.workspace_id, told["lead_id"])
    await busy.pool.execute(VERSION, busy.workspace_id)
    await busy.pool.execute(FINDING, busy.workspace_id, told["lead_id"])
    held = (await busy.get(f"/leads/{told['lead_id']}/export"))["held"]
    exported = orjson.dumps(held).decode()
    assert [each["test"]["name"] for each in held["plan_tests"]] == ["ours"]
    before = await dump(busy.pool)
    found = {canary for text in before.values() for canary in CANARY.findall(text)}
    assert len(found) >= 20
    assert {"leads", "events", "identities", "assignments", "actions", "idempotency_keys", "plans",
            "failed_leads", "attribute_names", "crm_inbox", "crm_deliveries"} <= {
        table for table, text in before.items() if CANARY.search(text)
    }  # fmt: skip
    assert found - set(CANARY.findall(exported.lower())) == set()
    await erased(busy, told["lead_id"])
    left = {table: CANARY.findall(text) for table, text in (await dump(busy.pool)).items()}
    assert {table: canaries for table, canaries in left.items() if canaries} == {}


async def test_failed_webhook_with_the_address_is_exported_and_erased(busy: Workspace) -> None:
    told = await busy.assign(**person())
    unlinked = DELIVERED.replace("zqcrmcanary", "9001")
    sent = [
        b'{"email": "ZQemailcanary@zqhostcanary.example"}',
        b'{"email": "other.zqemailcanary@zqhostcanary.example"}',
    ]
    for body in sent:
        await busy.pool.execute(unlinked, busy.workspace_id, body)
    held = (await busy.get(f"/leads/{told['lead_id']}/export"))["held"]
    assert [each["event"] for each in held["crm_events"]] == [orjson.loads(sent[0])]
    await erased(busy, told["lead_id"])
    rows = await busy.fetch("SELECT body FROM crm_deliveries WHERE workspace_id = $1 AND body IS NOT NULL")
    assert [row["body"] for row in rows] == [sent[1]]
    rows = await busy.fetch(
        "SELECT record_id, event FROM crm_inbox WHERE workspace_id = $1 AND state = 'failed'"
    )
    assert [tuple(row) for row in rows] == [("9001", sent[1])]


async def test_books_numbers_and_verify_stay_as_they_were(busy: Workspace) -> None:
    other = await busy.assign(external_id="other", email="other@people.example")
    told = await live(busy)
    ledger, counts = await busy.fetch(LEDGER), await busy.fetch(COUNTS)
    books = [dict(row) for row in await busy.fetch(BOOKS)]
    await erased(busy, told["lead_id"])
    assert (await busy.fetch(LEDGER), await busy.fetch(COUNTS)) == (ledger, counts)
    after = [dict(row) for row in await busy.fetch(BOOKS)]
    assert [{**row, "end_cause": None} for row in after] == [{**row, "end_cause": None} for row in books]
    report = await verify(busy.pool, busy.workspace_id)
    assert report.differences == []
    assert report.erased == len(books) - 1
    assert report.decisions == 1
    assert (await busy.get(f"/leads/{other['lead_id']}"))["state"] == "assigned"


async def test_decision_that_was_emptied_without_an_erasure_is_damage(busy: Workspace) -> None:
    told = await busy.assign(external_id="a")
    await busy.pool.execute("UPDATE assignments SET response = '', inputs = ''")
    report = await verify(busy.pool, busy.workspace_id)
    assert [told["assignment_id"] in sentence for sentence in report.differences] == [True]


async def test_repeated_key_and_everything_that_shows_a_decision_say_erased(busy: Workspace) -> None:
    told = await live(busy)
    await erased(busy, told["lead_id"])
    url = f"/assignments/{told['assignment_id']}"
    answers = [
        await busy.client.post("/assign", json={"lead": person()}, headers=KEY),
        await busy.client.post(
            f"{url}/events",
            json={"type": "note", "note": "zqnotecanary", "ref": "zqrefcanary"},
            headers={"Idempotency-Key": "k-3"},
        ),
        await busy.client.get(url),
        await busy.client.get(f"{url}/explain"),
        await busy.client.get(f"/leads/{told['lead_id']}"),
        await busy.client.get(f"/leads/{told['lead_id']}/export"),
    ]
    assert [(answer.status_code, answer.json()["code"]) for answer in answers] == [(410, "erased")] * 6


async def test_open_place_and_clocks_end_once_and_the_owner_gets_the_next_lead(busy: Workspace) -> None:
    told = await busy.assign(**person())
    first = await erased(busy, told["lead_id"])
    again = await erased(busy, told["lead_id"])
    assert first == again
    clocks = await busy.fetch("SELECT state FROM sla_clocks WHERE workspace_id = $1")
    assert {row["state"] for row in clocks} <= {"withdrawn"}
    (ended,) = await busy.fetch("SELECT open, end_cause FROM assignments WHERE workspace_id = $1")
    assert tuple(ended) == (False, "erased")
    assert (await verify(busy.pool, busy.workspace_id)).differences == []


async def test_person_who_comes_back_is_new(busy: Workspace) -> None:
    told = await busy.assign(**person())
    await erased(busy, told["lead_id"])
    again = await busy.assign(**person())
    assert again["lead_id"] != told["lead_id"]
    assert again["existing_lead"] is None
    assert "possible_duplicate" not in again
    found = await busy.client.post("/leads/lookup", json={"email": person()["email"]})
    assert [lead["id"] for lead in found.json()["items"]] == [again["lead_id"]]


@pytest.mark.parametrize(("reason", "kind"), [("rival", "domain"), ("nuisance", "email")])
async def test_entry_of_a_suppression_list_still_blocks(busy: Workspace, reason: str, kind: str) -> None:
    told = await busy.assign(**person())
    body = {"type": "rejected", "reason": reason, "by": told["owner"]["id"]}
    await posted(busy, f"/assignments/{told['assignment_id']}/events", **body)
    report = await erased(busy, told["lead_id"])
    assert {each["what"]: each["count"] for each in report["kept"]}["suppressions"] == 1
    blocked = await busy.assign(**person())
    assert blocked["outcome"] == "blocked"
    (entry,) = (await busy.get("/suppressions"))["items"]
    assert entry["kind"] == kind
    assert "canary" not in str(entry)
    answer = await busy.client.delete(f"/suppressions/{entry['id']}?reason=customer_now")
    assert answer.status_code == 204
    assert (await busy.assign(**person("newcanary")))["outcome"] == "assigned"


async def test_leased_action_is_acknowledged_and_executors_are_told_once(busy: Workspace) -> None:
    told = await posted(busy, "/assign", 201, lead=person())
    await busy.pool.execute("DELETE FROM actions WHERE type = 'set_owner'")
    await busy.pool.execute("UPDATE actions SET state = 'available', number = 1, available_at = created_at")
    (leased,) = (await posted(busy, "/actions/lease", limit=10, seconds=60))["items"]
    assert "zqfirstnamecanary" in str(leased["params"])
    report = await erased(busy, told["lead_id"])
    assert [recipient["kind"] for recipient in report["recipients"]] == ["executor"]
    answer = await busy.client.post(f"/actions/{leased['id']}/ack", json={"token": leased["token"]})
    assert (answer.status_code, answer.json()["state"]) == (200, "withdrawn")
    items = (await busy.get("/actions"))["items"]
    assert [(item["type"], item["params"]) for item in items if item["state"] == "available"] == [
        ("erase", {})
    ]
    (message,) = (await posted(busy, "/actions/lease", limit=10, seconds=60))["items"]
    assert (message["type"], message["lead_id"], message["params"]) == ("erase", told["lead_id"], {})


async def test_records_of_the_crm_are_barred_for_thirty_days(busy: Workspace) -> None:
    lead = {**person(), "crm": {"lead_id": "0035g00000AbCdEAAV"}}
    told = await busy.assign(**lead)
    await erased(busy, told["lead_id"])
    async with transaction(busy.pool, busy.workspace_id, read_only=True) as connection:
        for id_ in ("0035g00000AbCdEAAV", "0035g00000AbCdE"):
            assert await is_barred(connection, busy.workspace_id, id_)
        assert not await is_barred(connection, busy.workspace_id, "0035g00000AbCde")
    await busy.pool.execute("UPDATE barred_records SET until = now() - interval '1 second'")
    async with transaction(busy.pool, busy.workspace_id, read_only=True) as connection:
        assert not await is_barred(connection, busy.workspace_id, "0035g00000AbCdE")


async def is_barred(connection: Connection, workspace_id: int, id_: str) -> bool:
    record = RecordKey("salesforce", "Lead", id_)
    barred, _ = await find_barred(connection, workspace_id, [record], [record])
    return barred == {record}


async def test_name_of_an_attribute_that_was_seen_just_now_is_not_stored_afterward(busy: Workspace) -> None:
    told = await busy.assign(**person())
    await erased(busy, told["lead_id"])
    await busy.app.state.dispatch.attribute_names.write()
    rows = await busy.fetch("SELECT name FROM attribute_names WHERE workspace_id = $1")
    assert [row["name"] for row in rows if CANARY.search(row["name"])] == []


MERGE = "UPDATE leads SET merged_into = $2, state = 'merged' WHERE workspace_id = $1 AND id = $3"


async def test_merged_leads_of_one_person_are_erased_together(busy: Workspace) -> None:
    one = await busy.assign(**person())
    other = await busy.assign(
        first_name="zqfirstnamecanary", last_name="zqlastnamecanary", email="b@b.example"
    )
    await busy.pool.execute(MERGE, busy.workspace_id, one["lead_id"], other["lead_id"])
    report = await erased(busy, other["lead_id"])
    assert sorted(report["lead_ids"]) == sorted([one["lead_id"], other["lead_id"]])
    assert [await erased(busy, lead["lead_id"]) for lead in (one, other)] == [report] * 2
    left = {table: CANARY.findall(text) for table, text in (await dump(busy.pool)).items()}
    assert {table: canaries for table, canaries in left.items() if canaries} == {}


async def test_lead_merged_of_two_people_is_refused_with_the_ids(busy: Workspace) -> None:
    one = await busy.assign(**person())
    other = await busy.assign(first_name="Tom", last_name="Ford", email="tom@ford.example")
    await busy.pool.execute(MERGE, busy.workspace_id, one["lead_id"], other["lead_id"])
    answer = await busy.client.delete(f"/leads/{one['lead_id']}")
    assert (answer.status_code, answer.json()["code"]) == (409, "merged_of_several_people")
    assert sorted(answer.json()["lead_ids"]) == sorted([one["lead_id"], other["lead_id"]])
    assert (await busy.get(f"/leads/{one['lead_id']}"))["id"] == one["lead_id"]


async def test_erasure_needs_the_scope_privacy(busy: Workspace) -> None:
    told = await busy.assign(**person())
    async with busy.caller(await busy.issue_key("assign", "events", "leads:read", "ops")) as caller:
        assert (await caller.delete(f"/leads/{told['lead_id']}")).status_code == 403
    assert (await busy.client.delete(f"/leads/{told['assignment_id']}")).status_code == 404


async def test_plan_keeps_its_other_tests(busy: Workspace) -> None:
    told = await busy.assign(**person())
    await erased(busy, told["lead_id"])
    (plan,) = await busy.fetch(
        "SELECT document FROM plans WHERE workspace_id = $1 ORDER BY version DESC LIMIT 1"
    )
    assert [test["name"] for test in orjson.loads(plan["document"])["tests"]] == ["others"]


async def test_log_says_who_erased_which_lead(busy: Workspace) -> None:
    told = await busy.assign(**person())
    await erased(busy, told["lead_id"])
    (entry,) = (await busy.get("/erasures"))["items"]
    assert entry["lead_id"] == told["lead_id"]
    assert busy.key.split("_")[2] == entry["actor"]


async def test_every_lead_of_a_chain_of_merges_is_exported_and_erased(busy: Workspace) -> None:
    name = {"first_name": "zqfirstnamecanary", "last_name": "zqlastnamecanary"}
    leads = [(await busy.assign(**name, email=f"zq{each}canary@b.example"))["lead_id"] for each in "abc"]
    for loser, into in pairwise(leads):
        await busy.pool.execute(MERGE, busy.workspace_id, into, loser)
    for each in leads:
        assert sorted((await busy.get(f"/leads/{each}/export"))["lead_ids"]) == sorted(leads)
    assert sorted((await erased(busy, leads[1]))["lead_ids"]) == sorted(leads)
    assert not any("zqfirstnamecanary" in text for text in (await dump(busy.pool)).values())


async def test_lead_that_was_merged_meanwhile_is_found_again_and_erased_with_the_others(
    busy: Workspace,
) -> None:
    name = {"first_name": "zqfirstnamecanary", "last_name": "zqlastnamecanary"}
    one, other = [(await busy.assign(**name, email=f"zq{each}canary@b.example"))["lead_id"] for each in "ab"]
    dispatch = busy.app.state.dispatch
    # What erasing a person does: their leads are found, then a merge comes, then the job gets the lock.
    assert await leads_to_erase(busy.pool, busy.workspace_id, one) == [one]
    await busy.pool.execute(MERGE, busy.workspace_id, one, other)
    reply = await dispatch.ask(busy.workspace_id, EraseLeads(leads=[one], actor="a"))
    assert reply.status == MERGED_MEANWHILE
    assert (await busy.get(f"/leads/{one}"))["state"] == "assigned"
    assert sorted((await erased(busy, one))["lead_ids"]) == sorted([one, other])
    assert not any("zqfirstnamecanary" in text for text in (await dump(busy.pool)).values())
