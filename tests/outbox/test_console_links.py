"""Sign-in links as actions: made when they are sent, for one owner, and kept nowhere."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
import pytest
import structlog

from app.outbox.safe_http import AllowedHosts
from app.secrets import new_key
from app.store.connection.pool import transaction
from app.store.console_sessions import make_link
from tests.console.pair import browser_of
from tests.outbox.test_targets import DUE_NOW, all_in, deliveries, push, settled, target
from tests.support.dump import dump
from tests.support.processes import PATIENCE
from tests.support.receiver import OK, receiving
from tests.support.workspace import Filled, Workspace, open_filled

PLAN = """
queues: {unrouted: {}}
pipeline:
  - rule: {name: anas, when: {source: ana}, then: {owner: ana}}
  - rule: {name: bens, when: {source: ben}, then: {owner: ben}}
  - queue: {name: unrouted}
follow_up:
  - do: [{type: console_link, via: sms, text: "A lead for {owner.name}"}]
"""
PARAMS = {
    "via": "sms",
    "text": "A lead for Ana",
    "owner": "ana",
    "link_at": "/owners/ana/console-link",
    "crm": {"salesforce": "005A"},
}
BASE = "http://leads.example"


WAITING = """
SELECT count(*) FROM pg_locks
 WHERE locktype = 'advisory' AND NOT granted
   AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
"""


@asynccontextmanager
async def sending(filled: Filled, **settings: Any) -> AsyncIterator[Workspace]:
    """A workspace that may send to this machine, and a worker that looks all the time."""
    settings = {"public_base_url": BASE, "secrets_key": new_key(), **settings}
    async with open_filled(filled, worker_interval_seconds=0.02, pool_size=20, **settings) as workspace:
        workspace.app.state.target_http.allowed = AllowedHosts.parse("127.0.0.1", development=True)
        await workspace.publish(PLAN)
        yield workspace


async def test_each_attempt_brings_a_link_of_its_own_that_is_kept_nowhere(filled: Filled) -> None:
    answers = iter([(503, b"")])
    with structlog.testing.capture_logs() as lines:
        async with sending(filled) as workspace, receiving(lambda _: next(answers, OK)) as receiver:
            made = await target(workspace, "sms", receiver, types=["console_link"])
            await push(workspace)
            body = {"lead": {"external_id": "L", "source": "ana"}}
            first, again = [
                await workspace.client.post("/assign", json=body, headers={"Idempotency-Key": "one"})
                for _ in range(2)
            ]
            await settled(workspace, "sms", lambda found: bool(found) and found[0]["status"] == 503)
            await workspace.fetch(DUE_NOW)
            got = await receiver.until(lambda got: len(got) == 2)
            await settled(workspace, "sms", all_in("delivered"))
            links = [each.document["data"].pop("link") for each in got]
            (action,) = first.json()["actions"]
            shown = [
                first.text,
                again.text,
                str(await workspace.get("/actions")),
                str(await deliveries(workspace, "sms")),
                str(await workspace.get(f"/assignments/{first.json()['assignment_id']}")),
                *(await dump(workspace.pool)).values(),
            ]
            explained = await workspace.get(f"/assignments/{first.json()['assignment_id']}/explain")
            path = links[1]["url"].removeprefix(BASE)
            phone, late = browser_of(workspace.app), browser_of(workspace.app)
            statuses = [(await each.post(path, data={})).status_code for each in (phone, late)]
            assert "ana" in (await phone.get("/console/nowhere")).text
    assert all(each.signed_with(made["secret"]) for each in got)
    assert [each.document["data"]["params"] for each in got] == [PARAMS, PARAMS]
    assert (action["type"], action["params"]) == ("console_link", PARAMS)
    assert again.json() == {**first.json(), "replayed": True}
    assert explained["reproduced"] is True
    assert len({each["url"] for each in links}) == 2
    assert all(each["url"].startswith(f"{BASE}/console/link/") for each in links)
    secrets = [each["url"].rpartition(".")[2] for each in links]
    assert not [text for text in (*shown, str(lines)) if any(each in text for each in secrets)]
    assert not [text for text in shown if any(each.lower() in text for each in secrets)]
    assert statuses == [303, 404]


async def test_target_of_everything_gets_no_link(filled: Filled) -> None:
    async with sending(filled) as workspace, receiving() as receiver:
        await target(workspace, "all", receiver)
        await push(workspace)
        await workspace.assign(external_id="L", source="ana")
        _, told = await receiver.until(lambda got: len(got) == 2)
    assert told.document["data"]["params"] == PARAMS
    assert "link" not in told.document["data"]


@pytest.mark.parametrize(
    ("settings", "leaves", "state", "code"),
    [
        ({}, {"active": False}, "withdrawn", "owner_inactive"),
        ({"console": False}, None, "dead", "console_links_off"),
    ],
)
async def test_link_that_cannot_be_made_is_not_tried_again(
    filled: Filled, settings: dict[str, Any], leaves: dict[str, Any] | None, state: str, code: str
) -> None:
    async with sending(filled, **settings) as workspace, receiving() as receiver:
        await target(workspace, "sms", receiver, types=["console_link"], active=False)
        await push(workspace)
        await workspace.assign(external_id="L", source="ana")
        await settled(workspace, "sms", all_in("ready"))
        if leaves is not None:
            # Without their lead nothing asks what becomes of it.
            await workspace.fetch("UPDATE assignments SET open = false WHERE workspace_id = $1")
            answer = await workspace.client.patch("/owners/ana", json=leaves)
            assert answer.status_code == 200, answer.text
        await workspace.client.patch("/targets/sms", json={"active": True})
        (found,) = await settled(workspace, "sms", all_in(state))
    assert (found["code"], found["next_at"], receiver.got) == (code, None, [])


async def test_two_first_links_of_an_owner_make_one_key(workspace: Workspace) -> None:
    async def second() -> None:
        async with transaction(workspace.pool, workspace.workspace_id) as connection:
            await make_link(connection, "ana", b"2" * 32, 60)

    async with transaction(workspace.pool, workspace.workspace_id) as connection:
        await make_link(connection, "ana", b"1" * 32, 60)
        waiting = asyncio.create_task(second())
        until = time.monotonic() + PATIENCE
        while not waiting.done() and not await workspace.pool.fetchval(WAITING):
            assert time.monotonic() < until
            await asyncio.sleep(0.01)
    await waiting
    keys = await workspace.fetch(
        "SELECT label, scopes FROM api_keys WHERE workspace_id = $1 AND owner_id = 'ana'"
    )
    assert [(row["label"], row["scopes"]) for row in keys] == [
        ("console sign-in links", ["claim", "directory:write", "events", "leads:read"])
    ]


@pytest.mark.parametrize("table", ["console_links", "api_keys"])
async def test_service_itself_can_write_neither_links_nor_keys(workspace: Workspace, table: str) -> None:
    async with transaction(workspace.pool, workspace.workspace_id) as connection:
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.execute(f"INSERT INTO {table} DEFAULT VALUES")
