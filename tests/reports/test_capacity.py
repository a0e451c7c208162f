"""What teams can take, through HTTP."""

import csv
import io
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest_asyncio

from tests.reports.case import Case
from tests.support.workspace import Filled, open_filled

MONDAY = datetime(2030, 11, 18, 9, tzinfo=UTC)
HOUR = timedelta(hours=1)
PLAN = """
queues: {unrouted: {claimable_by: sales}}
pipeline:
  - rule: {name: other, when: {source: other}, then: {team: inbound}}
  - round_robin: {team: sales}
  - queue: {name: unrouted}
"""


@pytest_asyncio.fixture
async def case(filled: Filled) -> AsyncIterator[Case]:
    async with open_filled(filled, no_worker=True) as workspace:
        await workspace.put("calendars", "office", {"timezone": "UTC", "hours": "Mo-Fr 09:00-17:00"})
        for name in ("dora", "emil", "fritz"):
            body = {"name": name.title(), "calendar": "office", "caps": {"open": 10}}
            await workspace.put("owners", name, body)
        members = [{"owner": name} for name in ("dora", "emil", "fritz")]
        await workspace.put("teams", "sales", {"name": "Sales", "members": members})
        await workspace.put("absences", "leave", {"owner": "fritz", "from": "2030-11-01", "to": "2030-12-31"})
        await workspace.publish(PLAN)
        yield Case(workspace)


async def test_headroom_and_hours_until_full_of_a_team(case: Case) -> None:
    """Eight arrive in 16 working hours, two of them are closed, one goes to another team.

    Two members work, with 20 places: 6 are taken, 14 are left. 6 more in 16 hours, so 14 in 37⅓ hours.
    """
    leads = [await case.lead(MONDAY + n * HOUR) for n in range(8)]
    await case.lead(MONDAY + 8 * HOUR, source="other")
    for lead in leads[:2]:
        await case.event(lead, "closed")
    await case.at(MONDAY + timedelta(days=2))
    answer = await case.report("capacity", from_="2030-11-18", to="2030-11-25", team="sales")
    (row,) = answer["rows"]
    assert (row["members"], row["working_members"], row["uncapped_members"]) == (3, 2, 0)
    assert (row["open_leads"], row["waiting_leads"], row["headroom"]) == (6, 0, 14)
    assert (row["arrivals"], row["closings"], row["working_hours"]) == (8, 2, 16)
    assert (row["net_per_working_hour"], row["hours_until_full"]) == (0.375, 37.33)
    # 37 hours and 20 minutes of work from Wednesday 09:00: four days of 8 hours, and 5:20 on Tuesday.
    assert row["full_at"] == "2030-11-26T14:20:00Z"
    url = "/metrics/capacity?from=2030-11-18&to=2030-11-25&team=sales&format=csv"
    (line,) = csv.DictReader(io.StringIO((await case.workspace.client.get(url)).text))
    assert [line[name] for name in ("headroom", "working_hours", "net_per_working_hour", "full_at")] == [
        "14",
        "16",
        "0.375",
        "2030-11-26T14:20:00Z",
    ]


async def test_team_from_which_as_many_go_is_never_full(case: Case) -> None:
    for number in range(3):
        lead = await case.lead(MONDAY + number * HOUR)
        await case.event(lead, "closed")
    (row,) = (await case.report("capacity", from_="2030-11-18", to="2030-11-19", team="sales"))["rows"]
    assert (row["arrivals"], row["closings"], row["hours_until_full"]) == (3, 3, "never")
    assert row["full_at"] is None


async def test_lead_that_moves_within_its_team_neither_comes_nor_goes(case: Case) -> None:
    lead = await case.lead(MONDAY)
    to = "emil" if lead["owner"]["id"] == "dora" else "dora"
    moved = await case.workspace.client.post(
        "/reassign", json={"lead_id": lead["lead_id"], "to": {"team": "sales"}}
    )
    assert moved.status_code == 201, moved.text
    assert moved.json()["team"] == "sales"
    assert to
    (row,) = (await case.report("capacity", from_="2030-11-18", to="2030-11-19", team="sales"))["rows"]
    assert (row["arrivals"], row["closings"], row["open_leads"]) == (1, 0, 1)


async def test_horizon_decides_who_works(case: Case) -> None:
    await case.at(MONDAY - 2 * timedelta(days=1))
    (row,) = (await case.report("capacity", within="1d", team="sales"))["rows"]
    assert (row["working_members"], row["headroom"], row["hours_until_full"]) == (0, 0, "never")
    answer = await case.report("capacity", within="3d")
    found = {row["team"]: (row["working_members"], row["headroom"]) for row in answer["rows"]}
    # In `inbound`, ana and ben have no cap.
    assert found["sales"] == (2, 20)
    assert found["inbound"][1] is None


async def test_capacity_can_be_split_by_team_only(case: Case) -> None:
    answer = await case.workspace.client.get("/metrics/capacity", params={"group_by": "source"})
    assert answer.status_code == 422
