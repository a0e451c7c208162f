"""The facts behind the report about fairness equal the ledger, row by row."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

import pytest

from app.engine.selection.fair_share import LEAD_UNITS
from app.reports import share_facts
from app.reports.share_facts import fill_share_facts
from app.reports.shares import DUE, RECEIVED, REFUNDS, UNKNOWN
from tests.audit.test_verify import busy_days
from tests.support.factories import OWNERS, ROUND_ROBIN_PLAN, TEAM
from tests.support.workspace import Workspace

FACTS = """
SELECT facts.team_id, facts.number, facts.at, facts.assignment_id, split.owners, split.columns, split.amounts
  FROM share_facts AS facts JOIN share_splits AS split USING (workspace_id)
 WHERE workspace_id = $1 AND split.id = facts.split_id ORDER BY team_id, number
"""
LEDGER = """
SELECT team_id, number, cause, chosen, owners, amounts FROM ledger_entries
 WHERE workspace_id = $1 ORDER BY team_id, number
"""


async def filled(workspace: Workspace) -> list[Any]:
    """Every fact, once all are computed."""
    while await fill_share_facts(workspace.pool, workspace.workspace_id):
        pass
    return await workspace.fetch(FACTS)


def amounts_of(row: Any) -> Counter[tuple[str, str]]:
    """The amounts of a fact by owner and column."""
    found: Counter[tuple[str, str]] = Counter()
    for owner, column, amount in zip(row["owners"], row["columns"], row["amounts"], strict=True):
        found[owner, column] += amount
    return found


def column(amounts: Counter[tuple[str, str]], name: str) -> dict[str, float]:
    """One column in whole leads, without zeros."""
    return {
        owner: amount / LEAD_UNITS for (owner, each), amount in amounts.items() if each == name and amount
    }


@pytest.mark.alone
async def test_facts_add_up_to_the_ledger_row_by_row(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    await busy_days(workspace)
    facts, ledger = await filled(workspace), await workspace.fetch(LEDGER)
    assert len(facts) == len(ledger) > 50
    for fact, row in zip(facts, ledger, strict=True):
        assert (fact["team_id"], fact["number"]) == (row["team_id"], row["number"])
        check(amounts_of(fact), row)
    causes = {each for fact in facts for each in fact["columns"]}
    assert {"excluded", "cap", "inactive"} <= causes
    assert UNKNOWN not in causes
    await workspace.pool.execute("DELETE FROM share_facts")
    await workspace.pool.execute("DELETE FROM share_splits")
    monkeypatch.setattr(share_facts, "SLICE", 7)
    assert await filled(workspace) == facts


def check(amounts: Counter[tuple[str, str]], row: Any) -> None:
    """One fact is the row of the ledger: by member, by column, and in all."""
    change: Counter[str] = Counter()
    sums: Counter[str] = Counter()
    for (owner, name), amount in amounts.items():
        change[owner] += -amount if name == RECEIVED else amount
        sums[name] += amount
    stored = dict(zip(row["owners"], row["amounts"], strict=True))
    assert {owner: part for owner, part in change.items() if part} == {
        owner: part for owner, part in stored.items() if part
    }
    turn = LEAD_UNITS if row["cause"] == "turn" else 0
    assert (sums.pop(DUE, 0), sums.pop(RECEIVED, 0)) == (turn, turn)
    assert not any(sums.values())


async def turns(workspace: Workspace, *leads: Sequence[Any]) -> list[dict[str, Any]]:
    """Assign one lead after the other, each with its own fields."""
    return [await workspace.assign(external_id=f"lead-{at}", **dict(each)) for at, each in enumerate(leads)]


async def test_an_erased_decision_leaves_the_cause_unknown(workspace: Workspace) -> None:
    await workspace.publish(ROUND_ROBIN_PLAN)
    await workspace.put("owners", "eve", {**OWNERS["eve"], "active": False})
    await turns(workspace, ())
    await workspace.pool.execute("UPDATE assignments SET response = '', inputs = ''")
    amounts = amounts_of((await filled(workspace))[0])
    # Weights are 2, 1, 1; eve could not take the lead, but nobody can tell why any more.
    assert column(amounts, DUE) == {"ana": 0.5, "ben": 0.25, "eve": 0.25}
    assert column(amounts, UNKNOWN)["eve"] == -0.25


async def test_weights_are_those_of_the_day_of_the_turn(workspace: Workspace) -> None:
    await workspace.publish(ROUND_ROBIN_PLAN)
    members = [{"owner": "ana", "ramp": {"factor": 0.5, "until": "2030-11-20"}}, {"owner": "ben"}]
    await workspace.put("teams", TEAM, {"name": "Inbound", "members": members})
    await workspace.start_at_noon()
    await turns(workspace, ())
    ended = [{"owner": "ana", "ramp": {"factor": 0.5, "until": "2030-11-21"}}, {"owner": "ben"}]
    await workspace.put("teams", TEAM, {"name": "Inbound", "members": ended})
    await workspace.assign(external_id="another")
    first, second = await filled(workspace)
    assert column(amounts_of(first), DUE) == {"ana": 0.5, "ben": 0.5}
    assert column(amounts_of(second), DUE) == pytest.approx({"ana": 1 / 3, "ben": 2 / 3}, abs=1e-11)


async def test_members_that_the_trace_only_counts_have_the_code_they_share(workspace: Workspace) -> None:
    await workspace.publish(ROUND_ROBIN_PLAN)
    async with workspace.edit() as edit:
        for number in range(60):
            body = {"name": f"Rep {number}", "active": number == 30}
            await edit.put("owners", f"rep{number}", body, None)
        members = [{"owner": f"rep{number}"} for number in range(60)]
        await edit.put("teams", TEAM, {"name": "Inbound", "members": members}, await edit.find("teams", TEAM))
    await turns(workspace, ())
    amounts = amounts_of((await filled(workspace))[0])
    lost = column(amounts, "inactive")
    assert len(lost) == 60
    assert lost["rep59"] == pytest.approx(-1 / 60, abs=1e-11)


async def test_a_refund_is_a_fact_of_its_own(workspace: Workspace) -> None:
    plan = {**ROUND_ROBIN_PLAN, "reject_reasons": {"bad_data": {"refund": True}}}
    await workspace.publish(plan)
    decided = (await turns(workspace, ()))[0]
    rejected = {"type": "rejected", "reason": "bad_data", "by": decided["owner"]["id"]}
    answer = await workspace.client.post(f"/assignments/{decided['assignment_id']}/events", json=rejected)
    assert answer.status_code in {200, 201}, answer.text
    found = [amounts_of(row) for row in await filled(workspace)]
    refund = column(found[1], REFUNDS)
    assert sum(refund.values()) == 0
    assert refund[decided["owner"]["id"]] > 0
    assert {name for _, name in found[1]} == {REFUNDS}
