"""`fairness` through HTTP, against tables that were computed by hand."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.reports.case import Case
from tests.support.workspace import Workspace

MONDAY = datetime(2030, 11, 18, 12, tzinfo=UTC)
DAY = timedelta(days=1)
PLAN = """
pipeline:
  - account: {roles: [owner]}
  - rule: {name: experts, when: {lead_type: enterprise}, then: {team: inbound, skills: [enterprise]}}
  - round_robin: {team: inbound}
  - queue: {name: desk}
queues: {desk: {}}
reject_reasons: {bad_data: {refund: true}}
"""


class Office(Case):
    """One team, whose members a test describes."""

    async def team(self, *members: tuple[str, float], **owners: dict[str, Any]) -> None:
        """The members of the team with their weights, and fields of owners."""
        for owner, _ in members:
            body = {"name": owner.title(), **owners.get(owner, {})}
            await self.put(f"/owners/{owner}", body)
        rows = [{"owner": owner, "weight": weight} for owner, weight in members]
        await self.put("/teams/inbound", {"name": "Inbound", "members": rows})

    async def put(self, url: str, body: dict[str, Any]) -> None:
        """Create or replace a record."""
        answer = await self.workspace.client.put(url, json=body)
        assert answer.status_code in {200, 201}, answer.text

    async def leave(self, owner: str, start: datetime, end: datetime) -> None:
        """An absence."""
        body = {"from": start.isoformat(), "to": end.isoformat()}
        answer = await self.workspace.client.post(f"/owners/{owner}/absences", json=body)
        assert answer.status_code == 201, answer.text

    async def owners(self, count: int, **lead: Any) -> str:
        """Assign so many leads. Returns the first letters of their owners."""
        return "".join([(await self.lead(**lead))["owner"]["id"][0] for _ in range(count)])

    async def fairness(self, **parameters: Any) -> dict[str, Any]:
        """The report about the week, if no days are given. Checks what holds of every answer."""
        parameters = {"from_": "2030-11-18", "to": "2030-11-25", **parameters}
        found = await self.report("fairness", **parameters)
        for row in found["rows"]:
            differences = sum(row[cause] for cause in DIFFERENCES)
            assert row["received"] - row["due_by_weight"] == pytest.approx(
                differences - row["balance"], abs=1e-5
            )
            assert row["due_as_eligible"] == pytest.approx(row["due_by_weight"] + differences, abs=1e-5)
            assert row["outside_the_turn"] == sum(row[reason] for reason in REASONS)
        return found


DIFFERENCES = ("absent", "paused", "off_shift", "cap", "skill", "excluded", "inactive", "share_taken",
               "refunds", "rebalanced", "unknown")  # fmt: skip
REASONS = ("returning_lead", "account", "manual", "claimed", "imported", "other")


def column(found: dict[str, Any], name: str) -> dict[str, float]:
    """One column by owner, without zeros."""
    return {row["owner"]: row[name] for row in found["rows"] if row["team"] == "inbound" and row[name]}


@pytest.fixture
async def office(workspace: Workspace) -> Office:
    """A workspace with this plan, on a Monday at noon."""
    found = Office(workspace)
    await found.at(MONDAY)
    await workspace.publish(PLAN)
    return found


async def test_an_absence_and_a_lead_of_an_account(office: Office) -> None:
    await office.team(("ana", 1), ("ben", 1), ("cai", 1))
    await office.put("/accounts/acme", {"domains": ["acme.example"], "owner": "ben"})
    await office.leave("ana", MONDAY, MONDAY + timedelta(hours=1))
    assert await office.owners(3) == "bcb"
    await office.at(MONDAY + timedelta(hours=2))
    assert await office.owners(6) == "cabcab"
    assert await office.owners(1, email="max@acme.example") == "b"
    found = await office.fairness()
    assert column(found, "due_by_weight") == {"ana": 3, "ben": 3, "cai": 3}
    assert column(found, "absent") == {"ana": -1, "ben": 0.5, "cai": 0.5}
    assert column(found, "due_as_eligible") == {"ana": 2, "ben": 3.5, "cai": 3.5}
    assert column(found, "received") == {"ana": 2, "ben": 4, "cai": 3}
    assert column(found, "balance") == {"ben": -0.5, "cai": 0.5}
    assert column(found, "balance_at_end") == {"ben": -0.5, "cai": 0.5}
    assert column(found, "outside_the_turn") == column(found, "account") == {"ben": 1}
    assert (found["totals"]["received"], found["details"]["received_in_all"]) == (9, 10)
    assert {cause: found["totals"][cause] for cause in DIFFERENCES} == dict.fromkeys(DIFFERENCES, 0)


async def test_a_period_that_begins_in_the_middle_of_the_ledger(office: Office) -> None:
    await office.team(("ana", 1), ("ben", 1), ("cai", 1))
    await office.leave("ana", MONDAY, MONDAY + DAY)
    assert await office.owners(3) == "bcb"
    await office.at(MONDAY + DAY)
    assert await office.owners(6) == "cabcab"
    later = await office.fairness(from_="2030-11-19")
    assert column(later, "due_by_weight") == column(later, "due_as_eligible")
    assert column(later, "received") == {"ana": 2, "ben": 2, "cai": 2}
    assert column(later, "balance_at_start") == {"ben": -0.5, "cai": 0.5}
    assert column(later, "balance") == {}
    assert column(later, "balance_at_end") == {"ben": -0.5, "cai": 0.5}
    first = await office.fairness(to="2030-11-19")
    assert column(first, "balance_at_start") == {}
    assert column(first, "balance") == {"ben": -0.5, "cai": 0.5}
    assert column(first, "absent") == {"ana": -1, "ben": 0.5, "cai": 0.5}


async def test_a_cap_with_other_weights(office: Office) -> None:
    # ana takes the 1st lead, ben the 2nd and last of the day. Of the 4 others 2/3 were due to ana anyhow.
    await office.team(("ana", 2), ("ben", 1), ben={"caps": {"per_day": 1}})
    assert await office.owners(6) == "abaaaa"
    found = await office.fairness()
    assert column(found, "due_by_weight") == {"ana": 4, "ben": 2}
    assert column(found, "cap") == {"ana": 1.333333, "ben": -1.333333}
    assert column(found, "due_as_eligible") == {"ana": 5.333333, "ben": 0.666667}
    assert column(found, "received") == {"ana": 5, "ben": 1}
    assert column(found, "balance") == {"ana": 0.333333, "ben": -0.333333}


async def test_several_causes_in_one_turn(office: Office) -> None:
    # Weights 1, 1, 2: ana is absent and ben lacks the skill, so cai gains a quarter for each reason.
    await office.team(("ana", 1), ("ben", 1), ("cai", 2), cai={"skills": ["enterprise"]})
    await office.leave("ana", MONDAY, MONDAY + DAY)
    assert await office.owners(2, lead_type="enterprise") == "cc"
    found = await office.fairness()
    assert column(found, "due_by_weight") == {"ana": 0.5, "ben": 0.5, "cai": 1}
    assert column(found, "absent") == {"ana": -0.5, "cai": 0.5}
    assert column(found, "skill") == {"ben": -0.5, "cai": 0.5}
    assert column(found, "balance") == {}


async def test_who_is_off_shift_loses_to_those_on_shift(office: Office) -> None:
    await office.put("/calendars/early", {"timezone": "UTC", "hours": "Mo-Fr 06:00-12:00"})
    await office.team(("ana", 1), ("ben", 1), ana={"calendar": "early"})
    assert await office.owners(2) == "bb"
    found = await office.fairness()
    assert column(found, "off_shift") == {"ana": -1, "ben": 1}
    assert column(found, "received") == {"ben": 2}


async def test_a_refund_gives_the_turn_back_and_the_owner_is_due_another(office: Office) -> None:
    await office.team(("ana", 1), ("ben", 1))
    first = await office.lead()
    assert first["owner"]["id"] == "ana"
    assert await office.owners(1) == "b"
    await office.event(first, "rejected", reason="bad_data", by="ana")
    # The rejected lead goes to ben, who is the only one left for it.
    found = await office.fairness()
    assert column(found, "refunds") == {"ana": 0.5, "ben": -0.5}
    assert column(found, "excluded") == {"ana": -0.5, "ben": 0.5}
    assert column(found, "due_by_weight") == {"ana": 1.5, "ben": 1.5}
    assert column(found, "due_as_eligible") == {"ana": 1.5, "ben": 1.5}
    assert column(found, "received") == {"ana": 1, "ben": 2}
    assert column(found, "balance") == {"ana": 0.5, "ben": -0.5}


async def test_what_is_not_in_the_turn_stands_beside_it(office: Office) -> None:
    await office.team(("ana", 1), ("ben", 1))
    returning = await office.lead(email="max@people.example")
    await office.at(MONDAY + DAY)
    await office.lead(email="max@people.example", employees=900)
    moved = await office.lead()
    body = {"lead_id": moved["lead_id"], "to": {"owner": "ana"}}
    assert (await office.workspace.client.post("/reassign", json=body)).status_code == 201
    found = await office.fairness(from_="2030-11-19")
    assert returning["owner"]["id"] == "ana"
    assert column(found, "returning_lead") == {"ana": 1}
    assert column(found, "manual") == {"ana": 1}
    assert column(found, "received") == {"ben": 1}
    assert found["totals"]["outside_the_turn"] == 2


async def test_groups_and_filters(office: Office) -> None:
    await office.team(("ana", 1), ("ben", 1))
    await office.put("/teams/second", {"name": "Second", "members": [{"owner": "ana"}]})
    await office.put("/accounts/acme", {"domains": ["acme.example"], "owner": "ana"})
    assert await office.owners(2, source="web") == "ab"
    assert await office.owners(1, email="max@acme.example") == "a"
    await office.at(MONDAY + DAY)
    assert await office.owners(1, source="ads") == "a"
    by_source = [
        row for row in (await office.fairness(group_by="source"))["rows"] if row["team"] == "inbound"
    ]
    assert [(row["source"], row["owner"], row["received"], row["account"]) for row in by_source] == [
        ("ads", "ana", 1, 0), ("ads", "ben", 0, 0), ("web", "ana", 1, 0), ("web", "ben", 1, 0),
        (None, "ana", 0, 1),
    ]  # fmt: skip
    by_day = (await office.fairness(group_by="day", owner="ana", team="inbound"))["rows"]
    assert [(row["day"], row["due_by_weight"]) for row in by_day] == [("2030-11-18", 1), ("2030-11-19", 0.5)]
    by_owner = await office.fairness(group_by="owner")
    rows = {row["owner"]: row for row in by_owner["rows"]}
    # The lead of the account came through no team: ana, who is in three, got it once.
    assert (rows["ana"]["account"], by_owner["totals"]["account"]) == (1, 1)
    members = await office.fairness()
    assert {(row["team"], row["account"]) for row in members["rows"] if row["owner"] == "ana"} == {
        ("dach", 1), ("inbound", 1), ("second", 1),
    }  # fmt: skip
    assert members["totals"]["account"] == 1
