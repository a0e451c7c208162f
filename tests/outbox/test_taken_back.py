"""A withdrawal takes back what waits to contact the person, and cancels what somebody has."""

import asyncio
import time
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest

from app.outbox.safe_http import AllowedHosts
from app.secrets import new_key
from app.store import clocks
from app.store.connection.pool import transaction
from tests.support.processes import PATIENCE
from tests.support.receiver import OK, receiving
from tests.support.workspace import Filled, Workspace, open_filled

PLAN = """
pipeline: [{round_robin: {team: inbound}}]
follow_up:
  - do:
      - {type: sequence, name: hello, consent: email}
      - {type: sequence, name: news, topic: newsletter, contact: email}
      - {type: x-text, contact: sms}
      - {type: task, title: Call, contact: phone}
      - {type: sequence, name: receipt, transactional: true}
      - {type: tag, name: new}
"""
DUE_NOW = "UPDATE target_messages SET next_at = now() WHERE workspace_id = $1 AND state = 'ready'"
STATES = """
SELECT type, body -> 'params' ->> 'name' AS name, state, cause, id FROM actions
 WHERE workspace_id = $1 AND lead_id = $2 AND type <> 'cancel_task' ORDER BY sequence
"""


@pytest.fixture
async def office(filled: Filled) -> AsyncIterator[Workspace]:
    """A workspace with a reader, whose worker sends at once."""
    async with open_filled(filled, worker_interval_seconds=0.02, secrets_key=new_key()) as workspace:
        workspace.app.state.target_http.allowed = AllowedHosts.parse("127.0.0.1", development=True)
        await workspace.publish(PLAN)
        await settings(workspace, reader=True)
        yield workspace


async def settings(office: Workspace, **settings: Any) -> None:
    answer = await office.client.put("/settings/actions", json=settings)
    assert answer.status_code in {200, 201}, answer.text


async def person(office: Workspace, name: str, **fields: Any) -> dict[str, Any]:
    fields = {"email": f"{name}@people.example", "consent": {"email": True}, **fields}
    return await office.assign(**fields)


async def told(office: Workspace, lead: dict[str, Any], type_: str, **event: Any) -> None:
    url = f"/assignments/{lead['assignment_id']}/events"
    answer = await office.client.post(url, json={"type": type_, **event})
    assert answer.status_code == 200, answer.text


async def taken(office: Workspace, lead: dict[str, Any]) -> dict[str, str]:
    """Why actions of a lead that nobody had were taken back, by name or type."""
    rows = await office.fetch(STATES, lead["lead_id"])
    assert all(row["cause"] for row in rows if row["state"] == "withdrawn")
    return {row["name"] or row["type"]: row["cause"] for row in rows if row["state"] == "withdrawn"}


async def offered(office: Workspace, lead: dict[str, Any]) -> None:
    """Let the minute pass after which the actions of an answer are offered."""
    async with transaction(office.pool, office.workspace_id, lock=True) as connection:
        now = await clocks.read_deciding_now(connection, office.workspace_id)
        await clocks.set_clock(connection, office.workspace_id, now + timedelta(seconds=61), speed=0)
    until = time.monotonic() + PATIENCE
    while any(row["state"] == "waiting" for row in await office.fetch(STATES, lead["lead_id"])):
        assert time.monotonic() < until
        await asyncio.sleep(0.01)


async def lease(office: Workspace) -> list[dict[str, Any]]:
    answer = await office.client.post("/actions/lease", json={"limit": 100, "seconds": 60})
    assert answer.status_code == 200, answer.text
    return list(answer.json()["items"])


async def suppressed(office: Workspace, *entries: str) -> None:
    answer = await office.client.post("/suppressions", json={"list": "rivals", "entries": list(entries)})
    assert answer.status_code == 200, answer.text


async def test_each_way_to_withdraw_takes_back_what_it_closes(office: Workspace) -> None:
    everything = dict.fromkeys(("hello", "news", "x-text", "task", "receipt"), "suppressed")
    lead = await person(office, "one")
    await told(office, lead, "unsubscribed", channel="email", topic="newsletter")
    assert await taken(office, lead) == {"news": "withdrawn"}
    await told(office, lead, "unsubscribed", channel="email")
    assert await taken(office, lead) == {"news": "withdrawn", "hello": "withdrawn"}
    await told(office, lead, "complained", channel="phone")
    assert await taken(office, lead) == {"news": "withdrawn", "hello": "withdrawn", "task": "complained"}

    wishes = await person(office, "two")
    url = f"/leads/{wishes['lead_id']}/preferences"
    answer = await office.client.put(
        url, json={"origin": "center", "channels": {"sms": False, "email": True}}
    )
    assert answer.status_code == 200, answer.text
    assert await taken(office, wishes) == {"x-text": "withdrawn"}

    listed, below = await person(office, "three"), await office.assign(email="four@mail.rival.example")
    beside = await office.assign(email="five@notrival.example")
    called = await office.assign(email="six@people.example", phone="+4930901820")
    await suppressed(office, "three@people.example", "rival.example", "+4930901820")
    assert await taken(office, listed) == everything
    assert await taken(office, below) == {name: why for name, why in everything.items() if name != "hello"}
    assert await taken(office, beside) == {}
    assert set(await taken(office, called)) == set(everything) - {"hello"}

    closed, other = await person(office, "seven"), await person(office, "eight")
    await told(office, closed, "complained", channel="sms")
    assert await taken(office, other) == {}
    merge = {"leads": [closed["lead_id"], other["lead_id"]], "survivor": closed["lead_id"], "reason": "Same."}
    assert (await office.client.post("/leads/merge", json=merge)).status_code == 201
    assert await taken(office, other) == {"x-text": "complained"}
    assert {each["type"] for each in await lease(office)} & {"x-text"} == set()


async def test_what_somebody_has_is_canceled_after_it(office: Workspace) -> None:
    lead = await person(office, "held")
    await offered(office, lead)
    held = {each["params"].get("name", each["type"]): each for each in await lease(office)}
    assert {"hello", "news", "x-text", "task"} <= held.keys()
    executed = held["hello"]
    url = f"/actions/{executed['id']}/ack"
    assert (await office.client.post(url, json={"token": executed["token"]})).status_code == 200
    await told(office, lead, "unsubscribed", channel="email")
    assert await lease(office) == []  # the others of the lead are still out
    rows = {row["name"] or row["type"]: row for row in await office.fetch(STATES, lead["lead_id"])}
    assert [(rows[each]["state"], rows[each]["cause"]) for each in ("hello", "news")] == [
        ("acknowledged", "withdrawn"),
        ("leased", "withdrawn"),
    ]
    news = held["news"]
    url = f"/actions/{news['id']}/nack"
    answer = await office.client.post(url, json={"token": news["token"]})
    assert answer.json()["state"] == "withdrawn"
    for each in held.values():
        await office.client.post(f"/actions/{each['id']}/ack", json={"token": each["token"]})
    cancels = {
        each["params"]["action_id"]: each for each in await lease(office) if each["type"] == "cancel_task"
    }
    assert set(cancels) == {executed["id"], news["id"]}
    assert {each["params"]["code"] for each in cancels.values()} == {"withdrawn"}
    await told(office, lead, "unsubscribed", channel="email")
    shown = (await office.get("/actions?limit=1000"))["items"]
    assert sum(each["type"] == "cancel_task" for each in shown) == len(cancels)
    assert {each["id"]: each["cause"] for each in shown}[news["id"]] == "withdrawn"


async def test_message_that_was_not_sent_is_not_and_one_that_was_is_canceled(office: Workspace) -> None:
    async with receiving() as receiver:
        receiver.answer = lambda got: (
            (503, b"") if got.document["data"]["params"].get("name") == "hello" else OK
        )
        body = {"url": receiver.url, "types": ["sequence", "x-text", "cancel_task"]}
        assert (await office.client.put("/targets/crm", json=body)).status_code == 201
        push = {"sequence": "push", "x-text": "push", "cancel_task": "push"}
        await settings(office, deliver=push)
        lead = await person(office, "pushed")
        await receiver.until(lambda got: len(got) == 1)  # the rest of the lead waits behind it
        await told(office, lead, "complained")
        first = receiver.ids[0]
        assert await taken(office, lead) == dict.fromkeys(("news", "x-text"), "complained")
        until = time.monotonic() + PATIENCE
        while not any(each.document["type"] == "cancel_task" for each in receiver.got):
            assert time.monotonic() < until
            await office.fetch(DUE_NOW)
            await asyncio.sleep(0.02)
        assert receiver.ids.count(first) == 1
        cancel = next(each for each in receiver.got if each.document["type"] == "cancel_task")
        assert cancel.document["data"]["params"] == {"action_id": first, "code": "complained"}
        assert not any(each.document["type"] == "x-text" for each in receiver.got)


async def test_lease_beside_a_withdrawal_is_canceled_or_gets_nothing(office: Workspace) -> None:
    for attempt in range(8):
        lead = await person(office, f"race{attempt}")
        await offered(office, lead)
        await office.fetch(
            "UPDATE actions SET state = 'acknowledged', ended_at = now() WHERE workspace_id = $1"
            " AND state IN ('available', 'leased') AND lead_id <> $2 RETURNING id",
            lead["lead_id"],
        )
        leased, _ = await asyncio.gather(lease(office), told(office, lead, "unsubscribed", channel="email"))
        got = {each["id"] for each in leased if each["params"].get("name") in ("hello", "news")}
        rows = await office.fetch(
            "SELECT body -> 'params' ->> 'action_id' AS id FROM actions"
            " WHERE workspace_id = $1 AND lead_id = $2 AND type = 'cancel_task'",
            lead["lead_id"],
        )
        assert got == {row["id"] for row in rows}
        assert len(got) + len(await taken_rows(office, lead)) == await contacting(office, lead)


async def taken_rows(office: Workspace, lead: dict[str, Any]) -> list[Any]:
    rows = await office.fetch(STATES, lead["lead_id"])
    return [row for row in rows if row["state"] == "withdrawn"]


async def contacting(office: Workspace, lead: dict[str, Any]) -> int:
    rows = await office.fetch(STATES, lead["lead_id"])
    return sum(row["name"] in ("hello", "news") for row in rows)
