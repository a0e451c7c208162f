"""Deliveries to two processes that are killed in between: each event is stored once, and none is lost."""

import asyncio
import time

import httpx2

from tests.support.processes import PATIENCE, Service, services
from tests.support.workspace import Workspace, stored_workspace
from tests.webhooks.deliveries import endpoint, event, standard

EVENTS, REPEATS, KILLS = 60, 3, 4
STORED = "SELECT record_id, count(*) AS events FROM crm_inbox WHERE workspace_id = $1 GROUP BY record_id"
PAIRS = """
SELECT count(*) AS without FROM crm_inbox AS inbox
 WHERE workspace_id = $1 AND NOT EXISTS (
   SELECT FROM crm_deliveries AS delivery
    WHERE delivery.workspace_id = inbox.workspace_id AND delivery.id = inbox.delivery_id)
"""


async def deliver(services: list[Service], path: str, number: int) -> None:
    """Send a delivery as a CRM does: again, to any process, until it is accepted; and then some more."""
    body = event(str(number))
    accepted, until, attempt = 0, time.monotonic() + PATIENCE, number
    async with httpx2.AsyncClient(timeout=PATIENCE) as crm:
        while accepted < REPEATS:
            assert time.monotonic() < until
            attempt += 1
            try:
                answer = await crm.post(
                    services[attempt % len(services)].url + path,
                    content=body,
                    headers=standard(body, f"msg_{number}"),
                )
            except httpx2.TransportError:
                await asyncio.sleep(0.02)
                continue
            assert answer.status_code in {200, 503}, answer.text
            accepted += answer.status_code == 200


async def kill(running: list[Service], path: str) -> None:
    """Kill one process after another, each once it has answered something."""
    for number in range(KILLS):
        service = running[number % len(running)]
        async with httpx2.AsyncClient(timeout=PATIENCE) as crm:
            assert (await crm.post(service.url + path, content=b"")).status_code == 401
        service.kill()
        service.start()


async def test_deliveries_survive_the_processes_that_take_them(database: str) -> None:
    async with stored_workspace(database, [1]) as workspace:
        with services(database, 2, no_worker="true") as running:
            path = await new_endpoint(workspace, running[0])
            await asyncio.gather(
                kill(running, path), *(deliver(running, path, number) for number in range(EVENTS))
            )
            stored = {row["record_id"]: row["events"] for row in await workspace.fetch(STORED)}
            assert stored == {str(number): 1 for number in range(EVENTS)}
            assert (await workspace.fetch(PAIRS))[0]["without"] == 0
            assert not any(each.logged_errors for each in running)


async def new_endpoint(workspace: Workspace, service: Service) -> str:
    """The path of an endpoint, made by a process."""
    async with workspace.connect(service.url) as client:
        return await endpoint(client)
