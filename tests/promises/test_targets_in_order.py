"""Messages to a target arrive at least once and in order per lead, although processes are killed."""

import asyncio
import time
from collections import defaultdict
from collections.abc import Sequence

import httpx2
import pytest

from tests.support.callers import callers, insist
from tests.support.processes import PATIENCE, Service, services
from tests.support.receiver import OK, Answer, Received, Receiver, receiving
from tests.support.workspace import Workspace, stored_workspace

LEADS, OWNERS, KILLS = 12, 4, 4
PLAN = """
pipeline:
  - round_robin: {team: inbound}
follow_up:
  - do: [{type: set_owner}]
"""
# Waiting until the leases of killed processes end takes half a minute.
END_LEASES = """
UPDATE target_messages SET leased_until = now() - interval '1 second'
 WHERE workspace_id = $1 AND state = 'leased'
"""
TRY_NOW = "UPDATE target_messages SET next_at = now() WHERE workspace_id = $1 AND state = 'ready'"
CLOSE = "UPDATE targets SET open_until = NULL, opened_at = NULL, failures = 0 WHERE workspace_id = $1"
LEFT = "SELECT id FROM target_messages WHERE workspace_id = $1 AND state <> 'delivered'"
ORDER = "SELECT id, lead_id::text AS lead FROM target_messages WHERE workspace_id = $1 ORDER BY sequence"


@pytest.mark.parametrize("all_at_once", [True, pytest.param(False, marks=pytest.mark.long)])
async def test_killed_processes_send_each_message_in_its_order(database: str, all_at_once: bool) -> None:
    """Either all processes are killed at once, or one goes on while the leases of the other one last."""
    seen = 0

    def answer(received: Received) -> Answer:
        nonlocal seen
        seen += 1
        return OK if seen % 9 else (503, b"")

    settings = {"env": "development", "worker_interval_seconds": "0.05", "allowed_target_hosts": "127.0.0.1"}
    async with stored_workspace(database, [1] * OWNERS, crm={"hubspot": "1"}) as workspace:
        await workspace.publish(PLAN)
        async with receiving(answer) as receiver:
            with services(database, 2, path=None, **settings) as running:
                async with callers(workspace, running) as clients:
                    await prepare(clients[0], receiver)
                    await kill_while_sending(running, workspace, receiver, all_at_once)
                    await drained(workspace)
        wanted: dict[str, list[str]] = defaultdict(list)
        for row in await workspace.fetch(ORDER):
            wanted[row["lead"]].append(row["id"])
    assert sum(map(len, wanted.values())) == LEADS * OWNERS
    for lead, ids in wanted.items():
        got = [each.id for each in receiver.got if each.document["data"]["lead_id"] == lead]
        assert list(dict.fromkeys(got)) == ids
        places = [ids.index(each) for each in got]
        assert places == sorted(places)


async def prepare(client: httpx2.AsyncClient, receiver: Receiver) -> None:
    """Leads that go from owner to owner, and a target that gets nothing yet."""
    body = {"url": receiver.url, "types": ["set_owner"], "active": False}
    assert (await client.put("/targets/crm", json=body)).status_code == 201
    push = {"deliver": {"set_owner": "push"}}
    assert (await client.put("/settings/actions", json=push)).status_code == 201
    for number in range(LEADS):
        made = await insist(client, {"lead": {"external_id": f"lead-{number}"}})
        owners = [f"rep{each}" for each in range(OWNERS) if f"rep{each}" != made["owner"]["id"]]
        for owner in owners:
            to = {"lead_id": made["lead_id"], "to": {"owner": owner}}
            assert (await client.post("/reassign", json=to)).status_code == 201
    assert (await client.patch("/targets/crm", json={"active": True})).status_code == 200


async def kill_while_sending(
    running: Sequence[Service], workspace: Workspace, receiver: Receiver, all_at_once: bool
) -> None:
    """Kill processes again and again while messages are under way."""
    for step in range(KILLS):
        await workspace.fetch(TRY_NOW)
        before = len(receiver.got)
        await receiver.until(lambda got, before=before: len(got) > before + 2)  # type: ignore[misc]
        killed = running if all_at_once else [running[step % 2]]
        for service in killed:
            service.kill()
        if all_at_once:
            await workspace.fetch(END_LEASES)
        for service in killed:
            service.start()


async def drained(workspace: Workspace) -> None:
    """Returns when every message was delivered. What failed is tried at once."""
    until = time.monotonic() + PATIENCE
    while await workspace.fetch(LEFT):
        assert time.monotonic() < until
        await workspace.fetch(TRY_NOW)
        await workspace.fetch(CLOSE)
        await asyncio.sleep(0.05)
