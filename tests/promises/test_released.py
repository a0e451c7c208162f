"""Held leads are released when they are due, each once, by any process."""

import asyncio
import time

import httpx2
import pytest

from app.audit.verify import verify
from tests.promises.audit import audit
from tests.support.callers import callers, insist_on_all
from tests.support.factories import TEAM, lead
from tests.support.processes import PATIENCE, services
from tests.support.workspace import Workspace, stored_workspace

PLAN = {
    "queues": {"unrouted": {}},
    "pipeline": [{"round_robin": {"team": TEAM, "off_hours": "hold"}}, {"queue": {"name": "unrouted"}}],
}
LEADS = 150
RELEASED = "SELECT count(*) AS n FROM assignments WHERE workspace_id = $1 AND cause = 'release'"


async def _held_overnight(workspace: Workspace, clients: list[httpx2.AsyncClient]) -> None:
    """So many leads that came at two in the morning."""
    async with workspace.edit() as edit:
        await edit.put("calendars", "day", {"timezone": "UTC", "hours": "08:00-17:00"}, None)
    await workspace.team([2, 1, 1], calendar="day")
    await workspace.publish(PLAN)
    await _set_clock(clients[0], "2031-05-06T02:00:00Z")
    returned = await insist_on_all(clients, [(None, lead(n)) for n in range(LEADS)], 16)
    assert {(one["queue"], one["held_until"]) for one in returned} == {("held", "2031-05-06T08:00:00Z")}


async def _set_clock(client: httpx2.AsyncClient, workspace: str) -> None:
    assert (await client.put("/dev/clock", json={"at": workspace})).status_code == 200


async def _released(workspace: Workspace, wanted: int) -> None:
    until = time.monotonic() + PATIENCE
    while (await workspace.fetch(RELEASED))[0]["n"] < wanted:
        assert time.monotonic() < until
        await asyncio.sleep(0.002)


async def _check(workspace: Workspace) -> None:
    books = await audit(workspace)
    assert books.decisions == 2 * LEADS
    assert books.received == LEADS
    assert books.shares() == {"rep0": 75, "rep1": 38, "rep2": 37}
    assert (await verify(workspace.pool, workspace.workspace_id)).clean


@pytest.mark.parametrize("processes", [pytest.param(1, marks=pytest.mark.long), 2])
async def test_all_are_released_once_when_the_shift_begins(database: str, processes: int) -> None:
    async with stored_workspace(database) as workspace:
        with services(database, processes, env="development", worker_interval_seconds="0.05") as running:
            async with callers(workspace, running) as clients:
                await _held_overnight(workspace, clients)
                await _set_clock(clients[-1], "2031-05-06T07:59:00Z")
                await asyncio.sleep(0.3)
                assert (await workspace.fetch(RELEASED))[0]["n"] == 0
                await _set_clock(clients[-1], "2031-05-06T08:00:00Z")
                await _released(workspace, LEADS)
                await asyncio.sleep(0.2)
            assert not any(service.logged_errors for service in running)
        await _check(workspace)


async def test_other_processes_release_the_due_leads_of_a_killed_one(database: str) -> None:
    async with stored_workspace(database) as workspace:
        with services(database, 2, env="development", worker_interval_seconds="0.05") as running:
            async with callers(workspace, running) as clients:
                await _held_overnight(workspace, clients)
                await _set_clock(clients[0], "2031-05-06T08:00:00Z")
                await _released(workspace, 1)
                for service in running:
                    service.kill()
                running[0].start()
                await _released(workspace, LEADS)
        await _check(workspace)
