"""An office whose time a test moves, and the SLA clocks of its leads."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any

from tests.support.workspace import Workspace

PATIENCE = 120.0
CLOCK = """
INSERT INTO clocks (workspace_id, set_at, base_time, speed) VALUES ($1, now(), $2::text::timestamptz, 0)
ON CONFLICT (workspace_id)
  DO UPDATE SET set_at = excluded.set_at, base_time = excluded.base_time, speed = excluded.speed
"""
ACTIONS = """
SELECT type, body ->> 'params' AS params, body #>> '{params,code}' AS code, body #>> '{params,owner}' AS owner
  FROM actions WHERE workspace_id = $1 AND body #>> '{params,code}' IS NOT NULL ORDER BY sequence
"""
CLOCKS = """
SELECT kind, state, due_at, strike FROM sla_clocks WHERE workspace_id = $1 ORDER BY started_at, kind
"""
PLAN = """
queues: {{unrouted: {{claimable_by: inbound}}}}
slas: {{hot: {{{sla}}}}}
pipeline:
  - round_robin: {{team: inbound, sla: hot}}
  - queue: {{name: unrouted}}
"""
OFFICE = {"timezone": "Europe/Berlin", "country": "DE", "hours": "Mo-Fr 09:00-17:00; Dec 25-26 off"}


async def at(workspace: Workspace, moment: str) -> None:
    """Set the workspace's time, which then stands still."""
    await workspace.pool.execute(CLOCK, workspace.workspace_id, moment)


async def until(found: Callable[[], Awaitable[bool]]) -> None:
    """Wait until something holds."""
    end = time.monotonic() + PATIENCE
    while not await found():
        assert time.monotonic() < end
        await asyncio.sleep(0.02)


async def quiet(workspace: Workspace) -> None:
    """Wait until no clock is due any more."""

    async def done() -> bool:
        due = await workspace.fetch(
            """SELECT FROM sla_clocks, clocks WHERE sla_clocks.workspace_id = $1
               AND clocks.workspace_id = $1 AND state = 'pending' AND next_at <= base_time"""
        )
        return not due

    await until(done)


async def move(workspace: Workspace, *moments: str) -> None:
    """Move the time, and let the worker do each time what is due."""
    for moment in moments:
        await at(workspace, moment)
        await quiet(workspace)


async def told(workspace: Workspace) -> list[tuple[str, str | None]]:
    """The code and the owner of every notice so far, in order."""
    return [(row["code"], row["owner"]) for row in await workspace.fetch(ACTIONS)]


async def states(workspace: Workspace) -> list[tuple[str, str]]:
    """The kind and the state of every clock."""
    return [(row["kind"], row["state"]) for row in await workspace.fetch(CLOCKS)]


async def owner_of(workspace: Workspace, lead_id: str) -> str | None:
    owner = (await workspace.get(f"/leads/{lead_id}"))["owner"]
    return owner["id"] if owner else None


async def report(workspace: Workspace, assignment_id: str, **event: Any) -> dict[str, Any]:
    answer = await workspace.client.post(f"/assignments/{assignment_id}/events", json=event)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


async def furnish(workspace: Workspace) -> None:
    """Tuesday morning in the office: ana and ben share leads."""
    await at(workspace, "2098-12-02T10:00+01:00")
    await workspace.put("calendars", "office", OFFICE)
    for owner in ("ana", "ben"):
        await workspace.client.patch(
            f"/owners/{owner}", json={"calendar": "office", "timezone": "Europe/Berlin"}
        )
    members = [{"owner": "ana"}, {"owner": "ben"}]
    await workspace.put("teams", "inbound", {"name": "Inbound", "members": members})
