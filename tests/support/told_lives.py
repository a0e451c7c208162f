"""An office whose leads live through what a test tells, and the reports about them."""

import asyncio
import itertools
import time
from collections.abc import Mapping
from typing import Any

from tests.support.office import at, quiet
from tests.support.processes import PATIENCE
from tests.support.workspace import Workspace

TUESDAY = "2099-12-01"
WEEK = {"from": "2099-11-30", "to": "2099-12-07"}
OWNERS = ("ana", "ben", "cem", "dia")
PLAN = """
queues: {desk: {claimable_by: inbound}, unrouted: {claimable_by: inbound}}
paths: {newsletter: {}}
returning_leads: {window: 90d, duplicate_window: 10m}
slas:
  hot: {accept: 15m, on_breach: take_away, grace: 0, max_attempts: 1, escalate_to: [{queue: unrouted}]}
  slow: {accept: 15m, on_breach: remind, grace: 0}
reject_reasons:
  wrong_region: {refund: true, then: {queue: desk}}
  no_budget: {then: {queue: desk}}
  student: {refund: true, then: {block: students}}
  again: {}
handoffs: [{name: to-dia, when_event: x-ready, to: {owner: dia}}]
max_refunds_per_day: 2
reject_after_touch: true
pipeline:
  - rule: {name: spam, when: {lead_type: spam}, then: {block: spam}}
  - rule: {name: partners, when: {source: desk}, then: {queue: desk}}
  - rule: {name: readers, when: {source: newsletter}, then: {path: newsletter}}
  - rule: {name: hot, when: {all: [{lead_type: hot}, {source: ana}]}, then: {owner: ana, sla: hot}}
  - rule: {name: slow, when: {all: [{lead_type: slow}, {source: ana}]}, then: {owner: ana, sla: slow}}
  - rule: {name: ana, when: {source: ana}, then: {owner: ana}}
  - rule: {name: ben, when: {source: ben}, then: {owner: ben}}
  - rule: {name: cem, when: {source: cem}, then: {owner: cem}}
  - rule: {name: dia, when: {source: dia}, then: {owner: dia}}
  - round_robin: {team: inbound}
  - queue: {name: unrouted}
"""
_numbers = itertools.count()


async def furnish(workspace: Workspace) -> None:
    """A Tuesday morning in Berlin: a lead goes to the owner that its `source` names."""
    await at(workspace, f"{TUESDAY}T09:00+01:00")
    await workspace.pool.execute(
        "UPDATE workspaces SET timezone = 'Europe/Berlin' WHERE id = $1", workspace.workspace_id
    )
    for owner in OWNERS:
        await workspace.put("owners", owner, {"name": owner.title(), "timezone": "Europe/Berlin"})
    members = [{"owner": owner} for owner in OWNERS]
    await workspace.put("teams", "inbound", {"name": "Inbound", "members": members})
    await workspace.publish(PLAN)


async def arrive(workspace: Workspace, source: str | None = "ana", **fields: Any) -> dict[str, Any]:
    """A lead that nobody knows yet; the decision about it."""
    return await workspace.assign(external_id=f"lead-{next(_numbers)}", source=source, **fields)


async def tell(
    workspace: Workspace, lead: Mapping[str, Any], *types: str, status: int = 200, **event: Any
) -> dict[str, Any]:
    """Events of these types about a lead, one after the other; the last answer."""
    result: dict[str, Any] = {}
    for type_ in types:
        body = {"items": [{"lead_id": lead["lead_id"], "type": type_, **event}]}
        item = (await workspace.client.post("/events", json=body)).json()["items"][0]
        assert item["status"] == status, item
        result = item.get("result") or item["problem"]
    return result


async def give(workspace: Workspace, lead: Mapping[str, Any], *owners: str) -> None:
    """A lead is passed on to these owners, one after the other."""
    for owner in owners:
        body = {"lead_id": lead["lead_id"], "to": {"owner": owner}}
        answer = await workspace.client.post("/reassign", json=body)
        assert answer.status_code == 201, answer.text


async def claim(workspace: Workspace, lead: Mapping[str, Any], owner: str, queue: str = "desk") -> None:
    body = {"owner_id": owner, "lead_id": lead["lead_id"]}
    answer = await workspace.client.post(f"/queues/{queue}/claim", json=body)
    assert answer.status_code == 200, answer.text


async def owned_by(workspace: Workspace, lead: Mapping[str, Any], owner: str | None) -> None:
    """Wait until the lead has this owner."""
    end = time.monotonic() + PATIENCE
    while True:
        found = (await workspace.get(f"/leads/{lead['lead_id']}"))["owner"]
        if (found["id"] if found else None) == owner:
            return
        assert time.monotonic() < end, found
        await asyncio.sleep(0.02)


async def move_to(workspace: Workspace, time_: str, day: str = TUESDAY) -> None:
    """The time in Berlin is this, and what is due by then has happened."""
    await at(workspace, f"{day}T{time_}+01:00")
    await quiet(workspace)


async def report(workspace: Workspace, name: str, **asked: Any) -> "Told":
    """What a report says about the week."""
    answer = await workspace.client.get(f"/metrics/{name}", params={**WEEK, **asked})
    assert answer.status_code == 200, answer.text
    return Told(answer.json())


class Told:
    """The answer of a report, with rates as what they were counted from: `3/8`."""

    def __init__(self, body: Mapping[str, Any]) -> None:
        self.body = body
        self.rows = [{name: _short(cell) for name, cell in row.items()} for row in body["rows"]]
        self.totals = {
            name: _short(cell) for name, cell in body["totals"].items() if name not in _names_of(body)
        }

    def interval(self, name: str) -> tuple[float, float, float]:
        """A rate of the totals and its interval, in per cent."""
        cell = self.body["totals"][name]
        return round(100 * cell["rate"], 1), round(100 * cell["low"], 1), round(100 * cell["high"], 1)

    def of(self, **group: str | None) -> dict[str, Any]:
        """The row of a group."""
        (row,) = [row for row in self.rows if group.items() <= row.items()]
        return row

    def counts(self, name: str) -> dict[str | None, Any]:
        """One column, by what the rows are grouped by."""
        (by,) = self.body["group_by"] or ["reason"]
        return {row[by]: row[name] for row in self.rows}


def _names_of(body: Mapping[str, Any]) -> set[str]:
    return {each["name"] for each in body["columns"] if each["unit"] == "name"}


def _short(cell: Any) -> Any:
    return f"{cell['numerator']}/{cell['denominator']}" if isinstance(cell, dict) else cell


def shown(told: Mapping[str, Any], *names: str) -> dict[str, Any]:
    """Some cells of a row."""
    return {name: told[name] for name in names}
