"""Facts for reports that are made while their process is killed are those that would be made afterwards."""

import asyncio
import time
from collections.abc import Awaitable, Sequence
from typing import Any

import pytest

from app.audit.verify import verify
from app.reports.upkeep import FactUpkeep
from tests.promises.audit import audit
from tests.support.callers import callers, insist_on_all
from tests.support.factories import lead
from tests.support.processes import PATIENCE, Service, services
from tests.support.workspace import Workspace, stored_workspace

TOLD = 20
"""As many of the last leads have events."""
TABLES = ("lead_facts", "assignment_facts", "promise_facts", "event_facts", "sale_facts")
MADE = "SELECT coalesce(max(decision_number), 0) AS n FROM fact_cursors WHERE workspace_id = $1"
SOME = "SELECT id FROM assignments WHERE workspace_id = $1 AND decision_number > $2"
EVENTS: tuple[dict[str, Any], ...] = (
    {"type": "first_touch"},
    {"type": "reached"},
    {"type": "purchase", "ref": "D", "amount": 100, "currency": "EUR"},
)


async def _made(workspace: Workspace, wanted: int) -> None:
    until = time.monotonic() + PATIENCE
    while (await workspace.fetch(MADE))[0]["n"] < wanted:
        assert time.monotonic() < until
        await asyncio.sleep(0.005)


async def _forget(workspace: Workspace) -> None:
    for table in (*TABLES, "fact_cursors"):
        await workspace.fetch(f"DELETE FROM {table} WHERE workspace_id = $1")


async def _facts(workspace: Workspace) -> dict[str, set[str]]:
    await FactUpkeep(workspace.pool).catch_up(workspace.workspace_id, PATIENCE)
    return {
        table: {
            row["fact"]
            for row in await workspace.fetch(
                f"SELECT to_jsonb(fact)::text AS fact FROM {table} AS fact WHERE workspace_id = $1"
            )
        }
        for table in TABLES
    }


async def _again(running: Sequence[Service], meanwhile: Awaitable[None] | None = None) -> None:
    for each in running:
        each.kill()
    if meanwhile is not None:
        await meanwhile
    for each in running:
        each.start()


@pytest.mark.parametrize(("leads", "kills"), [(100, 1), pytest.param(600, 4, marks=pytest.mark.long)])
async def test_facts_made_under_kills_equal_those_made_afterwards(
    database: str, leads: int, kills: int
) -> None:
    async with stored_workspace(database, [1, 1, 1, 1]) as workspace:
        with services(database, 2, worker_interval_seconds="0.05") as running:
            async with callers(workspace, running) as clients:
                await insist_on_all(clients, [(f"k{n}", lead(n)) for n in range(leads)], 16)
                for each in await workspace.fetch(SOME, leads - TOLD):
                    for event in EVENTS:
                        told = await clients[0].post(f"/assignments/{each['id']}/events", json=event)
                        assert told.status_code == 200
            await _again(running, _forget(workspace))  # a worker that begins looks at all workspaces at once
            for number in range(1, kills + 1):
                await _made(workspace, number * leads // (kills + 2))
                await _again(running)
            await _made(workspace, leads)
        under_kills = await _facts(workspace)
        await _forget(workspace)
        afterwards = await _facts(workspace)
        books = await audit(workspace)
        clean = (await verify(workspace.pool, workspace.workspace_id)).clean
    assert under_kills == afterwards
    assert (len(afterwards["lead_facts"]), len(afterwards["sale_facts"])) == (leads, TOLD)
    assert books.decisions == leads
    assert clean
