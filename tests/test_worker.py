"""Held leads: claims, responses, and their release when they are due."""

import asyncio
import time
from datetime import UTC, datetime
from typing import Any

import pytest

from app.audit.verify import verify
from tests.support.metrics import sample
from tests.support.workspace import Filled, Workspace, create_workspace, open_filled

PLAN = """
queues: {unrouted: {}}
pipeline:
  - rule: {name: bens, when: {source: ben}, then: {owner: ben, off_hours: hold, priority: 10}}
  - round_robin: {team: inbound, off_hours: hold, priority: 10, when: {source: {exists: false}}}
  - queue: {name: unrouted}
"""
NIGHT, MORNING = "2099-11-23 02:00Z", "2099-11-23 08:00Z"
UNTIL = "2099-11-23T08:00:00Z"
PATIENCE = 120.0
CLOCK = """
INSERT INTO clocks (workspace_id, set_at, base_time, speed) VALUES ($1, now(), $2::text::timestamptz, $3)
ON CONFLICT (workspace_id)
  DO UPDATE SET set_at = excluded.set_at, base_time = excluded.base_time, speed = excluded.speed
"""


async def at(workspace: Workspace, time_of_day: str, speed: float = 0) -> None:
    """Set the workspace's time; it stands still, or runs from there."""
    await workspace.pool.execute(CLOCK, workspace.workspace_id, time_of_day, speed)


@pytest.fixture
async def night(busy: Workspace) -> Workspace:
    """Two in the morning; ana and ben begin at eight, eve is in no team that waits."""
    await at(busy, NIGHT)
    await busy.put("calendars", "day", {"timezone": "UTC", "hours": "08:00-17:00"})
    members = [{"owner": "ana"}, {"owner": "ben"}]
    await busy.put("teams", "inbound", {"name": "Inbound", "members": members})
    for owner in ("ana", "ben"):
        await busy.client.patch(f"/owners/{owner}", json={"calendar": "day"})
    await busy.publish(PLAN)
    return busy


async def claim(workspace: Workspace, owner: str, **body: str) -> tuple[int, str]:
    """The status of a claim from `held`, with the lead that was got or the code of the problem."""
    answer = await workspace.client.post("/queues/held/claim", json={"owner_id": owner, **body})
    returned = answer.json()
    return answer.status_code, returned["lead_id"] if answer.status_code == 200 else returned["code"]


async def moved(workspace: Workspace, lead_id: str, assignments: int = 2) -> dict[str, Any]:
    """Wait until the lead has this many assignments."""
    until = time.monotonic() + PATIENCE
    while len((lead := await workspace.get(f"/leads/{lead_id}"))["assignments"]) < assignments:
        assert time.monotonic() < until
        await asyncio.sleep(0.02)
    return lead


async def test_lead_held_for_an_owner_is_claimed_by_that_owner_only(night: Workspace) -> None:
    returned = await night.assign(external_id="a", source="ben")
    assert (returned["queue"], returned["held_until"]) == ("held", UNTIL)
    assert await claim(night, "ana") == (403, "held_for_another")
    assert await claim(night, "ana", lead_id=returned["lead_id"]) == (403, "held_for_another")
    assert await claim(night, "ben") == (200, returned["lead_id"])
    assert await claim(night, "ben") == (409, "queue_empty")
    assert (await verify(night.pool, night.workspace_id)).clean


async def test_claim_gives_the_first_lead_that_the_owner_may_take(night: Workspace) -> None:
    bens = await night.assign(external_id="a", source="ben")
    theirs = await night.assign(external_id="b")
    assert await claim(night, "eve") == (403, "held_for_another")
    assert await claim(night, "ana") == (200, theirs["lead_id"])
    assert await claim(night, "ben") == (200, bens["lead_id"])


async def test_leads_held_for_the_owner_and_the_team_share_one_order(night: Workspace) -> None:
    sources = (None, "ben", None, "ben")
    waiting = [await night.assign(external_id=f"e{at}", source=source) for at, source in enumerate(sources)]
    for returned in waiting:
        assert await claim(night, "ben") == (200, returned["lead_id"])


@pytest.mark.parametrize(
    ("owner", "body", "got"),
    [
        ("ben", {"active": False}, (403, "inactive")),
        ("ben", {"caps": {"open": 0}}, (403, "cap_open")),
        ("ben", {"paused_until": "2099-11-24T00:00:00Z"}, None),
        ("ana", {"paused_until": "2099-11-24T00:00:00Z"}, (403, "paused")),
    ],
    ids=["inactive", "at a cap", "back before the pause ends", "another who is paused"],
)
async def test_owner_of_a_held_lead_can_claim_it_before_the_shift(
    night: Workspace, owner: str, body: dict[str, Any], got: tuple[int, str] | None
) -> None:
    returned = await night.assign(external_id="a", source="ben")
    assert (await night.client.patch(f"/owners/{owner}", json=body)).status_code == 200
    assert await claim(night, owner) == (got or (200, returned["lead_id"]))


async def test_held_lead_that_returns_keeps_its_release_time(night: Workspace) -> None:
    first = await night.assign(external_id="a")
    for time_of_day, kind in ((NIGHT, "duplicate"), ("2099-11-23 04:00Z", "reengaged")):
        await at(night, time_of_day)
        again = await night.assign(external_id="a")
        assert (again["existing_lead"]["kind"], again["queue"], again["held_until"]) == (kind, "held", UNTIL)
    for found in (
        await night.get(f"/leads/{first['lead_id']}"),
        (await night.get("/leads?external_id=a"))["items"][0],
    ):
        assert [(each["state"], each["held_until"]) for each in found["assignments"]] == [("open", UNTIL)]
    await at(night, MORNING)
    lead = await moved(night, first["lead_id"])
    assert [each["cause"] for each in lead["assignments"]] == ["assign", "release"]
    assert lead["owner"] is not None
    assert "held_until" not in lead["assignments"][1]


async def test_released_lead_is_decided_as_it_was_sent(night: Workspace) -> None:
    body = {"lead": {"external_id": "a"}, "trigger": "chat", "exclude": ["ana"]}
    returned = (await night.client.post("/assign", json=body)).json()
    await at(night, MORNING)
    lead = await moved(night, returned["lead_id"])
    assert lead["owner"]["id"] == "ben"
    released = lead["assignments"][1]
    explained = await night.get(f"/assignments/{released['assignment_id']}/explain")
    assert explained["reproduced"] is True
    assert lead["fields"]["trigger"] == "chat"
    assert (await verify(night.pool, night.workspace_id)).clean


async def test_the_higher_priority_is_released_first_then_the_older(night: Workspace) -> None:
    plan = PLAN.replace(
        "owner: ben, off_hours: hold, priority: 10", "owner: ben, off_hours: hold, priority: 70"
    )
    await night.publish(plan)
    sent = [await night.assign(external_id=str(n), **({"source": "ben"} if n > 3 else {})) for n in range(6)]
    await at(night, MORNING)
    leads = [await moved(night, returned["lead_id"]) for returned in sent]
    leads.sort(key=lambda lead: int(lead["assignments"][1]["decision_number"]))
    assert [lead["id"] for lead in leads] == [each["lead_id"] for each in (*sent[4:], *sent[:4])]
    metrics = (await night.client.get("/metrics")).text
    assert sample(metrics, "lead_assignment_held_leads_overdue") == 0


async def test_released_lead_without_an_available_owner_is_held_again_or_moves_on(night: Workspace) -> None:
    held, on = await night.assign(external_id="a", source="ben"), await night.assign(external_id="b")
    await night.put("calendars", "day", {"timezone": "UTC", "hours": "09:00-17:00"})
    await night.publish(PLAN.replace("team: inbound, off_hours: hold", "team: inbound, off_hours: next"))
    await at(night, MORNING)
    again = (await moved(night, held["lead_id"]))["assignments"][1]
    assert (again["queue"], again["held_until"]) == ("held", "2099-11-23T09:00:00Z")
    assert (await moved(night, on["lead_id"]))["assignments"][1]["queue"] == "unrouted"
    await asyncio.sleep(0.2)
    books = await night.pool.fetch("SELECT id FROM assignments WHERE workspace_id = $1", night.workspace_id)
    assert len(books) == 4
    assert (await verify(night.pool, night.workspace_id)).clean


async def test_unreleased_lead_is_reported_as_overdue(filled: Filled) -> None:
    async with open_filled(filled, worker_interval_seconds=3600) as workspace:
        await at(workspace, NIGHT)
        await workspace.put("calendars", "day", {"timezone": "UTC", "hours": "08:00-17:00"})
        await workspace.client.patch("/owners/ben", json={"calendar": "day"})
        await workspace.publish(PLAN)
        await workspace.assign(external_id="a", source="ben")
        await at(workspace, "2099-11-23 08:01Z")
        metrics = (await workspace.client.get("/metrics")).text
        assert sample(metrics, "lead_assignment_held_leads_overdue") == 1
        due = datetime(2099, 11, 23, 8, tzinfo=UTC)
        assert sample(metrics, "lead_assignment_held_leads_due_timestamp_seconds") == due.timestamp()


async def test_first_member_on_shift_does_not_get_all_held_leads(night: Workspace) -> None:
    await night.put("calendars", "early", {"timezone": "UTC", "hours": "07:55-17:00"})
    await night.client.patch("/owners/ana", json={"calendar": "early"})
    await night.put("owners", "cem", {"calendar": "day"})
    members = [{"owner": "ana"}, {"owner": "ben"}, {"owner": "cem"}]
    await night.put("teams", "inbound", {"name": "Inbound", "members": members})
    returned = [await night.assign(external_id=str(n)) for n in range(12)]
    assert {each["held_until"] for each in returned} == {"2099-11-23T07:55:00Z"}
    await at(night, "2099-11-23 07:55Z")
    early = [(await moved(night, each["lead_id"]))["assignments"][1] for each in returned]
    assert [each["owner"] and each["owner"]["id"] for each in early] == ["ana"] * 4 + [None] * 8
    assert {each["held_until"] for each in early[4:]} == {UNTIL}
    await at(night, MORNING)
    owners = [
        (await moved(night, each["lead_id"], 3 if n > 3 else 2))["owner"]["id"]
        for n, each in enumerate(returned)
    ]
    assert {owner: owners.count(owner) for owner in owners} == {"ana": 4, "ben": 4, "cem": 4}
    assert (await verify(night.pool, night.workspace_id)).clean


REFUSE = """
ALTER TABLE assignments ADD CONSTRAINT poison CHECK (cause <> 'release' OR lead_id <> '{lead_id}')
"""


async def test_lead_that_cannot_be_released_delays_no_other_lead(
    night: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    cities = ("Rome", "Nowhere", "Oslo")
    returned = [await night.assign(external_id=city, city=city) for city in cities]
    await night.pool.execute(REFUSE.format(lead_id=returned[1]["lead_id"]))
    await at(night, MORNING)
    for each in (returned[0], returned[2]):
        assert (await moved(night, each["lead_id"]))["owner"] is not None
    await asyncio.sleep(0.3)
    assert (await night.get(f"/leads/{returned[1]['lead_id']}"))["assignments"][-1]["queue"] == "held"
    # Once with the others, once alone; then it is put off.
    assert capsys.readouterr().out.count("commit group failed") == 2


async def test_each_workspace_has_its_own_time(night: Workspace) -> None:
    other = await create_workspace(night.app, "other")
    async with other.client:
        await at(other, NIGHT)
        await other.put("calendars", "day", {"timezone": "UTC", "hours": "08:00-17:00"})
        await other.client.patch("/owners/ben", json={"calendar": "day"})
        await other.publish(PLAN)
        here = await night.assign(external_id="a", source="ben")
        there = await other.assign(external_id="a", source="ben")
        await at(other, MORNING)
        assert (await moved(other, there["lead_id"]))["owner"]["id"] == "ben"
        assert len((await night.get(f"/leads/{here['lead_id']}"))["assignments"]) == 1
        # A day in a second and a half: the lead is released without delay.
        await at(night, NIGHT, speed=60_000)
        released = (await moved(night, here["lead_id"]))["assignments"][1]
        assert released["decided_at"] >= UNTIL


OF_ACCOUNTS = """
queues: {unrouted: {}}
pipeline:
  - account: {if_unavailable: [{hold: 4h}]}
  - queue: {name: unrouted}
"""


async def test_absent_account_owner_can_claim_the_lead_or_gets_it_on_return(night: Workspace) -> None:
    await night.publish(OF_ACCOUNTS)
    account = {"name": "ACME", "domains": ["acme.example"], "owner": "eve"}
    assert (await night.client.put("/accounts/acme", json=account)).status_code == 201
    absence = {"from": "2099-11-22T20:00:00Z", "to": "2099-11-23T04:00:00Z"}
    assert (await night.client.post("/owners/eve/absences", json=absence)).status_code == 201
    first, second = [await night.assign(email=f"{name}@acme.example") for name in "ab"]
    assert {each["held_until"] for each in (first, second)} == {"2099-11-23T04:00:00Z"}
    assert await claim(night, "ana") == (403, "held_for_another")
    assert await claim(night, "eve") == (200, first["lead_id"])
    await at(night, "2099-11-23 04:00Z")
    back = await moved(night, second["lead_id"])
    assert (back["owner"]["id"], back["assignments"][1]["reason"]["code"]) == ("eve", "account_owner")
    assert (await verify(night.pool, night.workspace_id)).clean
