"""An hour without a service: callers report what happened, then each clock takes effect once."""

import asyncio
import random
from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import pytest

from app.audit.verify import verify
from app.store.clocks import read_now
from app.store.connection.pool import transaction
from app.store.life.due_clocks import read_first_due
from app.worker.worker import Duty, duties
from tests.support.workspace import Filled, Workspace, open_filled

PLAN = """
queues: {unrouted: {claimable_by: inbound}}
slas:
  hot:
    {accept: 30m, grace: 0, remind: [50%], on_breach: take_away, pause_after: 3,
     escalate_to: [{queue: unrouted}]}
pipeline:
  - round_robin: {team: inbound, sla: hot}
  - queue: {name: unrouted}
"""
LEADS, TOUCHED, PLACES = 50, 30, {"ben": 12, "eve": 3}
CLOCK = """
INSERT INTO clocks (workspace_id, set_at, base_time, speed) VALUES ($1, now(), $2, 0)
ON CONFLICT (workspace_id) DO UPDATE SET set_at = excluded.set_at, base_time = excluded.base_time
"""
EARLIER = "UPDATE journal SET at = at - $2::interval WHERE workspace_id = $1"
RESUMED_EARLIER = "UPDATE worker_runs SET resumed_at = resumed_at - $2::interval WHERE workspace_id = $1"
HEARD_EARLIER = "UPDATE events SET received_at = received_at - $2::interval WHERE workspace_id = $1"
STATES = "SELECT state, strike FROM sla_clocks WHERE workspace_id = $1 AND owner_id = 'ana'"
MOVED = """
SELECT moved.owner_id, clock.due_at
  FROM assignments AS moved
  JOIN assignments AS from_
    ON from_.workspace_id = moved.workspace_id AND from_.lead_id = moved.lead_id AND from_.owner_id = 'ana'
  JOIN sla_clocks AS clock ON clock.workspace_id = from_.workspace_id AND clock.assignment_id = from_.id
 WHERE moved.workspace_id = $1 AND moved.cause IN ('take_away', 'escalate')
 ORDER BY moved.decision_number
"""
TOLD = """
SELECT body #>> '{params,code}' AS code, body #>> '{params,owner}' AS owner FROM actions
 WHERE workspace_id = $1 AND type = 'notify'
"""


async def work(workspace: Workspace, *workers: Sequence[Duty]) -> None:
    """Let these workers do what is due, side by side."""

    async def run(each: Sequence[Duty]) -> None:
        for duty in each:
            while await duty.run(await workspace.agenda()):
                pass

    await asyncio.gather(*(run(each) for each in workers))


async def start(workspace: Workspace, restart: datetime) -> list[tuple[dict[str, Any], datetime]]:
    """Ana gets leads that are due while no process runs. Returns them with their deadlines."""
    made = []
    await workspace.pool.execute(EARLIER, workspace.workspace_id, timedelta(hours=3))
    await workspace.pool.execute(CLOCK, workspace.workspace_id, restart - timedelta(hours=2))
    for owner in PLACES:
        await workspace.client.patch(f"/owners/{owner}", json={"active": False})
    for number in range(LEADS):
        due = restart - timedelta(minutes=65) + number * timedelta(seconds=28)
        await workspace.pool.execute(CLOCK, workspace.workspace_id, due - timedelta(minutes=30))
        made.append((await workspace.assign(external_id=f"a{number}"), due))
    for owner, places in PLACES.items():
        await workspace.client.patch(f"/owners/{owner}", json={"active": True, "caps": {"open": places}})
    return made


async def touch(workspace: Workspace, leads: Sequence[tuple[dict[str, Any], datetime]]) -> None:
    """Ana has called all of these in time, and the CRM tells it now."""
    items = [
        {
            "assignment_id": made["assignment_id"],
            "id": f"crm-{number}",
            "type": "first_touch",
            "at": (due - timedelta(minutes=1)).isoformat(),
        }
        for number, (made, due) in enumerate(leads)
    ]
    answer = await workspace.client.post("/events", json={"items": items})
    assert {each["result"]["effect"] for each in answer.json()["items"]} == {"touched"}


async def told(workspace: Workspace) -> Counter[str]:
    """How often ana was told what."""
    return Counter(row["code"] for row in await workspace.fetch(TOLD) if row["owner"] == "ana")


async def states(workspace: Workspace) -> Counter[tuple[str, str | None]]:
    return Counter((row["state"], row["strike"]) for row in await workspace.fetch(STATES))


async def late(workspace: Workspace) -> float:
    async with transaction(workspace.pool, workspace.workspace_id, read_only=True) as connection:
        first = (await read_first_due(connection, workspace.workspace_id)).first_due
        now = await read_now(connection, workspace.workspace_id)
    return max(0.0, now.timestamp() - first) if first is not None else 0.0


@pytest.mark.parametrize(
    ("waited", "silence"), [(timedelta(minutes=3), timedelta(minutes=3)), (timedelta(minutes=15), None)]
)
async def test_an_hour_without_a_service(
    filled: Filled, waited: timedelta, silence: timedelta | None
) -> None:
    """Clocks fire when no event has come for two minutes, at the latest after fifteen."""
    async with open_filled(filled, worker_interval_seconds=3600) as workspace:
        await workspace.publish(PLAN)
        restart = (await workspace.fetch("SELECT now() AS now WHERE $1 > 0"))[0]["now"]
        leads = await start(workspace, restart)
        await workspace.pool.execute(CLOCK, workspace.workspace_id, restart - timedelta(minutes=70))
        await work(workspace, duties(workspace.pool, workspace.app.state.dispatch))
        reminded = (await told(workspace))["sla_reminder"]
        assert 0 < reminded < LEADS
        await workspace.pool.execute("DELETE FROM clocks WHERE workspace_id = $1", workspace.workspace_id)
        two = [duties(workspace.pool, workspace.app.state.dispatch) for _ in range(2)]
        await work(workspace, *two)
        await touch(workspace, random.Random(0).sample(leads, TOUCHED))
        await work(workspace, *two)
        assert await states(workspace) == {("met", None): TOUCHED, ("pending", None): LEADS - TOUCHED}
        assert await late(workspace) > 2400
        await workspace.pool.execute(RESUMED_EARLIER, workspace.workspace_id, waited)
        if silence is not None:
            await work(workspace, *two)
            assert (await states(workspace))["pending", None] == LEADS - TOUCHED
            await workspace.pool.execute(HEARD_EARLIER, workspace.workspace_id, silence)
        await work(workspace, *two)
        await _check(workspace, reminded)


async def _check(workspace: Workspace, reminded: int) -> None:
    """Each of the others is moved once, in order, under the caps, and nobody is paused."""
    assert await states(workspace) == {("met", None): TOUCHED, ("missed", None): LEADS - TOUCHED}
    moved = await workspace.fetch(MOVED)
    assert [row["due_at"] for row in moved] == sorted(row["due_at"] for row in moved)
    places = sum(PLACES.values())
    left = LEADS - TOUCHED - places
    taken = Counter(row["owner_id"] for row in moved)
    assert (taken["ben"], taken["eve"], taken[None]) == (PLACES["ben"], PLACES["eve"], left)
    assert await told(workspace) == {"sla_reminder": reminded, "taken_away": places, "escalated": left}
    assert "paused_until" not in await workspace.get("/owners/ana")
    assert await late(workspace) == 0
    report = await verify(workspace.pool, workspace.workspace_id)
    assert report.clean, report.lines()
