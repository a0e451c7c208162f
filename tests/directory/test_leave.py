"""Owners on leave: their leads go to the cover, and what nobody worked on comes back (cases 31 and 32)."""

import asyncio
import time
from collections.abc import Callable
from typing import Any

import orjson
import pytest
import pytest_asyncio

from app.audit.verify import verify
from tests.support.processes import PATIENCE
from tests.support.workspace import Workspace

CLOCK = """
INSERT INTO clocks (workspace_id, set_at, base_time, speed) VALUES ($1, now(), $2::text::timestamptz, 0)
ON CONFLICT (workspace_id)
  DO UPDATE SET set_at = excluded.set_at, base_time = excluded.base_time, speed = excluded.speed
"""
PLAN = """
queues: {desk: {claimable_by: sales}}
slas: {desk: {touch: 2h}}
pipeline:
  - account: {sla: desk}
  - rule: {name: anas, when: {source: ana}, then: {owner: ana, sla: desk}}
  - rule: {name: bens, when: {source: ben}, then: {owner: ben}}
  - rule: {name: cems, when: {source: cem}, then: {owner: cem}}
  - round_robin: {team: sales}
  - queue: {name: desk}
follow_up:
  - do: [{type: set_owner}]
"""
NOTICES = """
SELECT body FROM actions WHERE workspace_id = $1 AND type = 'notify' AND state <> 'withdrawn'
 ORDER BY sequence
"""
FRIDAY, MONDAY = "2099-12-04 12:00Z", "2099-12-06 23:00Z"
CAUSES = "SELECT cause, count(*) AS n FROM assignments WHERE workspace_id = $1 GROUP BY cause"


async def at(workspace: Workspace, moment: str) -> None:
    """Let the workspace's time be this; it stands still."""
    await workspace.pool.execute(CLOCK, workspace.workspace_id, moment)


@pytest_asyncio.fixture
async def office(busy: Workspace) -> Workspace:
    """Ana, ben, cem and dia in Berlin, all in one team, on the Friday before ana's leave."""
    await at(busy, FRIDAY)
    hours = {"timezone": "Europe/Berlin", "country": "DE", "hours": "Mo-Fr 09:00-17:00; PH off"}
    await busy.client.put("/calendars/b9", json=hours)
    for owner in ("ana", "ben", "cem", "dia"):
        body = {"name": owner.title(), "timezone": "Europe/Berlin", "calendar": "b9", "crm": {"x": owner}}
        await busy.client.put(f"/owners/{owner}", json=body)
    members = [{"owner": owner} for owner in ("ana", "ben", "cem", "dia")]
    await busy.client.put("/teams/sales", json={"members": members})
    await busy.client.put("/accounts/acme", json={"domains": ["acme.example"], "owner": "ana"})
    await busy.publish(PLAN)
    return busy


async def leave(workspace: Workspace, owner: str, start: str, end: str, **more: Any) -> dict[str, Any]:
    """An absence of an owner."""
    body = {"from": start, "to": end, **more}
    answer = await workspace.client.post(f"/owners/{owner}/absences", json=body)
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


async def owned(workspace: Workspace, owner: str) -> list[dict[str, Any]]:
    """The open assignments of an owner."""
    return list((await workspace.get(f"/assignments?owner={owner}&limit=1000"))["items"])


async def until(workspace: Workspace, reached: Callable[[dict[str, int]], bool]) -> dict[str, int]:
    """Wait until the numbers of open leads by owner or queue are as they must be, and no job runs."""
    end = time.monotonic() + PATIENCE
    while True:
        items = (await workspace.get("/assignments?limit=1000"))["items"]
        counts: dict[str, int] = {}
        for item in items:
            where = item["owner"] or item["queue"]
            counts[where] = counts.get(where, 0) + 1
        running = await workspace.fetch(
            "SELECT 1 FROM bulk_jobs WHERE workspace_id = $1 AND state = 'running'"
        )
        if reached(counts) and not running:
            return counts
        assert time.monotonic() < end, counts
        await asyncio.sleep(0.02)


async def touch(workspace: Workspace, lead: dict[str, Any], by: str, kind: str = "first_touch") -> None:
    """An event by an owner about the lead's present assignment."""
    body = {"items": [{"lead_id": lead["lead_id"], "type": kind, "by": by}]}
    answer = await workspace.client.post("/events", json=body)
    assert answer.json()["items"][0]["status"] == 200, answer.text


async def notices(workspace: Workspace) -> list[tuple[str, str, int]]:
    """The owner, the code and the count of each notice about several leads."""
    found = [orjson.loads(row["body"])["params"] for row in await workspace.fetch(NOTICES)]
    return sorted((each["owner"], each["code"], each["count"]) for each in found if "count" in each)


async def made(workspace: Workspace, source: str, count: int) -> list[dict[str, Any]]:
    """New leads of the owner with this name."""
    return [await workspace.assign(external_id=f"{source}{n}", source=source) for n in range(count)]


async def test_untouched_leads_come_back_after_leave_and_worked_ones_stay(office: Workspace) -> None:
    leads = await made(office, "ana", 10)
    absence = await leave(
        office, "ana", "2099-12-07", "2099-12-12", cover={"owner": "ben"}, open_leads="move"
    )
    assert (absence["cover"], absence["open_leads"]) == ({"owner": "ben", "team": None}, "move")
    await asyncio.sleep(0.2)
    assert len(await owned(office, "ana")) == 10
    await at(office, MONDAY)
    await until(office, lambda counts: counts == {"ben": 10})
    assert {item["origin_owner"] for item in await owned(office, "ben")} == {"ana"}
    assert await notices(office) == [("ana", "cover", 10), ("ben", "cover", 10)]
    await at(office, "2099-12-08 10:00Z")
    of_account = [await office.assign(email=f"{name}@acme.example") for name in "xy"]
    assert {(each["owner"]["id"], each["reason"]["code"]) for each in of_account} == {
        ("ben", "account_cover")
    }
    for lead in (*leads[:4], of_account[0]):
        await touch(office, lead, "ben")
    await touch(office, leads[4], "ben", "closed")
    await office.client.post("/reassign", json={"lead_id": leads[5]["lead_id"], "to": "cem"})
    ledger = await office.fetch("SELECT count(*) AS n FROM ledger_entries WHERE workspace_id = $1")
    await at(office, "2099-12-11 22:59Z")
    await asyncio.sleep(0.2)
    assert await owned(office, "ana") == []
    await at(office, "2099-12-11 23:00Z")
    await until(office, lambda counts: counts == {"ana": 5, "ben": 5, "cem": 1})
    back = await owned(office, "ana")
    assert {item["lead_id"] for item in back} == {each["lead_id"] for each in (*leads[6:], of_account[1])}
    # Two hours of working time from Monday 09:00 in Berlin.
    assert {item["touch_by"] for item in back} == {"2099-12-14T10:00:00Z"}
    assert {item["origin_owner"] for item in back} == {None}
    told = await notices(office)
    assert told == [("ana", "cover", 10), ("ana", "return", 5), ("ben", "cover", 10), ("ben", "return", 5)]
    assert await office.fetch("SELECT count(*) AS n FROM ledger_entries WHERE workspace_id = $1") == ledger
    lead = await office.get(f"/leads/{leads[6]['lead_id']}")
    assert [each["cause"] for each in lead["assignments"]] == ["assign", "cover", "return"]
    assert [each["reason"]["code"] for each in lead["assignments"]] == ["rule", "covered", "returned"]
    assert "Ben" in lead["assignments"][1]["reason"]["text"]
    after = await office.assign(email="z@acme.example")
    assert after["reason"]["code"] != "account_cover"
    assert (await verify(office.pool, office.workspace_id)).clean


async def test_cover_who_goes_on_leave_too_hands_on_and_each_lead_remembers_its_origin(
    office: Workspace,
) -> None:
    anas, bens = await made(office, "ana", 3), await made(office, "ben", 2)
    await leave(office, "ana", "2099-12-07", "2099-12-12", cover={"owner": "ben"})
    await leave(office, "ben", "2099-12-09", "2099-12-17", cover={"owner": "cem"})
    await leave(office, "cem", "2099-12-10", "2099-12-12", cover={"owner": "ana"})
    await at(office, MONDAY)
    await until(office, lambda counts: counts == {"ben": 5})
    await at(office, "2099-12-08 23:00Z")
    await until(office, lambda counts: counts == {"cem": 5})
    await at(office, "2099-12-09 23:00Z")
    # The covers lead in a circle: the leads go to those who are left of the team, or to the plan's queue.
    counts = await until(office, lambda counts: not counts.keys() & {"ana", "ben", "cem"})
    assert sum(counts.values()) == 5
    assert {item["origin_owner"] for item in (await office.get("/assignments"))["items"]} == {"ana", "ben"}
    await at(office, "2099-12-11 23:00Z")
    await until(office, lambda counts: counts.get("ana") == 3)
    assert {item["lead_id"] for item in await owned(office, "ana")} == {each["lead_id"] for each in anas}
    await at(office, "2099-12-16 23:00Z")
    await until(office, lambda counts: counts == {"ana": 3, "ben": 2})
    assert {item["lead_id"] for item in await owned(office, "ben")} == {each["lead_id"] for each in bens}
    lead = await office.get(f"/leads/{anas[0]['lead_id']}")
    causes = [each["cause"] for each in lead["assignments"]]
    assert causes == ["assign", "cover", "cover", "cover", "return"]
    assert await office.fetch("SELECT 1 FROM ledger_entries WHERE workspace_id = $1") == []
    assert (await verify(office.pool, office.workspace_id)).clean


async def test_leave_that_has_begun_moves_at_once_and_ends_when_it_is_deleted(office: Workspace) -> None:
    leads = await made(office, "ana", 3)
    absence = await leave(office, "ana", "2099-12-04", "2099-12-12", cover={"team": "sales"})
    counts = await until(office, lambda counts: "ana" not in counts and sum(counts.values()) == 3)
    assert sorted(counts.values()) == [1, 1, 1]
    # What a person gives the owner during the leave stays there.
    await at(office, "2099-12-04 12:01Z")
    await office.client.post("/reassign", json={"lead_id": leads[0]["lead_id"], "to": "ana"})
    await asyncio.sleep(0.2)
    assert len(await owned(office, "ana")) == 1
    assert (await office.client.delete(f"/owners/ana/absences/{absence['id']}")).status_code == 204
    await until(office, lambda counts: counts == {"ana": 3})
    assert await office.fetch("SELECT 1 FROM ledger_entries WHERE workspace_id = $1") == []
    assert (await verify(office.pool, office.workspace_id)).clean


@pytest.mark.parametrize(
    ("body", "moves"),
    [
        ({"from": "2099-12-04T12:00:00Z", "to": "2099-12-04T15:00:00Z", "cover": {"owner": "ben"}}, False),
        (
            {
                "from": "2099-12-04T12:00:00Z",
                "to": "2099-12-04T15:00:00Z",
                "cover": {"owner": "ben"},
                "open_leads": "move",
            },
            True,
        ),
        ({"from": "2099-12-04", "to": "2099-12-05", "cover": {"owner": "ben"}}, True),
        ({"from": "2099-12-04", "to": "2099-12-05", "cover": {"owner": "ben"}, "open_leads": "stay"}, False),
        ({"from": "2099-12-04", "to": "2099-12-05"}, False),
    ],
    ids=["part of a day", "part of a day on request", "whole day", "stay", "no cover"],
)
async def test_only_whole_days_with_a_cover_move_leads_unless_asked(
    office: Workspace, body: dict[str, Any], moves: bool
) -> None:
    await made(office, "ana", 1)
    answer = await office.client.post("/owners/ana/absences", json=body)
    assert answer.json()["open_leads"] == ("move" if moves else "stay")
    if moves:
        await until(office, lambda counts: counts == {"ben": 1})
    await asyncio.sleep(0.2)
    assert len(await owned(office, "ana")) == (0 if moves else 1)


@pytest.mark.parametrize(
    ("cover", "path", "code"),
    [
        ({"owner": "nobody"}, "cover.owner", "unknown_owner"),
        ({"team": "nobody"}, "cover.team", "unknown_team"),
        ({"owner": "ana"}, "cover.owner", "not_allowed"),
        ({"owner": "ben", "team": "sales"}, "cover", "exactly_one"),
        ({}, "cover", "exactly_one"),
    ],
)
async def test_cover_that_cannot_be_is_refused(
    office: Workspace, cover: dict[str, Any], path: str, code: str
) -> None:
    body = {"from": "2099-12-07", "to": "2099-12-12", "cover": cover}
    answer = await office.client.post("/owners/ana/absences", json=body)
    assert answer.status_code == 422
    assert [(each["path"], each["code"]) for each in answer.json()["errors"]] == [(path, code)]


async def test_deactivated_cover_is_passed_over_and_named_among_the_places(office: Workspace) -> None:
    await leave(office, "ana", "2099-12-07", "2099-12-12", cover={"owner": "ben"})
    answer = await office.client.patch("/owners/ben", json={"active": False})
    places = {(each["resource_type"], each["path"]) for each in answer.json()["named_in"]}
    assert ("absences", "cover.owner") in places
    await made(office, "ana", 2)
    await at(office, MONDAY)
    counts = await until(office, lambda counts: "ana" not in counts)
    assert "ben" not in counts


async def test_miss_inside_an_absence_that_is_entered_later_is_withdrawn(office: Workspace) -> None:
    (lead,) = await made(office, "ana", 1)
    due = "UPDATE sla_clocks SET due_at = '2099-12-04 10:00Z' WHERE workspace_id = $1"
    await office.pool.execute(due, office.workspace_id)
    missed = "UPDATE sla_clocks SET state = 'missed', ended_at = due_at WHERE workspace_id = $1"
    await office.pool.execute(missed, office.workspace_id)
    assert (await owned(office, "ana"))[0]["sla_state"] == "breached"
    await leave(office, "ana", "2099-12-03", "2099-12-05", open_leads="stay")
    assert (await owned(office, "ana"))[0]["lead_id"] == lead["lead_id"]
    assert (await owned(office, "ana"))[0]["sla_state"] == "none"
