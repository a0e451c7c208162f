"""Each SLA clock takes effect once, with several processes and with a kill -9 in the middle."""

import asyncio
import time

import httpx2

from app.audit.verify import verify
from tests.support.callers import callers, insist_on_all
from tests.support.factories import TEAM, lead
from tests.support.processes import PATIENCE, services
from tests.support.workspace import Workspace, stored_workspace

PLAN = {
    "queues": {"unrouted": {"claimable_by": TEAM}},
    "slas": {
        "hot": {"accept": "15m", "grace": 0, "on_breach": "take_away", "escalate_to": [{"queue": "unrouted"}]}
    },
    "pipeline": [{"round_robin": {"team": TEAM, "sla": "hot"}}, {"queue": {"name": "unrouted"}}],
}
LEADS = 100
MOVED = "SELECT count(*) AS n FROM assignments WHERE workspace_id = $1 AND cause = 'take_away'"
NOTICES = "SELECT count(*) AS n FROM actions WHERE workspace_id = $1 AND type = 'notify'"
MISSED = "SELECT count(*) AS n FROM sla_clocks WHERE workspace_id = $1 AND state = 'missed'"


async def _count(workspace: Workspace, query: str) -> int:
    return int((await workspace.fetch(query))[0]["n"])


async def _set_clock(client: httpx2.AsyncClient, moment: str) -> None:
    assert (await client.put("/dev/clock", json={"at": moment, "speed": 0.001})).status_code == 200


async def test_clocks_fire_once_in_two_processes_of_which_both_are_killed(database: str) -> None:
    async with stored_workspace(database) as workspace:
        await workspace.team([1, 1, 1])
        await workspace.publish(PLAN)
        with services(database, 2, env="development", worker_interval_seconds="0.05") as running:
            async with callers(workspace, running) as clients:
                await _set_clock(clients[0], "2031-05-06T09:00:00Z")
                await insist_on_all(clients, [(None, lead(n)) for n in range(LEADS)], 16)
                await _set_clock(clients[0], "2031-05-06T09:16:00Z")
                until = time.monotonic() + PATIENCE
                while await _count(workspace, MOVED) < 1:
                    assert time.monotonic() < until
                    await asyncio.sleep(0.002)
                for service in running:
                    service.kill()
                for service in running:
                    service.start()
                while await _count(workspace, MOVED) < LEADS:
                    assert time.monotonic() < until
                    await asyncio.sleep(0.05)
                await asyncio.sleep(0.3)
        assert await _count(workspace, MOVED) == LEADS
        assert await _count(workspace, MISSED) == LEADS
        assert await _count(workspace, NOTICES) == LEADS
        assert (await verify(workspace.pool, workspace.workspace_id)).clean
