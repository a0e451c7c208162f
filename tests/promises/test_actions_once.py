"""Actions, while service and executors are killed: each is executed, and its lead's in order."""

import asyncio
import time
from datetime import UTC, datetime

import httpx2

from app.store import clocks
from tests.promises.audit import audit
from tests.support.callers import Answer, callers, insist_on_all
from tests.support.factories import lead
from tests.support.processes import PATIENCE, Service, services
from tests.support.workspace import Workspace, stored_workspace

LEADS = 120
FAST = 60.0
"""A minute of the workspace, in which an answer can be acknowledged, takes a second."""
LEASE_SECONDS = 300
START = datetime(2099, 11, 20, 12, tzinfo=UTC)
LEFT = "SELECT id FROM actions WHERE workspace_id = $1 AND state <> 'acknowledged'"
NUMBERS = "SELECT number FROM actions WHERE workspace_id = $1 AND number IS NOT NULL ORDER BY number"
DECIDED = "SELECT count(*) AS n FROM assignments WHERE workspace_id = $1"
EXECUTED = "SELECT count(*) AS n FROM actions WHERE workspace_id = $1 AND state = 'acknowledged'"
DEADLOCKS = "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database() AND $1::bigint > 0"


class Executors:
    """Executors that share a list of what they have executed. They forget every tenth lease, as if killed."""

    def __init__(self, workspace: Workspace, clients: list[httpx2.AsyncClient]) -> None:
        self._workspace, self._clients = workspace, clients
        self.executed: list[str] = []
        self._leases = 0

    async def work(self, number: int) -> None:
        """Lease, execute and acknowledge until every action is acknowledged."""
        until = time.monotonic() + PATIENCE
        while await self._workspace.fetch(LEFT):
            assert time.monotonic() < until
            try:
                await self._once(self._clients[number % len(self._clients)])
            except httpx2.TransportError:
                await asyncio.sleep(0.02)

    async def _once(self, client: httpx2.AsyncClient) -> None:
        answer = await client.post("/actions/lease", json={"limit": 7, "seconds": LEASE_SECONDS})
        leased = answer.json()["items"] if answer.status_code == 200 else []
        self._leases += 1
        if self._leases % 10 == 0:
            return
        fresh = [action["id"] for action in leased if action["id"] not in self.executed]
        self.executed.extend(fresh)
        items = [{"id": action["id"], "token": action["token"]} for action in leased]
        if items:
            await client.post("/actions/ack", json={"items": items})
        else:
            await asyncio.sleep(0.02)


async def kill_again_and_again(service: Service, workspace: Workspace) -> None:
    """Kill and restart it each time a quarter more is decided, and each time a quarter more is executed."""
    for query in (DECIDED, EXECUTED):
        for quarter in (1, 2, 3):
            until = time.monotonic() + PATIENCE
            while (await workspace.fetch(query))[0]["n"] < quarter * LEADS // 4:
                assert time.monotonic() < until
                await asyncio.sleep(0.005)
            service.kill()
            service.start()


async def test_killed_processes_and_executors_lose_and_duplicate_no_action(database: str) -> None:
    async with stored_workspace(database, [1, 1, 1]) as workspace:
        await workspace.put("settings", "actions", {"reader": True, "max_deliveries": 100})
        async with workspace.pool.acquire() as connection:
            await clocks.set_clock(connection, workspace.workspace_id, START, FAST)
        with services(database, 2, worker_interval_seconds="0.05") as running:
            async with callers(workspace, running) as clients:
                answers, executors = await played(workspace, running, clients)
        expected = [action["id"] for answer in answers for action in answer["actions"]]
        assert len(expected) == LEADS
        assert sorted(executors.executed) == sorted(expected)
        assert [row["number"] for row in await workspace.fetch(NUMBERS)] == list(range(1, LEADS + 1))
        assert (await workspace.fetch(DEADLOCKS))[0]["deadlocks"] == 0
        assert (await audit(workspace)).decisions == LEADS


async def played(
    workspace: Workspace, running: list[Service], clients: list[httpx2.AsyncClient]
) -> tuple[list[Answer], Executors]:
    """Assign leads and execute their actions while the first process is killed over and over."""
    executors = Executors(workspace, clients)
    killing = asyncio.create_task(kill_again_and_again(running[0], workspace))
    bodies = [(f"k{n}", lead(n)) for n in range(LEADS)]
    answers = await insist_on_all(clients, bodies, 8)
    await asyncio.gather(*(executors.work(number) for number in range(4)))
    await killing
    return answers, executors
