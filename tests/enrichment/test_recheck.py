"""Leads that were decided without a provider are decided again, once, if nobody has touched them."""

import asyncio
import re
import time
from datetime import timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from app.audit.verify import verify
from app.plan.document.enrichment import Enrichment
from tests.enrichment.test_kept import set_time
from tests.support.answering import Answer, Asked, answering
from tests.support.processes import PATIENCE
from tests.support.workspace import NOON, Filled, Workspace, open_filled

PLAN = """
queues: {{big: {{}}}}
pipeline:
  - rule: {{name: big, when: {{employees: {{gte: 500}}}}, then: {{queue: big}}}}
  - round_robin: {{team: inbound}}
enrichment:
  deadline: 5s
  recheck: 10m
  providers:
    - provider: http
      name: firms
      timeout: 5s
      max_failures: 1000
      fill: {{employees: people}}
      settings: {{url: "{base}/firms?name={{company}}"}}
"""


async def clocks_ended(workspace: Workspace, left: int = 0) -> None:
    """Wait until no lead is to be decided again."""
    rows = "SELECT 1 FROM sla_clocks WHERE workspace_id = $1 AND kind = 'recheck' AND state = 'pending'"
    until = time.monotonic() + PATIENCE
    while len(await workspace.fetch(rows)) > left:
        assert time.monotonic() < until
        await asyncio.sleep(0.02)


async def test_another_process_decides_untouched_leads_again_once(filled: Filled) -> None:
    """Of five leads one moves, one was touched, one stays, of one the company fails again, and one is odd."""
    works: list[bool] = []

    def answer(asked: Asked) -> Answer:
        if "Odd" in asked.path:
            return (422, {})
        if not works or "Dead" in asked.path:
            return (503, {})
        return (200, {"people": 10 if "Small" in asked.path else 900})

    leads: dict[str, dict[str, Any]] = {}
    async with (
        open_filled(filled, no_worker=True) as first,
        answering(answer, first.app.state.target_http) as service,
    ):
        await first.publish(PLAN.format(base=service.base))
        await set_time(first, NOON)
        for name in ("Big", "Touched", "Small", "Dead", "Odd"):
            leads[name] = await first.assign(email=f"{name}@{name}.example", company=name)
        touch = f"/assignments/{leads['Touched']['assignment_id']}/events"
        assert (await first.client.post(touch, json={"type": "first_touch"})).status_code == 200
        for owner in {each["owner"]["id"] for each in leads.values()}:
            leave = {"from": "2040-02-01", "to": "2040-02-05"}
            left = await first.client.post(f"/owners/{owner}/absences", json=leave)
            assert left.status_code == 201, left.text
        works.append(True)
        service.asked.clear()
        async with open_filled(filled, worker_interval_seconds=0.02) as other:
            http, same = other.app.state.target_http, first.app.state.target_http
            http.allowed, http.resolve, http.context = same.allowed, same.resolve, same.context
            await set_time(other, NOON + timedelta(minutes=9, seconds=59))
            await clocks_ended(other, left=4)
            await set_time(other, NOON + timedelta(minutes=10))
            await clocks_ended(other)
            await moved_once(other, leads)
            assert sorted(service.paths) == [f"/firms?name={name}" for name in ("Big", "Dead", "Small")]


async def moved_once(workspace: Workspace, leads: dict[str, dict[str, Any]]) -> None:
    """Only the lead of the big company has moved, and its first owner has nothing left to do."""
    shown = {name: await workspace.get(f"/leads/{each['lead_id']}") for name, each in leads.items()}
    causes = {name: [each["cause"] for each in lead["assignments"]] for name, lead in shown.items()}
    assert causes == {**{name: ["assign"] for name in leads}, "Big": ["assign", "recheck"]}
    before, after = shown["Big"]["assignments"]
    owner = before["owner"]
    assert (before["end_cause"], after["queue"]) == ("superseded", "big")
    assert after["reason"]["text"].endswith(
        f"{owner['name']} had it before. It was decided again, because there is news from firms."
    )
    assert shown["Big"]["fields"]["origins"] == {"employees": "firms"}
    explained = await workspace.get(f"/assignments/{after['assignment_id']}/explain")
    assert (explained["reproduced"], explained["origins"]) == (True, {"employees": "firms"})
    actions = await workspace.fetch("SELECT type, body FROM actions WHERE workspace_id = $1")
    assert [row["type"] for row in actions if row["type"] == "cancel_task"] == ["cancel_task"]
    assert any(f'"owner":"{owner["id"]}"' in row["body"].replace(" ", "") for row in actions)
    turns = await workspace.fetch("SELECT cause FROM ledger_entries WHERE workspace_id = $1 ORDER BY number")
    assert [row["cause"] for row in turns].count("refund") == 1
    text = (await workspace.client.get("/metrics")).text
    counted = re.findall(r'enrichment_rechecks_total\{result="(\w+)",workspace="[^"]+"\} (\d)', text)
    assert dict(counted) == {"moved": "1", "kept": "2", "touched": "1"}
    assert (await verify(workspace.pool, workspace.workspace_id)).clean


@pytest.mark.parametrize("recheck", ["30s", "8d", "often", "0"])
def test_time_of_a_recheck_has_bounds(recheck: str) -> None:
    with pytest.raises(ValidationError, match="recheck"):
        Enrichment.model_validate({"recheck": recheck, "providers": [{"provider": "accounts"}]})
