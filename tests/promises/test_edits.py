"""The directory and the plan change while two processes decide."""

import asyncio

from app.engine.selection.fair_share import LEAD_UNITS
from tests.promises.audit import audit
from tests.support.callers import callers, insist_on_all
from tests.support.factories import ROUND_ROBIN_PLAN, TEAM, lead
from tests.support.processes import services
from tests.support.workspace import Workspace, stored_workspace

OWNED = """
SELECT decision_number, owner_id, plan_version FROM assignments WHERE workspace_id = $1
  ORDER BY decision_number
"""
GONE = {"name": "Rep 0", "active": False}
BACK = {"name": "Rep 0", "active": True}


async def _edit_for(workspace: Workspace, load: asyncio.Task[object]) -> list[tuple[int, int]]:
    """Let rep0 come and go, and publish, in six rounds at least: the decision numbers of each absence."""
    gone: list[tuple[int, int]] = []
    while len(gone) < 6 or not load.done():
        async with workspace.edit() as edit:
            await edit.put("owners", "rep0", GONE, await edit.find("owners", "rep0"))
            left = edit.snapshot.entry.decision_number
        await workspace.publish(ROUND_ROBIN_PLAN)
        await _some_decisions(workspace, left, load)
        async with workspace.edit() as edit:
            await edit.put("owners", "rep0", BACK, await edit.find("owners", "rep0"))
            gone.append((left, edit.snapshot.entry.decision_number))
        await _some_decisions(workspace, gone[-1][1], load)
    return gone


async def _some_decisions(workspace: Workspace, since: int, load: asyncio.Task[object]) -> None:
    while not load.done():
        (row,) = await workspace.fetch(
            "SELECT max(decision_number) AS last FROM assignments WHERE workspace_id = $1"
        )
        if (row["last"] or 0) >= since + 12:
            return
        await asyncio.sleep(0.002)


async def test_nobody_gone_gets_a_lead_and_versions_never_go_back(database: str) -> None:
    async with stored_workspace(database, [1, 1, 1, 1]) as workspace:
        with services(database, 2) as running:
            async with callers(workspace, running) as clients:
                # Every third one is a person who was here before, perhaps with an owner who is gone now.
                bodies = [(f"k{n}", lead(n if n % 3 else n % 30)) for n in range(450)]
                load = asyncio.create_task(insist_on_all(clients, bodies, 16))
                gone = await _edit_for(workspace, load)
                await load
            assert not any(service.logged_errors for service in running)
        books = await audit(workspace)
        decisions = await workspace.fetch(OWNED)
    assert len(gone) > 2
    for left, came_back in gone:
        assert "rep0" not in {row["owner_id"] for row in decisions[left:came_back]}
    assert "rep0" in {row["owner_id"] for row in decisions}
    versions = [row["plan_version"] for row in decisions]
    assert versions == sorted(versions)
    assert len(set(versions)) > 2
    balances = [books.state.balance(TEAM, f"rep{n}").balance for n in range(4)]
    assert sum(balances) == 0
    assert max(map(abs, balances)) <= 1.5 * LEAD_UNITS


async def test_who_joins_starts_at_zero_and_who_leaves_hands_on_his_balance(database: str) -> None:
    everybody = [{"owner": f"rep{n}", "weight": weight} for n, weight in enumerate([3, 2, 2, 1, 1])]
    async with stored_workspace(database, [1, 1, 1, 1, 1]) as workspace:
        with services(database, 2) as running:
            async with callers(workspace, running) as clients:
                load = asyncio.create_task(insist_on_all(clients, [(None, lead(n)) for n in range(400)], 16))
                turn = 0
                while turn < 6 or not load.done():
                    turn += 1
                    async with workspace.edit() as edit:
                        before = await edit.find("teams", TEAM)
                        members = [one for n, one in enumerate(everybody) if n != turn % 5]
                        await edit.put("teams", TEAM, {"name": "Inbound", "members": members}, before)
                        since = edit.snapshot.entry.decision_number
                    await _some_decisions(workspace, since, load)
                await load
        books = await audit(workspace)
        rebalanced = await workspace.fetch(
            "SELECT 1 FROM ledger_entries WHERE workspace_id = $1 AND cause = 'rebalanced'"
        )
    assert len(rebalanced) > 5
    assert sum(books.shares().values()) == 400
    out = f"rep{turn % 5}"
    assert books.state.balance(TEAM, out).balance == 0
