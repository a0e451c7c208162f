"""What leads bring in and cost, with numbers computed by hand."""

import csv
import io
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest_asyncio

from app.keys import issue
from tests.reports.case import Case
from tests.support.crm import open_crm
from tests.support.workspace import Workspace

MONDAY = datetime(2030, 11, 18, 9, tzinfo=UTC)
DAY = timedelta(days=1)
WEEK = {"from_": "2030-11-18", "to": "2030-11-25"}
PLAN = """
queues: {unrouted: {claimable_by: inbound}}
pipeline:
  - round_robin: {team: inbound}
  - queue: {name: unrouted}
"""


@pytest_asyncio.fixture
async def case(workspace: Workspace) -> Case:
    await workspace.publish(PLAN)
    return Case(workspace)


async def spend(case: Case, *rows: tuple[str, str, str, float]) -> dict[str, Any]:
    names = ("campaign", "day", "currency", "amount")
    sent = [dict(zip(names, row, strict=True)) for row in rows]
    answer = await case.workspace.client.put("/spend", json={"rows": sent})
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def by_currency(answer: dict[str, Any]) -> dict[str, Any]:
    return {row["currency"]: row for row in answer["rows"]}


async def test_leads_without_a_sale_are_in_the_denominator_and_currencies_apart(case: Case) -> None:
    """Six leads: EUR 1,000; EUR 500 less a refund of 200; USD 800; three buy nothing. Spend EUR 300."""
    leads = [await case.lead(MONDAY, campaign="autumn") for _ in range(6)]
    await case.event(leads[0], "purchase", amount=1000, currency="EUR", ref="d1")
    await case.event(leads[2], "purchase", amount=500, currency="EUR", ref="d3")
    await case.event(leads[2], "purchase", amount=-200, currency="EUR", ref="d3")
    await case.event(leads[3], "purchase", amount=800, currency="USD", ref="d4")
    await case.event(leads[0], "qualified")
    await spend(case, ("autumn", "2030-11-18", "EUR", 100), ("autumn", "2030-11-20", "EUR", 200))
    for parameters in ({}, {"campaign": "autumn"}, {"group_by": "campaign"}):
        found = by_currency(await case.report("revenue", **WEEK, **parameters))
        euro, dollar = found["EUR"], found["USD"]
        assert (euro["leads"], euro["revenue"], euro["revenue_per_lead"]) == (6, 1300, 216.67)
        assert (dollar["leads"], dollar["revenue"], dollar["revenue_per_lead"]) == (6, 800, 133.33)
        assert (euro["buyers"], euro["revenue_per_buyer"]) == (2, 650)
        assert (dollar["buyers"], dollar["revenue_per_buyer"]) == (1, 800)
        assert (euro["spend"], euro["cost_per_assigned_lead"], euro["cost_per_qualified_lead"]) == (
            300,
            50,
            300,
        )
        assert (dollar["spend"], dollar["cost_per_assigned_lead"]) == (0, 0)


async def test_refund_without_a_deal_is_taken_off_all_the_same(case: Case) -> None:
    lead = await case.lead(MONDAY)
    await case.event(lead, "purchase", amount=500, currency="EUR", ref="d1")
    await case.event(lead, "purchase", amount=-200, currency="EUR", ref="refund-1")
    other = await case.lead(MONDAY)
    await case.event(other, "purchase", amount=-50, currency="EUR")
    euro = by_currency(await case.report("revenue", **WEEK))["EUR"]
    assert (euro["revenue"], euro["deals"], euro["buyers"]) == (250, 1, 1)


async def test_purchase_of_a_merged_lead_counts_once(workspace: Workspace) -> None:
    """The same deal is told for a lead and for one that is merged into it."""
    async with open_crm(workspace) as crm:
        case = Case(crm.workspace)
        await case.at(MONDAY)
        leads = [await case.lead(crm={"lead_id": id_}) for id_ in ("101", "102", "103")]
        for lead in leads[:2]:
            await case.event(lead, "purchase", amount=1000, currency="EUR", ref="d1")
        merged = crm.event("101", kind="merged", others=["102"], at=MONDAY + timedelta(minutes=1))
        await case.at(MONDAY + DAY)
        await crm.tell(merged)
        euro = by_currency(await case.report("revenue", **WEEK))["EUR"]
        assert (euro["leads"], euro["revenue"], euro["buyers"]) == (2, 1000, 1)
        assert euro["revenue_per_lead"] == 500
        activity = by_currency(await case.report("revenue", **WEEK, by="event"))["EUR"]
        assert (activity["revenue"], activity["deals"]) == (1000, 1)
        totals = (await case.report("conversion", **WEEK))["totals"]
        assert (totals["purchase"]["numerator"], totals["purchase"]["denominator"]) == (1, 2)


async def test_pipeline_and_revenue_by_the_date_of_the_sale(case: Case) -> None:
    lead = await case.lead(MONDAY - 10 * DAY)
    await case.at(MONDAY)
    await case.event(lead, "opportunity", amount=900, currency="EUR", ref="d1")
    await case.at(MONDAY + DAY)
    await case.event(lead, "purchase", amount=1000, currency="EUR", ref="d1")
    await case.at(MONDAY + 2 * DAY)
    await case.event(lead, "reversed", ref="d1")
    answer = await case.report("revenue", **WEEK, by="event", group_by="day")
    found = [(row["day"], row["pipeline"], row["revenue"], row["deals"]) for row in answer["rows"]]
    assert found == [
        ("2030-11-18", 900, 0, 0),
        ("2030-11-19", 0, 1000, 1),
        ("2030-11-20", 0, -1000, -1),
    ]
    assert "revenue_per_lead" not in answer["rows"][0]
    cohort = await case.report("revenue", from_="2030-11-08", to="2030-11-09")
    assert [(row["revenue"], row["pipeline"]) for row in cohort["rows"]] == [(0, 900)]


async def test_window_leaves_out_late_sales_and_young_leads(case: Case) -> None:
    early, late, young = [await case.lead(MONDAY + day * DAY) for day in (0, 0, 5)]
    await case.at(MONDAY + 8 * DAY)
    await case.event(early, "purchase", MONDAY + DAY, amount=100, currency="EUR")
    await case.event(late, "purchase", MONDAY + 8 * DAY, amount=100, currency="EUR")
    await case.event(young, "purchase", MONDAY + 6 * DAY, amount=100, currency="EUR")
    euro = by_currency(await case.report("revenue", **WEEK, within="7d"))["EUR"]
    assert (euro["leads"], euro["immature"], euro["revenue"], euro["revenue_per_lead"]) == (2, 1, 100, 50)


async def test_spend_of_a_campaign_is_not_split_by_owner_and_unknown_campaigns_are_listed(case: Case) -> None:
    await case.lead(MONDAY, campaign="autumn")
    told = await spend(case, ("autumn", "2030-11-18", "EUR", 80), ("autum", "2030-11-18", "EUR", 20))
    assert told["campaigns_without_leads"] == ["autum"]
    answer = await case.report("revenue", **WEEK, group_by="owner")
    assert "spend" in answer["not_available"]
    assert [(row["leads"], row["spend"]) for row in answer["rows"]] == [(1, None)]
    assert answer["details"]["totals"][0]["spend"] == 100
    assert answer["details"]["campaigns_without_leads"] == ["autum"]
    grouped = await case.report("revenue", **WEEK, group_by="campaign")
    found = [
        (row["campaign"], row["leads"], row["spend"], row["cost_per_assigned_lead"])
        for row in grouped["rows"]
    ]
    assert found == [("autum", 0, 20, None), ("autumn", 1, 80, 80)]


async def test_days_of_spend_are_those_of_the_workspace(case: Case) -> None:
    """Spend of the days before and after the period is not in it."""
    await case.lead(MONDAY, campaign="autumn")
    days = ("2030-11-17", "2030-11-18", "2030-11-24", "2030-11-25")
    await spend(case, *(("autumn", day, "EUR", 10) for day in days))
    euro = by_currency(await case.report("revenue", **WEEK))["EUR"]
    assert euro["spend"] == 20
    weekly = await case.report("revenue", from_="2030-11-11", to="2030-12-02", group_by="week")
    assert [(row["week"], row["spend"], row["leads"]) for row in weekly["rows"]] == [
        ("2030-W46", 10, 0),
        ("2030-W47", 20, 1),
        ("2030-W48", 10, 0),
    ]


async def test_without_any_sale_leads_are_shown(case: Case) -> None:
    await case.lead(MONDAY)
    answer = await case.report("revenue", **WEEK)
    assert [
        (row["currency"], row["leads"], row["revenue"], row["revenue_per_lead"]) for row in answer["rows"]
    ] == [(None, 1, 0, 0)]


async def test_spend_that_was_never_uploaded_is_not_zero(case: Case) -> None:
    lead = await case.lead(MONDAY, campaign="autumn")
    await case.event(lead, "purchase", amount=10, currency="EUR", ref="d1")
    found = await case.report("revenue", **WEEK)
    (row,) = found["rows"]
    assert (row["spend"], row["cost_per_assigned_lead"]) == (None, None)
    assert found["not_available"] == {"spend": "No spend was uploaded for these days and campaigns."}
    await spend(case, ("autumn", "2030-11-18", "EUR", 0))
    found = await case.report("revenue", **WEEK)
    assert (found["rows"][0]["spend"], found["not_available"]) == (0, {})


async def test_answer_says_when_a_sale_or_spend_changed_last(case: Case) -> None:
    lead = await case.lead(MONDAY, campaign="autumn")
    await case.at(MONDAY + DAY)
    await case.event(lead, "purchase", amount=10, currency="EUR", ref="d1")

    async def changed(**parameters: Any) -> datetime:
        answer = await case.report("revenue", **WEEK, **parameters)
        return datetime.fromisoformat(answer["last_changed_at"])

    for parameters in ({}, {"by": "event"}):
        assert MONDAY + DAY <= await changed(**parameters) < MONDAY + DAY + timedelta(seconds=9)
    for days, amount, newest in ((2, 5, 2), (3, 5, 2), (4, 6, 4)):
        await case.at(MONDAY + days * DAY)
        await spend(case, ("autumn", "2030-11-18", "EUR", amount))
        for parameters in ({}, {"by": "event"}):
            since = await changed(**parameters) - (MONDAY + newest * DAY)
            assert timedelta() <= since < timedelta(seconds=9)


async def test_csv_ends_with_the_totals_of_each_currency(case: Case) -> None:
    for campaign, amount, currency in (("a", 10, "EUR"), ("b", 20, "EUR"), ("b", 7, "USD")):
        lead = await case.lead(MONDAY, campaign=campaign)
        await case.event(lead, "purchase", amount=amount, currency=currency)
    url = "/metrics/revenue?from=2030-11-18&to=2030-11-25&group_by=campaign&format=csv"
    text = (await case.workspace.client.get(url)).text
    lines = [(row["campaign"], row["currency"], row["revenue"]) for row in csv.DictReader(io.StringIO(text))]
    assert lines[-2:] == [("total", "EUR", "30"), ("total", "USD", "7")]
    assert len(lines) == 6


async def test_owner_gets_their_outcomes_and_no_money(case: Case) -> None:
    leads = [await case.lead(MONDAY) for _ in range(3)]
    mine = next(lead for lead in leads if lead["owner"]["id"] == "ana")
    await case.event(mine, "meeting")
    key = issue("test")
    await case.workspace.pool.execute(
        """INSERT INTO api_keys (id, workspace_id, secret_hash, scopes, label, owner_id)
           VALUES ($1, $2, $3, '{reports}', 'test', 'ana')""",
        key.id, case.workspace.workspace_id, key.secret_hash(),
    )  # fmt: skip
    owned = sum(lead["owner"]["id"] == "ana" for lead in leads)
    async with case.workspace.caller(key.text()) as client:
        answer = await client.get("/metrics/conversion", params={"from": "2030-11-18", "to": "2030-11-25"})
        assert answer.json()["totals"]["meeting"]["denominator"] == owned < 3
        for name in ("revenue", "attribution", "capacity"):
            assert (await client.get(f"/metrics/{name}")).status_code == 403
        assert (await client.get("/spend")).status_code == 403
