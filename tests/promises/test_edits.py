"""The directory and the plan change while two processes decide."""

import asyncio
import time
from collections.abc import Sequence

import httpx2

from app.engine.selection.fair_share import LEAD_UNITS
from tests.promises.audit import audit
from tests.support.callers import callers, insist_on_all
from tests.support.factories import ROUND_ROBIN_PLAN, TEAM, lead
from tests.support.processes import PATIENCE, services
from tests.support.workspace import Workspace, stored_workspace

OWNED = """
SELECT decision_number, owner_id, plan_version FROM assignments WHERE workspace_id = $1
  ORDER BY decision_number
"""
GONE = {"name": "Rep 0", "active": False}
BACK = {"name": "Rep 0", "active": True}


async def _load(
    clients: Sequence[httpx2.AsyncClient], edits: asyncio.Task[object], *, returning: bool
) -> int:
    """Post 400 leads, and more until the edits are over; their number. Every third one may be returning."""
    sent = 0
    while sent < 400 or not edits.done():
        numbers = range(sent, sent + 80)
        bodies = [(f"k{n}", lead(n % 30 if returning and n % 3 == 0 else n)) for n in numbers]
        await insist_on_all(clients, bodies, 16)
        sent += len(numbers)
    return sent


async def _come_and_go(workspace: Workspace, rounds: int) -> list[tuple[int, int]]:
    """Deactivate rep0, publish, and activate rep0 again: the decision numbers of each absence."""
    gone: list[tuple[int, int]] = []
    for _ in range(rounds):
        async with workspace.edit() as edit:
            await edit.put("owners", "rep0", GONE, await edit.find("owners", "rep0"))
            left = edit.snapshot.entry.decision_number
        await workspace.publish(ROUND_ROBIN_PLAN)
        await _some_decisions(workspace, left)
        async with workspace.edit() as edit:
            await edit.put("owners", "rep0", BACK, await edit.find("owners", "rep0"))
            gone.append((left, edit.snapshot.entry.decision_number))
        await _some_decisions(workspace, gone[-1][1])
    return gone


async def _change_members(workspace: Workspace, rounds: int) -> str:
    """Leave another member of the team out in each round: the last one."""
    everybody = [{"owner": f"rep{n}", "weight": weight} for n, weight in enumerate([3, 2, 2, 1, 1])]
    for round_ in range(rounds):
        async with workspace.edit() as edit:
            members = [one for n, one in enumerate(everybody) if n != round_ % 5]
            body = {"name": "Inbound", "members": members}
            await edit.put("teams", TEAM, body, await edit.find("teams", TEAM))
            since = edit.snapshot.entry.decision_number
        await _some_decisions(workspace, since)
    return f"rep{(rounds - 1) % 5}"


async def _some_decisions(workspace: Workspace, since: int) -> None:
    """Wait for twelve more decisions; the load lasts longer than the edits."""
    until = time.monotonic() + PATIENCE
    while True:
        assert time.monotonic() < until
        (row,) = await workspace.fetch(
            "SELECT max(decision_number) AS last FROM assignments WHERE workspace_id = $1"
        )
        if (row["last"] or 0) >= since + 12:
            return
        await asyncio.sleep(0.002)


async def test_a_deactivated_owner_gets_no_lead_and_plan_versions_never_go_back(database: str) -> None:
    async with stored_workspace(database, [1, 1, 1, 1]) as workspace:
        with services(database, 2) as running:
            async with callers(workspace, running) as clients:
                edits = asyncio.create_task(_come_and_go(workspace, 8))
                await _load(clients, edits, returning=True)
                gone = await edits
            assert not any(service.logged_errors for service in running)
        books = await audit(workspace)
        decisions = await workspace.fetch(OWNED)
    for left, came_back in gone:
        assert "rep0" not in {row["owner_id"] for row in decisions[left:came_back]}
    assert "rep0" in {row["owner_id"] for row in decisions}
    versions = [row["plan_version"] for row in decisions]
    assert versions == sorted(versions)
    assert len(set(versions)) > 2
    balances = [books.state.balance(TEAM, f"rep{n}").balance for n in range(4)]
    assert sum(balances) == 0
    assert max(map(abs, balances)) <= 1.5 * LEAD_UNITS


async def test_a_member_joins_at_zero_and_a_leaver_hands_on_the_balance(database: str) -> None:
    async with stored_workspace(database, [1, 1, 1, 1, 1]) as workspace:
        with services(database, 2) as running:
            async with callers(workspace, running) as clients:
                edits = asyncio.create_task(_change_members(workspace, 12))
                sent = await _load(clients, edits, returning=False)
                out = await edits
        books = await audit(workspace)
        rebalanced = await workspace.fetch(
            "SELECT 1 FROM ledger_entries WHERE workspace_id = $1 AND cause = 'rebalanced'"
        )
    assert len(rebalanced) > 5
    assert sum(books.shares().values()) == sent
    assert books.state.balance(TEAM, out).balance == 0
