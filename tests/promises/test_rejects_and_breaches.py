"""A double click on reject and a breach of one instant, from three processes, move a lead once."""

import asyncio
import time
from collections import Counter
from contextlib import ExitStack
from typing import Any

import httpx2
import pytest

from app.audit.verify import verify
from tests.support.callers import callers, insist_on_all
from tests.support.factories import TEAM, lead
from tests.support.office import at
from tests.support.processes import PATIENCE, Service
from tests.support.workspace import Workspace, stored_workspace

PLAN = {
    "queues": {"unrouted": {"claimable_by": TEAM}},
    "reject_reasons": {"wrong_region": {"refund": True}},
    "max_refunds_per_day": 1,
    "slas": {"hot": {"accept": "15m", "grace": 0, "on_breach": "take_away"}},
    "pipeline": [{"round_robin": {"team": TEAM, "sla": "hot"}}, {"queue": {"name": "unrouted"}}],
}
OWNERS = 4
LEFT_ALONE = 5
"""Leads that nobody rejects."""
ASSIGNMENTS = """
SELECT id::text AS id, lead_id::text AS lead_id, owner_id, attempt, end_cause, refunded FROM assignments
 WHERE workspace_id = $1 ORDER BY decision_number
"""
DUE = """
SELECT count(*) AS n FROM sla_clocks JOIN clocks USING (workspace_id)
 WHERE workspace_id = $1 AND state = 'pending' AND next_at <= base_time
"""
UNBALANCED = """
SELECT number FROM ledger_entries
 WHERE workspace_id = $1 AND (SELECT sum(each) FROM unnest(amounts) AS each) <> 0
"""
Answers = list[httpx2.Response]


async def _click(client: httpx2.AsyncClient, made: dict[str, Any], click: int) -> httpx2.Response:
    event = {"id": f"{made['lead_id']}-{click}", "type": "rejected", "reason": "wrong_region"}
    return await client.post(f"/assignments/{made['assignment_id']}/events", json=event)


async def _clicks_and_breach(
    workspace: Workspace, clients: list[httpx2.AsyncClient], leads: list[dict[str, Any]]
) -> Answers:
    """Two clicks on each lead, over both services, and the deadline as soon as the first is answered."""
    await at(workspace, "2031-05-06T10:14:59Z")
    sent = [
        asyncio.ensure_future(_click(clients[(number + click) % 2], made, click))
        for number, made in enumerate(leads)
        for click in range(2)
    ]
    await asyncio.wait(sent, return_when=asyncio.FIRST_COMPLETED)
    await at(workspace, "2031-05-06T10:15:00Z")
    answers = await asyncio.gather(*sent)
    until = time.monotonic() + PATIENCE
    while (await workspace.fetch(DUE))[0]["n"]:
        assert time.monotonic() < until
        await asyncio.sleep(0.05)
    return answers


@pytest.mark.parametrize("count", [40, pytest.param(300, marks=pytest.mark.long)])
async def test_double_clicks_and_a_breach_move_each_lead_once(database: str, count: int) -> None:
    async with stored_workspace(database) as workspace:
        await workspace.team([1] * OWNERS)
        await workspace.publish(PLAN)
        await at(workspace, "2031-05-06T10:00:00Z")
        with ExitStack() as stack:
            serving = [stack.enter_context(Service(database, no_worker="true")) for _ in range(2)]
            working = stack.enter_context(Service(database, worker_interval_seconds="0.01"))
            async with callers(workspace, serving) as clients:
                bodies = [(None, lead(number)) for number in range(count + LEFT_ALONE)]
                leads = await insist_on_all(clients, bodies, 16)
                answers = await _clicks_and_breach(workspace, clients, leads[:count])
            assert not any(service.logged_errors for service in (*serving, working))
        _check(leads, answers, await workspace.fetch(ASSIGNMENTS))
        unbalanced = await workspace.fetch(UNBALANCED)
        report = await verify(workspace.pool, workspace.workspace_id)
    assert unbalanced == []
    assert report.clean, report.lines()


def _check(leads: list[dict[str, Any]], answers: Answers, rows: list[Any]) -> None:
    taken = [each.json() for each in answers if each.status_code == 200]
    late = [each for each in answers if each.status_code != 200]
    assert {(each.status_code, each.json()["code"]) for each in late} == {(409, "superseded")}
    first = {row["id"]: row for row in rows if row["attempt"] == 1}
    causes = Counter(row["end_cause"] for row in first.values())
    assert first.keys() == {made["assignment_id"] for made in leads}
    assert causes == {"rejected": len(taken), "taken_away": len(leads) - len(taken)}
    assert causes["rejected"] >= 1
    assert causes["taken_away"] >= LEFT_ALONE
    assert Counter(row["lead_id"] for row in rows) == {made["lead_id"]: 2 for made in leads}
    # Each owner gets one turn of the day back, however often they reject; a take-away gives nothing back.
    rejected = {first[each["assignment_id"]]["owner_id"] for each in taken}
    refunded = [row["owner_id"] for row in rows if row["refunded"]]
    assert sorted(refunded) == sorted(rejected)
    codes = Counter(each["code"] for each in taken)
    assert codes[None] == len(rejected)
    assert codes["refund_limit"] == len(taken) - len(rejected)
