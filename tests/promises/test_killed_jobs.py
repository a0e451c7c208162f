"""A bulk job whose process is killed at any moment tells the whole truth afterwards."""

import asyncio
import time

from app.audit.verify import verify
from tests.promises.audit import audit
from tests.support.callers import callers, insist_on_all
from tests.support.factories import keyed, lead
from tests.support.jobs import finished
from tests.support.processes import PATIENCE, services
from tests.support.workspace import Workspace, stored_workspace

LEADS, KILLS = 160, 4
MOVED = "SELECT count(*) AS n FROM assignments WHERE workspace_id = $1 AND cause = 'reassign'"
TIMES_MOVED = """
SELECT lead_id, count(*) AS n FROM assignments WHERE workspace_id = $1 AND cause = 'reassign' GROUP BY 1
"""


async def _moved(workspace: Workspace, wanted: int) -> None:
    until = time.monotonic() + PATIENCE
    while (await workspace.fetch(MOVED))[0]["n"] < wanted:
        assert time.monotonic() < until
        await asyncio.sleep(0.001)


async def test_job_killed_again_and_again_moves_each_lead_once_and_says_so(database: str) -> None:
    async with stored_workspace(database, [1, 1, 1, 1]) as workspace:
        with services(database, 2, worker_interval_seconds="0.05") as running:
            async with callers(workspace, running) as clients:
                await insist_on_all(clients, [(f"k{n}", lead(n)) for n in range(LEADS)], 16)
                body = {"filter": {"team": "inbound"}, "to": {"team": "inbound"}}
                made = (await clients[1].post("/reassign", json=body, headers=keyed("job"))).json()
                assert made["total"] == LEADS
                for number in range(1, KILLS + 1):
                    await _moved(workspace, number * LEADS // (KILLS + 2))
                    running[number % 2].kill()
                    running[number % 2].start()
                job = await finished(clients[0], made["job_id"])
                again = await clients[0].post("/reassign", json=body, headers=keyed("job"))
        moves = {row["n"] for row in await workspace.fetch(TIMES_MOVED)}
        books = await audit(workspace)
        clean = (await verify(workspace.pool, workspace.workspace_id)).clean
    assert again.json() == made
    assert (job["state"], job["done"], len(job["items"])) == ("finished", LEADS, LEADS)
    assert job["counts"]["moved"] + job["counts"]["kept"] == LEADS
    assert moves == {1}
    assert books.decisions == 2 * LEADS
    assert clean
