"""Leads that look like junk are flagged, blocked or looked at, and a person can unblock them."""

import asyncio
import re
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from tests.support.workspace import Filled, Workspace, open_filled

PLAN = """
junk: {block_at: 60, review_at: 40, queue: to_check}
queues: {to_check: {}}
pipeline:
  - round_robin: {team: inbound}
follow_up:
  - do: [{type: sequence, name: hello}]
"""
BOT = {
    "first_name": "asdf",
    "last_name": "asdf",
    "email": "bot@trashmail.com",
    "honeypot": "https://x.example",
}


@pytest_asyncio.fixture
async def office(workspace: Workspace) -> AsyncIterator[Workspace]:
    await workspace.publish(PLAN)
    yield workspace


async def turns(office: Workspace) -> int:
    return len(await office.fetch("SELECT cause FROM ledger_entries WHERE workspace_id = $1"))


async def test_a_bot_is_blocked_and_stored_and_nobody_is_told(office: Workspace) -> None:
    answer = await office.assign(**BOT)
    assert (answer["outcome"], answer["owner"], answer["actions"]) == ("blocked", None, [])
    assert answer["junk"] == {
        "score": 100,
        "parts": {"honeypot": 40, "disposable_email": 30, "gibberish_name": 30},
        "verdict": "blocked",
    }
    assert (await office.get(f"/leads/{answer['lead_id']}"))["junk"] == answer["junk"]
    assert answer["reason"]["code"] == "junk"
    assert await turns(office) == 0
    (listed,) = (await office.get("/assignments?outcome=blocked"))["items"]
    assert (listed["lead_id"], listed["reason"], listed["block"]) == (answer["lead_id"], "junk", "junk")
    explained = await office.get(f"/assignments/{answer['assignment_id']}/explain")
    assert (explained["reproduced"], explained["junk"]) == (True, answer["junk"])


async def test_nothing_is_blocked_unless_the_plan_says_so(workspace: Workspace) -> None:
    await workspace.publish("pipeline:\n  - round_robin: {team: inbound}\n")
    answer = await workspace.assign(**BOT)
    assert (answer["outcome"], answer["junk"]["score"]) == ("assigned", 100)


async def test_a_filled_trap_alone_waits_for_review_and_takes_no_turn(office: Workspace) -> None:
    answer = await office.assign(email="ida@firma.example", honeypot="Firma")
    assert (answer["outcome"], answer["queue"], answer["reason"]["code"]) == (
        "queued",
        "to_check",
        "junk_review",
    )
    assert answer["junk"]["verdict"] == "review"
    assert await turns(office) == 0


@pytest.mark.parametrize("name", ["qwertz", "test", "https://x.example"])
async def test_a_name_alone_never_blocks(workspace: Workspace, name: str) -> None:
    await workspace.publish("junk: {block_at: 20}\npipeline:\n  - round_robin: {team: inbound}\n")
    answer = await workspace.assign(email="ida@firma.example", first_name=name)
    assert (answer["outcome"], answer["junk"]["parts"]) == ("assigned", {"gibberish_name": 30})


async def test_points_and_conditions_are_those_of_the_plan(workspace: Workspace) -> None:
    await workspace.publish(
        "junk: {points: {honeypot: 7, disposable_email: 0}}\nqueues: {odd: {}}\npipeline:\n"
        "  - rule:\n      when: {junk_score: {gte: 7}, junk_parts: {contains: honeypot}}\n"
        "      name: odd\n      then: {queue: odd}\n"
        "  - rule: {name: clean, when: {junk_score: 0}, then: {team: inbound}}\n"
    )
    odd = await workspace.assign(email="bot@trashmail.com", honeypot="x")
    clean = await workspace.assign(email="bot2@trashmail.com")
    assert (odd["queue"], odd["junk"]) == (
        "odd", {"score": 7, "parts": {"honeypot": 7}, "verdict": "flagged"},
    )  # fmt: skip
    assert (clean["outcome"], clean["junk"]["score"]) == ("assigned", 0)


async def test_junk_in_the_name_of_a_known_lead_takes_it_from_nobody(office: Workspace) -> None:
    before = await office.assign(email="kim@trashmail.com", first_name="Kim", last_name="Sol")
    spoofed = await office.assign(
        email="kim@trashmail.com", first_name="asdf", last_name="jkl", phone="+4930901820", honeypot="x"
    )
    assert (spoofed["outcome"], spoofed["lead_id"]) == ("blocked", before["lead_id"])
    lead = await office.get(f"/leads/{before['lead_id']}")
    assert (lead["state"], lead["fields"]["first_name"]) == ("assigned", "Kim")
    assert "phone" not in lead["fields"]
    other = await office.assign(phone="+4930901820", external_id="other")
    assert other["lead_id"] != before["lead_id"]


async def test_an_unblocked_lead_takes_a_turn_and_is_not_blocked_again(office: Workspace) -> None:
    blocked = await office.assign(**BOT)
    path = f"/assignments/{blocked['assignment_id']}/unblock"
    headers = {"Idempotency-Key": "once"}
    answer = await office.client.post(path, json={"reason": "a customer"}, headers=headers)
    assert answer.status_code == 201, answer.text
    routed: dict[str, Any] = answer.json()
    assert (routed["outcome"], routed["lead_id"]) == ("assigned", blocked["lead_id"])
    assert routed["reassigned"]["reason"] == "a customer"
    again = await office.client.post(path, json={"reason": "a customer"}, headers=headers)
    assert (again.status_code, again.json()["assignment_id"]) == (200, routed["assignment_id"])
    assert await turns(office) == 1
    assert (await office.get("/assignments?outcome=blocked"))["items"] == []
    assert (await office.client.post(path, json={})).json()["code"] == "superseded"
    refused = await office.client.post(f"/assignments/{routed['assignment_id']}/unblock", json={})
    assert (refused.status_code, refused.json()["code"]) == (409, "not_blocked")
    back = await office.assign(**BOT)
    assert (back["outcome"], back["owner"]["id"]) == ("assigned", routed["owner"]["id"])
    lead = await office.get(f"/leads/{blocked['lead_id']}")
    assert [each["cause"] for each in lead["assignments"]][:2] == ["assign", "unblocked"]


async def test_what_a_list_blocked_only_a_key_for_privacy_unblocks(office: Workspace) -> None:
    entry = {"list": "rivals", "entries": ["rival.example"]}
    assert (await office.client.post("/suppressions", json=entry)).status_code == 200
    blocked = await office.assign(email="a@rival.example")
    path = f"/assignments/{blocked['assignment_id']}/unblock"
    plain = office.caller(await office.issue_key("assign"))
    assert (await plain.post(path, json={})).status_code == 403
    allowed = office.caller(await office.issue_key("assign", "privacy"))
    assert (await allowed.post(path, json={})).json()["outcome"] == "assigned"


FAST = """
junk: {block_at: 60, velocity: {per: {ip: 3, domain: 3, identity: 3}, within: 10m}}
pipeline:
  - round_robin: {team: inbound}
"""


async def test_many_leads_of_one_address_are_flagged_and_all_assigned(workspace: Workspace) -> None:
    await workspace.publish(FAST)
    answers = [await workspace.assign(email=f"p{n}@f{n}.example", ip="203.0.113.9") for n in range(5)]
    assert [each["outcome"] for each in answers] == ["assigned"] * 5
    assert [each["junk"]["parts"] for each in answers] == [{}] * 3 + [{"velocity_ip": 30}] * 2
    inside = [await workspace.assign(email=f"q{n}@g{n}.example", ip="10.0.0.1") for n in range(5)]
    assert [each["junk"]["score"] for each in inside] == [0] * 5
    explained = await workspace.get(f"/assignments/{answers[4]['assignment_id']}/explain")
    assert (explained["reproduced"], explained["junk"]) == (True, answers[4]["junk"])


@pytest.mark.parametrize(
    ("written", "again"),
    [
        ("203.0.113.9:52110", "203.0.113.9"),
        ("203.0.113.9, 10.0.0.1", "203.0.113.9"),
        ("[2001:db8:7:1::5]:443", "2001:db8:7:1::9"),
        ("::ffff:203.0.113.9", "203.0.113.9"),
    ],
)
async def test_one_address_is_counted_however_a_proxy_writes_it(
    workspace: Workspace, written: str, again: str
) -> None:
    await workspace.publish(FAST)
    sent = [written, again, written, again]
    answers = [await workspace.assign(email=f"p{n}@f{n}.example", ip=ip) for n, ip in enumerate(sent)]
    assert [list(each["junk"]["parts"]) for each in answers] == [[], [], [], ["velocity_ip"]]


async def test_people_of_a_named_account_may_come_fast(workspace: Workspace) -> None:
    await workspace.publish(FAST)
    for name, tier in (("werft", "named"), ("larch", "silver")):
        account = {"name": name, "domains": [f"{name}.example"], "tier": tier}
        assert (await workspace.client.put(f"/accounts/{name}", json=account)).status_code == 201
    for host, parts in (
        ("werft.example", []),
        ("eu.werft.example", []),
        ("larch.example", ["velocity_domain"]),
    ):
        answers = [await workspace.assign(email=f"p{n}@{host}") for n in range(5)]
        assert list(answers[-1]["junk"]["parts"]) == parts


async def test_gibberish_that_comes_fast_is_blocked_from_the_first_too_many_on(workspace: Workspace) -> None:
    await workspace.publish(FAST)
    leads = [{"email": f"x{n}@eine.example", "first_name": "asdfgh", "ip": "2001:db8::1"} for n in range(5)]
    answers = [await workspace.assign(**lead) for lead in leads]
    assert [each["outcome"] for each in answers] == ["assigned"] * 3 + ["blocked"] * 2
    assert answers[3]["junk"]["parts"] == {"gibberish_name": 30, "velocity_ip": 30, "velocity_domain": 20}
    rows = await workspace.fetch("SELECT subject, value FROM arrivals WHERE workspace_id = $1")
    assert len(rows) == 15
    text = (await workspace.client.get("/metrics")).text
    counted = re.findall(r'_junk_(?:leads|parts)_total\{(?:\w+)="(\w+)",workspace="[^"]+"\} ([1-9]\S*)', text)
    assert {name: float(count) for name, count in counted} == {
        "flagged": 3, "blocked": 2, "gibberish_name": 5, "velocity_ip": 2, "velocity_domain": 2,
    }  # fmt: skip


async def test_free_mail_repeats_and_dry_runs_do_not_count(workspace: Workspace) -> None:
    await workspace.publish(FAST)
    for n in range(5):
        answer = await workspace.assign(email=f"person{n}@gmail.com")
        assert answer["junk"]["score"] == 0
    body = {"lead": {"email": "ida@firma.example", "ip": "203.0.113.7"}}
    for _ in range(5):
        await workspace.client.post("/assign", json={**body, "dry_run": True})
        await workspace.client.post("/assign", json=body, headers={"Idempotency-Key": "the-same"})
    rows = await workspace.fetch("SELECT 1 FROM arrivals WHERE workspace_id = $1 AND subject = 'ip'")
    assert len(rows) == 1
    batch = {"items": [{"lead": {"email": f"b{n}@b{n}.example", "ip": "203.0.113.8"}} for n in range(5)]}
    items = (await workspace.client.post("/assign/batch", json=batch)).json()["items"]
    assert [item["decision"]["junk"]["score"] for item in items] == [0, 0, 0, 30, 30]


async def test_a_test_lead_is_decided_and_leaves_nothing_but_its_answer(workspace: Workspace) -> None:
    await workspace.publish(FAST)
    body = {"is_test": True, "lead": {"email": "try@firma.example", "ip": "203.0.113.5"}}
    answer = await workspace.client.post("/assign", json=body, headers={"Idempotency-Key": "mine"})
    shown = answer.json()
    assert (answer.status_code, shown["outcome"], shown["is_test"]) == (200, "assigned", True)
    assert shown["owner"] is not None
    assert await turns(workspace) == 0
    for table in ("arrivals", "leads", "assignments", "identities", "idempotency_keys"):
        assert await workspace.fetch(f"SELECT 1 FROM {table} WHERE workspace_id = $1") == [], table
    (kept,) = (await workspace.get("/intake/tests"))["items"]
    assert (kept["endpoint"], kept["lead"]["email"]) == ("api", "try@firma.example")
    real = await workspace.client.post(
        "/assign", json={"lead": body["lead"]}, headers={"Idempotency-Key": "mine"}
    )
    assert (real.status_code, real.json()["replayed"]) == (201, False)
    batch = await workspace.client.post(
        "/assign/batch", json={"items": [body, {"lead": {"email": "b@b.example"}}]}
    )
    assert [each["decision"].get("is_test") for each in batch.json()["items"]] == [True, None]


async def test_a_test_lead_has_nothing_to_be_done(workspace: Workspace) -> None:
    call = "follow_up: [{do: [{type: task, title: Call}, {type: sequence, name: hello, consent: email}]}]\n"
    await workspace.publish(f"{PLAN}{call}")
    real = await workspace.assign(email="real@firma.example", submission_id="s-1")
    assert [each["type"] for each in real["actions"]] == ["task"]
    body = {"is_test": True, "lead": {"email": "try@firma.example", "submission_id": "s-1"}}
    (item,) = (await workspace.client.post("/assign/batch", json={"items": [body]})).json()["items"]
    one = (
        await workspace.client.post("/assign", json={**body, "lead": {"email": "new@firma.example"}})
    ).json()
    causes = {"sequence": "consent_missing", "task": "test"}
    for shown in (item["decision"], one):
        assert (shown["actions"], shown["trace"]["no_actions_reason"]) == ([], "test")
        assert {each["type"]: each["cause"] for each in shown["withheld_actions"]} == causes
        assert shown["trace"]["withheld_actions"] == shown["withheld_actions"]
    assert (item["decision"]["replayed"], item["decision"]["assignment_id"]) == (False, None)
    kept = [each["decision"] for each in (await workspace.get("/intake/tests"))["items"]]
    assert kept == [item["decision"], one]


async def test_colleagues_who_come_together_are_no_bots(workspace: Workspace) -> None:
    await workspace.publish(f"{FAST}same_company: 30d\n")
    answers = [await workspace.assign(email=f"p{n}@burst.example") for n in range(6)]
    assert {each["owner"]["id"] for each in answers} == {answers[0]["owner"]["id"]}
    assert [each["junk"]["score"] for each in answers] == [0] * 6


async def test_processes_count_leads_together(filled: Filled) -> None:
    async with open_filled(filled) as one, open_filled(filled) as other:
        await one.publish(FAST)
        await other.assign(email="first@other.example")
        leads = [{"email": f"p{n}@f{n}.example", "ip": "203.0.113.9"} for n in range(10)]
        answers = await asyncio.gather(
            *((one if n % 2 else other).assign(**lead) for n, lead in enumerate(leads))
        )
    answers.sort(key=lambda each: each["decision_number"])
    assert [each["junk"]["score"] for each in answers] == [0] * 3 + [30] * 7
