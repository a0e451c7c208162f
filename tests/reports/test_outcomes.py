"""What became of leads: conversion and retention, with numbers computed by hand."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import pytest_asyncio

from tests.reports.case import Case
from tests.support.workspace import Filled, open_filled

MONDAY = datetime(2030, 11, 18, 9, tzinfo=UTC)
DAY = timedelta(days=1)
HOUR = timedelta(hours=1)
WEEK = {"from_": "2030-11-18", "to": "2030-11-25"}
PLAN = """
queues: {unrouted: {claimable_by: inbound}}
pipeline:
  - rule: {name: nobody, when: {source: banned}, then: {block: banned}}
  - rule: {name: dach, when: {country: DE}, then: {team: dach}}
  - round_robin: {team: inbound}
  - queue: {name: unrouted}
"""


@pytest_asyncio.fixture
async def case(filled: Filled) -> AsyncIterator[Case]:
    async with open_filled(filled, no_worker=True) as workspace:
        await workspace.publish(PLAN)
        yield Case(workspace)


def rate(cell: dict[str, Any]) -> tuple[int, int]:
    return cell["numerator"], cell["denominator"]


async def test_conversion_leaves_out_what_is_no_lead(case: Case) -> None:
    """Ten submissions: two blocked, two repeated, six leads, of which three buy."""
    leads = [await case.lead(MONDAY + n * HOUR, source="web") for n in range(6)]
    for _ in range(2):
        await case.workspace.assign(external_id="lead-1", source="web")
    for n in range(2):
        await case.lead(MONDAY + (6 + n) * HOUR, source="banned")
    await case.at(MONDAY + 2 * DAY)
    for lead in leads[:3]:
        await case.event(lead, "purchase", amount=10, currency="EUR")
    totals = (await case.report("conversion", **WEEK))["totals"]
    assert (totals["leads"], totals["immature"]) == (6, 0)
    purchase = totals["purchase"]
    assert rate(purchase) == (3, 6)
    assert [round(purchase[name], 3) for name in ("rate", "low", "high")] == [0.5, 0.188, 0.812]
    assert rate(totals["meeting"]) == (0, 6)


async def test_spam_that_somebody_reports_is_no_lead_either(case: Case) -> None:
    leads = [await case.lead(MONDAY) for _ in range(3)]
    await case.event(leads[0], "spam")
    await case.event(leads[1], "meeting")
    totals = (await case.report("conversion", **WEEK))["totals"]
    assert rate(totals["meeting"]) == (1, 2)


async def test_cohort_counts_within_a_window_and_leaves_young_leads_out(case: Case) -> None:
    """Received on days 0, 1, 2 and 5; seen on day 9, within 7 days: the last one is too young."""
    leads = [await case.lead(MONDAY + day * DAY) for day in (0, 1, 2, 5)]
    await case.at(MONDAY + 9 * DAY)
    await case.event(leads[0], "purchase", MONDAY + 7 * DAY, amount=1, currency="EUR")
    await case.event(leads[1], "purchase", MONDAY + 8 * DAY + HOUR, amount=1, currency="EUR")
    await case.event(leads[3], "purchase", MONDAY + 6 * DAY, amount=1, currency="EUR")
    answer = await case.report("conversion", **WEEK, within="7d")
    totals = answer["totals"]
    assert (answer["within_seconds"], answer["by"]) == (7 * 86400, "cohort")
    assert (totals["leads"], totals["immature"]) == (3, 1)
    # Exactly seven days is within; an hour more is not.
    assert rate(totals["purchase"]) == (1, 3)
    assert totals["purchase_median_seconds"] == 7 * 86400
    so_far = await case.report("conversion", **WEEK)
    assert rate(so_far["totals"]["purchase"]) == (3, 4)
    assert so_far["notes"]


async def test_leakage_is_what_comes_no_further(case: Case) -> None:
    """Eight leads: five meet, of these three open a deal, two buy; one buys without a meeting."""
    leads = [await case.lead(MONDAY) for _ in range(8)]
    await case.at(MONDAY + DAY)
    for number, lead in enumerate(leads[:5]):
        await case.event(lead, "meeting", MONDAY + (number + 1) * HOUR)
    for lead in leads[:3]:
        await case.event(lead, "opportunity", ref="d", amount=5, currency="EUR")
    for lead in [*leads[:2], leads[7]]:
        await case.event(lead, "purchase", ref="d", amount=5, currency="EUR")
    totals = (await case.report("conversion", **WEEK))["totals"]
    assert [rate(totals[step]) for step in ("meeting", "opportunity", "purchase")] == [(5, 8), (3, 8), (3, 8)]
    lost = [rate(totals[f"lost_before_{step}"]) for step in ("meeting", "opportunity", "purchase")]
    assert lost == [(2, 8), (2, 6), (1, 4)]
    assert (totals["meeting_median_seconds"], totals["meeting_p90_seconds"]) == (3 * 3600, 5 * 3600)


async def test_reversed_deal_is_no_purchase(case: Case) -> None:
    leads = [await case.lead(MONDAY) for _ in range(2)]
    for lead in leads:
        await case.event(lead, "purchase", ref="d", amount=5, currency="EUR")
    await case.at(MONDAY + DAY)
    await case.event(leads[0], "reversed", ref="d")
    assert rate((await case.report("conversion", **WEEK))["totals"]["purchase"]) == (1, 2)
    activity = await case.report("conversion", **WEEK, by="event", group_by="day")
    assert [(row["day"], row["purchases"]) for row in activity["rows"]] == [
        ("2030-11-18", 2),
        ("2030-11-19", -1),
    ]


async def test_deal_that_is_reversed_after_the_window_was_a_purchase_within_it(case: Case) -> None:
    """Conversion and revenue within seven days are the same afterward, whatever happens to the deal."""
    lead = await case.lead(MONDAY)
    await case.event(lead, "purchase", amount=400, currency="EUR", ref="d1")
    await case.at(MONDAY + 9 * DAY)
    await case.event(lead, "reversed", ref="d1")
    await case.at(MONDAY + 11 * DAY)
    for within, counted, revenue in (({"within": "7d"}, 1, 400), ({"within": "10d"}, 0, 0), ({}, 0, 0)):
        conversion = await case.report("conversion", **WEEK, **within)
        assert rate(conversion["totals"]["purchase"]) == (counted, 1)
        (row,) = (await case.report("revenue", **WEEK, **within))["rows"]
        assert (row["buyers"], row["revenue"]) == (counted, revenue)


async def test_activity_counts_by_the_date_of_the_event_and_has_no_rates(case: Case) -> None:
    lead = await case.lead(MONDAY - 10 * DAY)
    await case.at(MONDAY + DAY)
    await case.event(lead, "meeting")
    await case.event(lead, "meeting")
    answer = await case.report("conversion", **WEEK, by="event")
    assert (answer["by"], answer["totals"]["meetings"], answer["totals"]["meeting_leads"]) == ("event", 2, 1)
    assert "leads" not in answer["totals"]
    assert (await case.report("conversion", **WEEK))["totals"]["leads"] == 0


async def test_owner_at_the_event_is_credited_and_totals_count_a_lead_once(case: Case) -> None:
    lead = await case.lead(MONDAY, country="DE")
    await case.event(lead, "meeting", by="ana")
    first = lead["owner"]["id"]
    other = "ben" if first == "ana" else "ana"
    await case.at(MONDAY + DAY)
    moved = await case.workspace.client.post(
        "/reassign", json={"lead_id": lead["lead_id"], "to": {"owner": other}}
    )
    assert moved.status_code == 201, moved.text
    await case.event(moved.json(), "purchase", amount=7, currency="EUR")
    answer = await case.report("conversion", **WEEK, group_by="owner")
    assert answer["credit"] == "at_event"
    rows = {row["owner"]: (rate(row["meeting"]), rate(row["purchase"])) for row in answer["rows"]}
    assert rows == {first: ((1, 1), (0, 1)), other: ((0, 1), (1, 1))}
    assert rate(answer["totals"]["purchase"]) == (1, 1)
    for credit, owner in (("first", first), ("last", other)):
        answer = await case.report("conversion", **WEEK, group_by="owner", credit=credit)
        assert [(row["owner"], rate(row["purchase"])) for row in answer["rows"]] == [(owner, (1, 1))]
    answer = await case.report("conversion", **WEEK, owner=other)
    assert (rate(answer["totals"]["meeting"]), rate(answer["totals"]["purchase"])) == ((0, 1), (1, 1))


async def test_credit_moves_the_team_with_the_owner(case: Case) -> None:
    """A lead of `dach` has a meeting there, goes to `inbound`, and is won and renewed there."""
    lead = await case.lead(MONDAY, country="DE")
    await case.event(lead, "meeting")
    await case.at(MONDAY + DAY)
    moved = await case.workspace.client.post(
        "/reassign", json={"lead_id": lead["lead_id"], "to": {"team": "inbound"}}
    )
    assert (moved.status_code, moved.json()["team"]) == (201, "inbound")
    await case.event(moved.json(), "purchase", amount=70, currency="EUR")
    await case.event(moved.json(), "renewed", amount=7, currency="EUR")
    expected = {
        "at_event": {"dach": (1, 0, 0, 0), "inbound": (0, 1, 70, 7)},
        "first": {"dach": (1, 1, 70, 7)},
        "last": {"inbound": (1, 1, 70, 7)},
    }
    for credit, wanted in expected.items():
        asked = {**WEEK, "group_by": "team", "credit": credit}
        conversion = (await case.report("conversion", **asked))["rows"]
        revenue = {each["team"]: each for each in (await case.report("revenue", **asked))["rows"]}
        retention = {each["team"]: each for each in (await case.report("retention", **asked))["rows"]}
        assert {
            row["team"]: (
                row["meeting"]["numerator"],
                row["purchase"]["numerator"],
                revenue[row["team"]]["revenue"],
                retention[row["team"]]["renewed_revenue"],
            )
            for row in conversion
        } == wanted, credit
        teams = "dach", "inbound"
        for team in teams:
            totals = (await case.report("conversion", **WEEK, team=team, credit=credit))["totals"]
            assert (totals["meeting"]["numerator"], totals["purchase"]["numerator"]) == wanted.get(
                team, (0, 0)
            )[:2]
        both = (await case.report("conversion", **WEEK, team=teams, group_by="source", credit=credit))["rows"]
        assert [(rate(row["meeting"]), rate(row["purchase"])) for row in both] == [((1, 1), (1, 1))]
        events = {**asked, "by": "event"}
        won = (await case.report("revenue", **events))["rows"]
        met = [row["team"] for row in (await case.report("conversion", **events))["rows"] if row["meetings"]]
        team = "dach" if credit == "first" else "inbound"
        assert [(row["team"], row["revenue"]) for row in won if row["revenue"]] == [(team, 70)]
        assert met == ["inbound" if credit == "last" else "dach"]


async def test_retention_by_event_has_totals(case: Case) -> None:
    leads = [await case.lead(MONDAY, source=source) for source in ("web", "web", "fair")]
    await case.event(leads[0], "renewed", amount=100, currency="EUR")
    await case.event(leads[1], "churned", amount=40, currency="EUR")
    await case.event(leads[2], "expanded", amount=9, currency="USD")
    answer = await case.report("retention", **WEEK, by="event", group_by="source")
    assert [(row["source"], row["currency"], row["retention_revenue"]) for row in answer["rows"]] == [
        ("fair", "USD", 9),
        ("web", "EUR", 60),
    ]
    totals = {row["currency"]: row for row in answer["details"]["totals"]}
    assert {name: row["retention_revenue"] for name, row in totals.items()} == {"EUR": 60, "USD": 9}
    assert (totals["EUR"]["renewed"], totals["EUR"]["churned"], totals["USD"]["expanded"]) == (1, 1, 1)
    query = "from=2030-11-18&to=2030-11-25&by=event&group_by=source&format=csv"
    table = (await case.workspace.client.get(f"/metrics/retention?{query}")).text.splitlines()
    assert [line.split(",")[:2] for line in table[1:]] == [
        ["fair", "USD"],
        ["web", "EUR"],
        ["total", "EUR"],
        ["total", "USD"],
    ]


@pytest.mark.parametrize(
    ("parameters", "field"),
    [
        ({"within": "soon"}, "within"),
        ({"within": "0d"}, "within"),
        ({"by": "lead"}, "by"),
        ({"by": "event", "within": "30d"}, "within"),
        ({"credit": "nobody"}, "credit"),
        ({"group_by": "name"}, "group_by"),
    ],
)
async def test_unknown_words_are_refused(case: Case, parameters: dict[str, str], field: str) -> None:
    answer = await case.workspace.client.get("/metrics/conversion", params=parameters)
    assert answer.status_code == 422, answer.text
    assert answer.json()["errors"][0]["path"] == field


async def test_retention_counts_customers_and_the_money_they_stand_for(case: Case) -> None:
    """Five customers: one saved, one saved and lost later, one renewed, one churned, one silent."""
    leads = [await case.lead(MONDAY, lead_type="retention") for _ in range(5)]
    await case.lead(MONDAY, lead_type="content")
    await case.at(MONDAY + 3 * DAY)
    await case.event(leads[0], "saved", MONDAY + DAY, amount=1200, currency="EUR")
    await case.event(leads[1], "saved", MONDAY + DAY, amount=600, currency="EUR")
    await case.event(leads[1], "churned", MONDAY + 2 * DAY, amount=600, currency="EUR")
    await case.event(leads[2], "renewed", MONDAY + DAY, amount=300, currency="USD")
    await case.event(leads[3], "churned", MONDAY + DAY, amount=-450, currency="EUR")
    answer = await case.report("retention", **WEEK, lead_type="retention")
    euro, dollar = answer["rows"]
    assert [row["currency"] for row in answer["rows"]] == ["EUR", "USD"]
    assert [rate(euro[name]) for name in ("saved", "renewed", "expanded", "churned", "save_rate")] == [
        (2, 5),
        (1, 5),
        (0, 5),
        (2, 5),
        (1, 3),
    ]
    assert (euro["saved_revenue"], euro["churned_revenue"], euro["retention_revenue"]) == (1800, -1050, 750)
    assert (dollar["renewed_revenue"], dollar["retention_revenue"]) == (300, 300)
    activity = await case.report("retention", **WEEK, by="event", group_by="day")
    cells = [(r["day"], r["currency"], r["churned"], r["retention_revenue"]) for r in activity["rows"]]
    assert cells == [
        ("2030-11-19", "EUR", 1, 1350),
        ("2030-11-19", "USD", 0, 300),
        ("2030-11-20", "EUR", 1, -600),
    ]


async def test_attribution_counts_what_leads_say(case: Case) -> None:
    await case.lead(MONDAY, source="google", campaign="autumn", channel="paid")
    await case.lead(MONDAY, source="google", campaign="autumn")
    await case.lead(MONDAY, utm={"utm_source": "Bing", "utm_campaign": "autumn"})
    await case.lead(MONDAY, source="google", utm={"utm_source": "bing"})
    await case.lead(MONDAY)
    answer = await case.report("attribution", **WEEK)
    totals = answer["totals"]
    names = ("complete", "with_source", "with_campaign", "with_channel", "conflicting_tags")
    assert [rate(totals[name]) for name in names] == [(2, 5), (4, 5), (3, 5), (3, 5), (1, 5)]
    assert (rate(totals["unassigned"]), rate(totals["nothing_sent"])) == ((0, 5), (2, 5))
    grouped = await case.report("attribution", **WEEK, group_by="campaign")
    assert [(row["campaign"], row["leads"]) for row in grouped["rows"]] == [("autumn", 3), (None, 2)]


async def test_attribution_by_form_names_no_person(case: Case) -> None:
    await case.lead(MONDAY, form="demo", source="google")
    await case.lead(MONDAY, form="demo", utm={"utm_source": "xyz", "utm_medium": "foo"})
    await case.lead(MONDAY, form="1234567890123456")
    await case.lead(MONDAY, form="015112345678", phone="+49 151 12345678")
    await case.lead(MONDAY, form="ida@kundin.example")
    answer = await case.report("attribution", **WEEK, group_by="form")
    rows = [(row["form"], row["leads"], rate(row["unassigned"])) for row in answer["rows"]]
    assert rows == [("1234567890123456", 1, (0, 1)), ("demo", 2, (1, 2)), ("other", 2, (0, 2))]
    assert answer["not_available"] == {}
    only = await case.report("attribution", **WEEK, form="demo")
    assert (only["totals"]["leads"], rate(only["totals"]["with_source"])) == (2, (2, 2))
