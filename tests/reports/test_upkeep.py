"""Facts follow the decisions and events, survive erasure, and equal what a new count would give."""

from typing import Any

import pytest

from app.reports.upkeep import FactUpkeep
from app.store.connection.pool import transaction
from app.store.reports.fact_cursor import read_cursor
from tests.support.workspace import Workspace

PLAN = """
scores: {fit: [{when: {employees: {gte: 10}}, points: 50}]}
slas: {standard: {accept: 5m, touch: 15m}}
pipeline:
  - score: {name: grade, model: [fit], bands: {hot: {gte: 40}, cold: {lt: 40}}}
  - rule: {name: web, when: {source: web}, then: {owner: ana, sla: standard}}
  - round_robin: {name: turns, team: inbound}
queues: {desk: {}}
follow_up:
  - do: [{type: sequence, name: hello}]
"""
TABLES = ("lead_facts", "assignment_facts", "promise_facts", "event_facts", "sale_facts")


@pytest.fixture
async def leads(workspace: Workspace) -> Workspace:
    """A workspace with this plan, at noon."""
    await workspace.start_at_noon()
    await workspace.publish(PLAN)
    return workspace


async def report(workspace: Workspace, decision: dict[str, Any], **event: Any) -> None:
    url = f"/assignments/{decision['assignment_id']}/events"
    answer = await workspace.client.post(url, json=event)
    assert answer.status_code == 200, answer.text


async def facts(workspace: Workspace, table: str) -> list[Any]:
    """The rows of a table of facts, up to date."""
    await FactUpkeep(workspace.pool).catch_up(workspace.workspace_id, 30)
    return await workspace.fetch(f"SELECT * FROM {table} WHERE workspace_id = $1")


async def all_facts(workspace: Workspace) -> dict[str, set[tuple[Any, ...]]]:
    return {
        table: {tuple(map(str, row.values())) for row in await facts(workspace, table)} for table in TABLES
    }


async def test_facts_hold_how_a_lead_came_and_what_happened(leads: Workspace) -> None:
    decision = await leads.assign(
        email="a@x.example", source="web", employees=20, campaign="spring", utm={"campaign": "autumn"}
    )
    await report(leads, decision, type="first_touch")
    await report(leads, decision, type="reached")
    await report(leads, decision, type="purchase", ref="D", amount=100, currency="EUR")
    (lead,) = await facts(leads, "lead_facts")
    cuts = (lead["source"], lead["campaign"], lead["band"], lead["step"], lead["strategy"], lead["owner_id"])
    assert cuts == ("web", "spring", "hot", "web", "rule", "ana")
    assert (lead["tries"], lead["tries_until_reached"], lead["tags_conflict"]) == (1, 1, True)
    assert lead["follow_up_at"] == lead["received_at"] < lead["first_touch_at"] < lead["reached_at"]
    (sale,) = await facts(leads, "sale_facts")
    assert (sale["won"], sale["won_deals"], sale["currency"]) == (100, 1, "EUR")
    promises = {row["kind"]: row for row in await facts(leads, "promise_facts")}
    assert {kind: row["met_by"] for kind, row in promises.items()} == {"accept": "ana", "touch": "ana"}


async def test_a_lead_that_arrives_while_a_report_is_made_does_not_make_it_incomplete(
    leads: Workspace,
) -> None:
    await leads.assign(email="a@x.example")
    asked = await FactUpkeep(leads.pool).catch_up(leads.workspace_id, 30)
    await leads.assign(email="b@x.example")
    async with transaction(leads.pool, leads.workspace_id, read_only=True) as connection:
        cursor = await read_cursor(connection, leads.workspace_id)
    assert not asked.is_behind
    assert cursor.is_behind
    assert not cursor.as_of(asked).is_behind


async def test_names_that_look_like_a_person_do_not_enter_facts(leads: Workspace) -> None:
    await leads.assign(email="a@x.example", source="jo@kunde.example", campaign="+49 30 1234567")
    (lead,) = await facts(leads, "lead_facts")
    assert (lead["source"], lead["campaign"]) == ("other", "other")


async def test_facts_made_again_from_the_start_are_the_same(leads: Workspace) -> None:
    for number in range(12):
        decision = await leads.assign(external_id=f"lead-{number % 9}", source="web" if number % 2 else None)
        if number % 3:
            await report(leads, decision, type="first_touch", by="ben" if number % 4 == 1 else None)
        if number % 4 == 0:
            await report(leads, decision, type="purchase", amount=number + 1, currency="EUR", ref="deal")
        if number % 5 == 0:
            await all_facts(leads)
    before = await all_facts(leads)
    for table in (*TABLES, "fact_cursors"):
        await leads.pool.execute(f"DELETE FROM {table} WHERE workspace_id = $1", leads.workspace_id)
    assert await all_facts(leads) == before
    assert not (await leads.agenda()).facts


async def test_facts_survive_the_erasure_of_the_lead(leads: Workspace) -> None:
    await leads.assign(email="b@y.example", source="web", campaign="spring")
    decision = await leads.assign(email="a@x.example", source="web", campaign="spring")
    await report(leads, decision, type="purchase", ref="D", amount=100, currency="EUR")
    before = await of_lead(leads, "lead_facts", decision)
    answer = await leads.client.delete(f"/leads/{decision['lead_id']}")
    assert answer.status_code < 300, answer.text
    await facts(leads, "lead_facts")
    after = await of_lead(leads, "lead_facts", decision)
    assert after["state"] == "erased"
    assert {**before, "state": ""} == {**after, "state": ""}
    assignment = await of_lead(leads, "assignment_facts", decision)
    assert (assignment["open"], assignment["end_cause"]) == (False, "erased")


async def test_name_that_only_the_erased_lead_was_sent_with_is_gone_at_once(leads: Workspace) -> None:
    await leads.assign(email="b@y.example", source="web", campaign="autumn")
    decision = await leads.assign(email="a@x.example", source="web", campaign="for anna only")
    await report(leads, decision, type="purchase", ref="D", amount=100, currency="EUR")
    await facts(leads, "lead_facts")
    assert (await leads.client.delete(f"/leads/{decision['lead_id']}")).status_code < 300
    for table in ("lead_facts", "assignment_facts", "event_facts", "sale_facts"):
        rows = await leads.fetch(
            f"SELECT source, campaign FROM {table} WHERE workspace_id = $1 AND lead_id = $2",
            decision["lead_id"],
        )
        assert {tuple(row) for row in rows} == {("web", "other")}, table


async def of_lead(leads: Workspace, table: str, decision: dict[str, Any]) -> Any:
    """The one fact of a lead."""
    (row,) = [row for row in await facts(leads, table) if str(row["lead_id"]) == decision["lead_id"]]
    return row


@pytest.mark.parametrize(("seconds", "known"), [(60.0, [2, 4, 5]), (0.0, [2, 3, 4, 5])])
async def test_a_slice_that_took_long_is_followed_by_a_smaller_one(
    leads: Workspace, monkeypatch: pytest.MonkeyPatch, seconds: float, known: list[int]
) -> None:
    monkeypatch.setattr("app.reports.upkeep.SLICE", 2)
    monkeypatch.setattr("app.reports.upkeep.SLICE_SECONDS", seconds)
    for number in range(5):
        await leads.assign(email=f"{number}@x.example", source="web")
    upkeep, found = FactUpkeep(leads.pool), []
    for _ in known:
        await upkeep.make_slice(leads.workspace_id)
        rows = await leads.fetch("SELECT count(*) FROM lead_facts WHERE workspace_id = $1")
        found.append(rows[0][0])
    assert found == known
