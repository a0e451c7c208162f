"""Handoffs that nobody can take when their event comes: they are tried again, and the first owner waits."""

from typing import Any

import pytest

from app.audit.verify import verify
from app.worker.queue_waits import QueueWaits
from tests.support.office import report
from tests.support.workspace import Workspace

PLAN = """
pipeline:
  - rule: {name: ana, when: {source: ana}, then: {owner: ana}}
  - queue: {name: desk}
queues: {desk: {}}
follow_up: [{when: {step: to-ae}, do: [{type: task, title: "Call {lead.email}"}]}]
"""
CLOCK = """
INSERT INTO clocks (workspace_id, set_at, base_time, speed) VALUES ($1, now(), $2::text::timestamptz, 0)
ON CONFLICT (workspace_id) DO UPDATE SET set_at = excluded.set_at, base_time = excluded.base_time, speed = 0
"""


async def handed_off(workspace: Workspace, rule: str) -> dict[str, Any]:
    """A qualified lead of ana. Its handoff goes to ben, who is not there."""
    await workspace.pool.execute(CLOCK, workspace.workspace_id, "2098-12-02 10:00Z")
    await workspace.publish(f"{PLAN}handoffs: [{rule}]\n")
    await workspace.client.patch("/owners/ben", json={"active": False})
    lead = await workspace.assign(external_id="a", source="ana")
    done = await report(workspace, lead["assignment_id"], type="qualified")
    assert (done["effect"], done["decision"], done["state"]) == ("none", None, "open")
    return lead


async def assignments(workspace: Workspace, lead: dict[str, Any]) -> list[tuple[Any, ...]]:
    found = (await workspace.get(f"/leads/{lead['lead_id']}"))["assignments"]
    return [(each["owner"] and each["owner"]["id"], each["state"], each["end_cause"]) for each in found]


async def is_clean(workspace: Workspace) -> bool:
    found = await verify(workspace.pool, workspace.workspace_id)
    assert found.clean, found.lines()
    return True


async def retried(workspace: Workspace, minute: int) -> None:
    """So many minutes after the first, the worker looks."""
    await workspace.pool.execute(CLOCK, workspace.workspace_id, f"2098-12-02 10:{minute:02}Z")
    await QueueWaits(workspace.pool, workspace.app.state.dispatch).run(await workspace.agenda())


@pytest.mark.parametrize("keep", [True, False])
async def test_a_handoff_that_nobody_can_take_is_made_when_somebody_can(
    workspace: Workspace, keep: bool
) -> None:
    rule = f"{{name: to-ae, when_event: qualified, to: {{owner: ben}}, keep: {str(keep).lower()}}}"
    lead = await handed_off(workspace, rule)
    await retried(workspace, 5)
    await workspace.client.patch("/owners/ben", json={"active": True})
    await retried(workspace, 9)
    assert await assignments(workspace, lead) == [("ana", "open", None)]
    await retried(workspace, 10)
    first = ("ana", "open", None) if keep else ("ana", "superseded", "handed_off")
    assert await assignments(workspace, lead) == [first, ("ben", "open", None)]
    rows = await workspace.fetch(
        "SELECT type, body #>> '{params,owner}' AS owner, state FROM actions WHERE workspace_id = $1"
        " ORDER BY type"
    )
    assert [tuple(row) for row in rows] == [("notify", "ana", "available"), ("task", None, "available")]
    await retried(workspace, 20)
    assert len(await assignments(workspace, lead)) == 2
    assert await is_clean(workspace)


@pytest.mark.parametrize("ends", ["closed", "plan", "earlier"])
async def test_a_handoff_is_not_made_later_if_it_is_not_wanted_any_more(
    workspace: Workspace, ends: str
) -> None:
    lead = await handed_off(workspace, "{name: to-ae, when_event: qualified, to: {owner: ben}}")
    await workspace.client.patch("/owners/ben", json={"active": True})
    if ends == "closed":
        await report(workspace, lead["assignment_id"], type="closed")
    elif ends == "plan":
        await workspace.publish(PLAN)
    else:
        done = await report(workspace, lead["assignment_id"], type="qualified")
        assert done["effect"] == "handed_off"
    before = await assignments(workspace, lead)
    for minute in (5, 10, 15):
        await retried(workspace, minute)
    assert await assignments(workspace, lead) == before
    pending = await workspace.fetch("SELECT FROM sla_clocks WHERE workspace_id = $1 AND state = 'pending'")
    assert pending == []
    assert await is_clean(workspace)
