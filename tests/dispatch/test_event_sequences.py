"""Whatever events come, in whatever order, leads and assignments agree."""

import random
from typing import Any

import pytest

from app.audit.verify import verify
from app.plan.language.event_types import FACTS
from tests.support.workspace import Workspace

EVENTS = (*FACTS, "accepted", "snoozed", "closed", "x-own", "x-own")
OWNERS = ("ana", "ben", "eve")
PLAN = """
queues: {desk: {}}
slas: {fast: {accept: 15m, touch: 1h}}
close_on: [lost, spam, x-done]
handoffs:
  - {name: kept, when_event: x-own, to: {team: inbound}, keep: true}
  - {name: moved, when_event: qualified, to: {owner: ben}, else: [{queue: desk}]}
pipeline:
  - round_robin: {team: inbound, sla: fast}
  - queue: {name: desk}
"""
DISAGREEING = """
SELECT leads.id, leads.state, assignments.open, assignments.outcome
  FROM leads JOIN assignments
    ON assignments.workspace_id = leads.workspace_id AND assignments.id = leads.assignment_id
 WHERE leads.workspace_id = $1
   AND (assignments.open <> (leads.state IN ('assigned', 'queued'))
        OR leads.state IN ('assigned', 'queued') AND leads.state <> assignments.outcome)
"""
LEFT_OPEN = """
SELECT FROM assignments JOIN leads
    ON leads.workspace_id = assignments.workspace_id AND leads.id = assignments.lead_id
 WHERE assignments.workspace_id = $1 AND assignments.open AND leads.state NOT IN ('assigned', 'queued')
"""
RUNNING = """
SELECT FROM sla_clocks JOIN assignments
    ON assignments.workspace_id = sla_clocks.workspace_id AND assignments.id = sla_clocks.assignment_id
 WHERE assignments.workspace_id = $1 AND NOT assignments.open AND sla_clocks.state = 'pending'
"""


async def tell(workspace: Workspace, dice: random.Random, until: str) -> None:
    """A batch of random events about all assignments there are."""
    rows = await workspace.fetch("SELECT id, lead_id FROM assignments WHERE workspace_id = $1")
    items: list[dict[str, Any]] = []
    for number in range(20):
        row, type_ = dice.choice(rows), dice.choice(EVENTS)
        item: dict[str, Any] = {
            "type": type_,
            "by": dice.choice((None, "robot", *OWNERS)),
            "id": f"e{dice.randrange(90)}",
        }
        item |= {"until": until} if type_ == "snoozed" else {}
        item |= {"result": "upheld"} if type_ == "dispute_settled" else {}
        if type_ in ("opportunity", "purchase", "reversed"):
            item |= {"ref": f"D{dice.randrange(2)}", "amount": number}
        address = ("assignment_id", "id") if dice.random() < 0.7 else ("lead_id", "lead_id")
        items.append({**item, address[0]: str(row[address[1]])})
    answer = await workspace.client.post("/events", json={"items": items})
    assert {each["status"] for each in answer.json()["items"]} <= {200, 409, 422}


@pytest.mark.parametrize("seed", [0, 1, *(pytest.param(each, marks=pytest.mark.long) for each in (2, 3))])
async def test_any_sequence_of_events_leaves_the_books_right(
    workspace_with_worker: Workspace, seed: int
) -> None:
    dice = random.Random(seed)
    noon = await workspace_with_worker.start_at_noon()
    await workspace_with_worker.publish(PLAN)
    for round_ in range(4):
        for number in range(3):
            await workspace_with_worker.assign(external_id=f"lead-{number}", title=f"{round_}")
        await tell(workspace_with_worker, dice, noon.replace(day=21).isoformat())
        for query in (DISAGREEING, LEFT_OPEN, RUNNING):
            assert await workspace_with_worker.fetch(query) == []
    assert (await verify(workspace_with_worker.pool, workspace_with_worker.workspace_id)).differences == []
