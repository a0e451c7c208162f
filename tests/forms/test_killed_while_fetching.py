"""Processes are killed while they fetch leads: none is lost, and none comes twice."""

import asyncio
import time

import httpx2

from tests.forms.test_fetched_leads import SECRET, TOKEN, lead_of, notice
from tests.support.callers import callers
from tests.support.processes import PATIENCE, services
from tests.support.vendor import Asked, Reply, form_tool
from tests.support.workspace import Workspace, stored_workspace

LEADS = 30
FETCHED = "SELECT count(*) AS n FROM leads WHERE workspace_id = $1"
LEASES_END = (
    "UPDATE crm_turns SET until = now() WHERE workspace_id = $1",
    "UPDATE crm_inbox SET next_at = now() WHERE workspace_id = $1 AND state <> 'done' AND next_at > now()",
)
OPEN = "SELECT FROM crm_inbox WHERE workspace_id = $1 AND state <> 'done'"


async def until_fetched(workspace: Workspace, wanted: int) -> None:
    until = time.monotonic() + PATIENCE
    while (await workspace.fetch(FETCHED))[0]["n"] < wanted:
        assert time.monotonic() < until
        await asyncio.sleep(0.01)


async def end_leases(workspace: Workspace) -> None:
    """Ends what killed processes had begun, which else takes half a minute."""
    for statement in LEASES_END:
        await workspace.fetch(statement)


async def tell(client: httpx2.AsyncClient, path: str) -> None:
    """Tells about all leads until that is taken."""
    raw, signature = notice(*(str(700 + number) for number in range(LEADS)))
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        try:
            answer = await client.post(path, content=raw, headers={"X-Hub-Signature-256": signature})
        except httpx2.TransportError:
            await asyncio.sleep(0.02)
            continue
        if answer.status_code == 200:
            return
    raise AssertionError("nobody took it")


async def test_killed_processes_lose_and_double_nothing(database: str) -> None:
    hangs = True

    def answer(asked: Asked) -> Reply | None:
        return None if hangs else lead_of(asked)

    async with stored_workspace(database, [1.0, 1.0]) as workspace, form_tool(answer) as tool:
        with services(
            database, 2, env="development", worker_interval_seconds="0.05", allowed_target_hosts="127.0.0.1"
        ) as running:
            async with callers(workspace, running) as (client, *_):
                body = {
                    "kind": "meta", "secrets": [SECRET], "token": TOKEN, "options": {"fetch_url": tool.url},
                }  # fmt: skip
                path = (await client.put("/endpoints/ads", json=body)).json()["path"]
                await tell(client, path)
                # Killed before there is an answer, and again while leads are taken.
                await tool.asked(1)
                for service in running:
                    service.kill()
                hangs = False
                await end_leases(workspace)
                running[0].start()
                await until_fetched(workspace, 3)
                running[0].kill()
                await end_leases(workspace)
                running[0].start()
                running[1].start()
                await tell(client, path)
                await until_fetched(workspace, LEADS)
                await end_leases(workspace)
                until = time.monotonic() + PATIENCE
                while await workspace.fetch(OPEN):
                    assert time.monotonic() < until
                    await asyncio.sleep(0.02)
        assert (await workspace.fetch(FETCHED))[0]["n"] == LEADS
