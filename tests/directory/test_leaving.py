"""An owner leaves for good, or leaves a team (BEHAVIOURS 24, cases 28 and 29)."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any

import httpx2
import pytest
import pytest_asyncio

from app.audit.verify import verify
from tests.support.jobs import finished
from tests.support.metrics import samples
from tests.support.processes import PATIENCE
from tests.support.workspace import Filled, Workspace, open_filled

PLAN = """
queues: {desk: {claimable_by: inbound}}
returning_leads: {window: 90d, duplicate_window: 0}
pipeline:
  - rule: {name: named, when: {source: ana}, then: {owner: ana}}
  - rule: {name: rows, when: {source: table}, table: areas, match_on: {country: eq}}
  - account: {if_unavailable: [delegate, {team: inbound}]}
  - round_robin: {team: inbound}
  - queue: {name: desk}
"""
ROWS = {"columns": ["country"], "rows": [["FR", {"owner": "ana"}], ["US", {"team": "inbound"}]]}


@pytest_asyncio.fixture
async def quick(busy: Workspace) -> Workspace:
    """A workspace whose worker rests for a moment only, with a plan that names ana everywhere."""
    assert (await busy.client.put("/tables/areas", json=ROWS)).status_code == 201
    await busy.publish(PLAN)
    account = {"domains": ["acme.example"], "owner": "ana", "roles": {"sdr": "ana"}}
    assert (await busy.client.put("/accounts/acme", json=account)).status_code == 201
    await busy.client.patch("/owners/eve", json={"delegate": "ana", "caps": None})
    return busy


async def deactivate(workspace: Workspace, owner: str, **more: Any) -> dict[str, Any]:
    """The answer to a deactivation."""
    answer = await workspace.client.patch(f"/owners/{owner}", json={"active": False, **more})
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


async def test_no_path_returns_an_owner_who_is_deactivated(quick: Workspace) -> None:
    leads = {
        "rule": {"external_id": "a", "source": "ana"},
        "table": {"external_id": "b", "source": "table", "country": "FR"},
        "account": {"email": "c@acme.example"},
        "kept": {"external_id": "d"},
    }
    kept = await quick.assign(**leads["kept"])
    await quick.client.post("/reassign", json={"lead_id": kept["lead_id"], "to": "ana"})
    await deactivate(quick, "ana")
    for fields in leads.values():
        for _ in range(2):
            assert (await quick.assign(**fields))["owner"]["id"] != "ana"
    assert (
        await quick.client.post("/reassign", json={"lead_id": kept["lead_id"], "to": "ana"})
    ).status_code == 409
    claim = await quick.client.post("/queues/desk/claim", json={"owner_id": "ana"})
    assert (claim.status_code, claim.json()["code"]) == (403, "inactive")
    assert (await verify(quick.pool, quick.workspace_id)).clean


async def test_deactivation_moves_the_open_leads_and_lists_every_place_that_names_the_owner(
    quick: Workspace,
) -> None:
    made = [await quick.assign(external_id=f"e{number}", source="ana") for number in range(5)]
    answer = await deactivate(quick, "ana", open_leads="move")
    job = await finished(quick.client, answer["job_id"])
    assert (job["kind"], job["counts"]["moved"], job["total"]) == ("deactivate", 5, 5)
    assert (await quick.get("/assignments?owner=ana"))["items"] == []
    lead = await quick.get(f"/leads/{made[0]['lead_id']}")
    assert [each["cause"] for each in lead["assignments"]] == ["assign", "reassign"]
    places = {(each["resource_type"], each["resource_id"], each["path"]) for each in answer["named_in"]}
    version = str(made[0]["plan_version"])
    assert places == {
        ("plans", version, "pipeline[0].rule.then.owner"),
        ("tables", "areas", "rows[0].owner"),
        ("teams", "inbound", "members[0]"),
        ("teams", "dach", "members[0]"),
        ("owners", "eve", "delegate"),
        ("accounts", "acme", "owner"),
        ("accounts", "acme", "roles.sdr"),
    }
    assert (await verify(quick.pool, quick.workspace_id)).clean


async def test_what_a_leaver_kept_after_a_handoff_ends_and_the_lead_stays_with_the_other_owner(
    quick: Workspace,
) -> None:
    handoff = "handoffs: [{name: to-ben, when_event: qualified, to: {owner: ben}, keep: true}]\n"
    await quick.publish(handoff + PLAN)
    lead = await quick.assign(external_id="a", source="ana")
    event = await quick.client.post(
        f"/assignments/{lead['assignment_id']}/events", json={"type": "qualified"}
    )
    assert event.json()["decision"]["owner"]["id"] == "ben"
    assert len((await quick.get("/assignments?owner=ana"))["items"]) == 1
    job = await finished(quick.client, (await deactivate(quick, "ana", open_leads="move"))["job_id"])
    assert [(item["result"], item["code"], item["owner"]) for item in job["items"]] == [
        ("kept", "handed_off", "ben")
    ]
    assert (await quick.get("/assignments?owner=ana"))["items"] == []
    assert len((await quick.get("/assignments?owner=ben"))["items"]) == 1
    assert (await verify(quick.pool, quick.workspace_id)).clean


async def test_open_leads_stay_unless_they_are_to_be_moved(quick: Workspace) -> None:
    await quick.assign(external_id="a", source="ana")
    answer = await deactivate(quick, "ana", open_leads="stay")
    assert answer["job_id"] is None
    assert len((await quick.get("/assignments?owner=ana"))["items"]) == 1
    other = await quick.client.patch("/owners/ben", json={"name": "Ben B."})
    assert "named_in" not in other.json()


@pytest.mark.parametrize(
    "body",
    [{"active": False, "open_leads": "away"}, {"active": True, "open_leads": "move"}, {"open_leads": 1}],
)
async def test_open_leads_of_an_active_owner_cannot_be_moved_so(
    quick: Workspace, body: dict[str, Any]
) -> None:
    answer = await quick.client.patch("/owners/ben", json=body)
    assert answer.status_code == 422
    assert [error["path"] for error in answer.json()["errors"]] == ["open_leads"]


async def test_reactivation_cancels_the_rest_of_the_move(filled: Filled) -> None:
    async with open_filled(filled, worker_interval_seconds=3600) as workspace:
        await workspace.publish(PLAN.replace("  - rule: {name: rows", "  # - rule: {name: rows"))
        await workspace.assign(external_id="a", source="ana")
        answer = await deactivate(workspace, "ana", open_leads="move")
        before = await workspace.get(f"/jobs/{answer['job_id']}")
        await workspace.client.patch("/owners/ana", json={"active": True})
        job = await workspace.get(f"/jobs/{answer['job_id']}")
        expected = "canceled" if before["state"] == "running" else "finished"
        assert (job["state"], job["done"]) == (expected, before["done"])


async def test_deleted_owner_leaves_no_open_lead_behind(quick: Workspace) -> None:
    await quick.client.put("/owners/zoe", json={"name": "Zoe"})
    lead = await quick.assign(external_id="a")
    await quick.client.post("/reassign", json={"lead_id": lead["lead_id"], "to": "zoe"})
    await quick.client.patch("/owners/ben", json={"delegate": "zoe"})
    answer = await quick.client.delete("/owners/zoe?open_leads=move")
    assert answer.status_code == 200, answer.text
    assert answer.json()["named_in"] == [
        {"resource_type": "owners", "resource_id": "ben", "path": "delegate"}
    ]
    job = await finished(quick.client, answer.json()["job_id"])
    assert job["counts"]["moved"] == 1
    assert (await quick.get("/assignments?owner=zoe"))["items"] == []
    named = await quick.client.delete("/owners/ana?open_leads=move")
    assert (named.status_code, named.json()["code"]) == (409, "in_use")
    assert (await verify(quick.pool, quick.workspace_id)).clean


async def test_owner_with_open_leads_is_deleted_only_once_somebody_says_what_becomes_of_them(
    quick: Workspace,
) -> None:
    await quick.client.put("/owners/zoe", json={"name": "Zoe"})
    for number in range(3):
        lead = await quick.assign(external_id=str(number))
        await quick.client.post("/reassign", json={"lead_id": lead["lead_id"], "to": "zoe"})
    refused = await quick.client.delete("/owners/zoe")
    assert (refused.status_code, refused.json()["code"]) == (409, "owner_has_leads")
    assert refused.json()["open_leads"] == 3
    assert stranded(await metrics(quick)) == {"inactive": 0, "deleted": 0, "away": 0}
    assert (await quick.client.delete("/owners/zoe?open_leads=keep")).status_code == 204
    assert stranded(await metrics(quick)) == {"inactive": 0, "deleted": 3, "away": 0}


async def test_gauge_counts_open_leads_of_owners_who_cannot_work_them(quick: Workspace) -> None:
    for owner, count in (("ana", 2), ("ben", 1)):
        for number in range(count):
            lead = await quick.assign(external_id=f"{owner}{number}")
            await quick.client.post("/reassign", json={"lead_id": lead["lead_id"], "to": owner})
    await deactivate(quick, "ana")
    leave = {"from": "2020-01-01", "to": "2099-01-01", "open_leads": "stay"}
    made = await quick.client.post("/owners/ben/absences", json=leave)
    assert stranded(await metrics(quick)) == {"inactive": 2, "deleted": 0, "away": 1}
    await quick.client.delete(f"/owners/ben/absences/{made.json()['id']}")
    covered = {**leave, "cover": {"owner": "eve"}}
    assert (await quick.client.post("/owners/ben/absences", json=covered)).status_code == 201
    assert stranded(await metrics(quick)) == {"inactive": 2, "deleted": 0, "away": 0}
    await deactivate(quick, "eve")
    assert stranded(await metrics(quick)) == {"inactive": 2, "deleted": 0, "away": 1}


HOLDING = """
queues: {unrouted: {}}
pipeline:
  - rule: {name: anas, when: {source: ana}, then: {owner: ana, off_hours: hold}}
  - rule: {name: dach, when: {source: team}, then: {team: dach, off_hours: hold}}
  - queue: {name: unrouted}
"""


def stranded(text: str) -> dict[str, int]:
    """The gauge of open leads that nobody can work."""
    found = samples(text, "lead_assignment_stranded_leads")
    return {reason: int(count) for (reason,), count in found.items()}


async def metrics(workspace: Workspace) -> str:
    return (await workspace.client.get("/metrics")).text


async def owner_after_moving(workspace: Workspace, lead_id: str) -> str:
    """The owner of a lead that has none yet, once it has one."""
    until = time.monotonic() + PATIENCE
    while (lead := await workspace.get(f"/leads/{lead_id}"))["owner"] is None:
        assert time.monotonic() < until
        await asyncio.sleep(0.02)
    return str(lead["owner"]["id"])


Gone = Callable[[httpx2.AsyncClient], Awaitable[httpx2.Response]]


async def _all_inactive(client: httpx2.AsyncClient) -> httpx2.Response:
    await client.patch("/owners/ana", json={"active": False})
    return await client.patch("/owners/eve", json={"active": False})


async def _nobody_takes_turns(client: httpx2.AsyncClient) -> httpx2.Response:
    await client.patch("/owners/ana", json={"active": False})
    return await client.patch(
        "/teams/dach", json={"members": [{"owner": "ana"}, {"owner": "eve", "weight": 0}]}
    )


async def _away_for_years(client: httpx2.AsyncClient) -> httpx2.Response:
    away = {"from": "2026-01-01T00:00:00Z", "to": "2199-01-01T00:00:00Z"}
    return await client.post("/owners/ana/absences", json=away)


@pytest.mark.parametrize(
    ("source", "gone"),
    [
        ("ana", lambda client: client.patch("/owners/ana", json={"active": False})),
        ("ana", lambda client: client.put("/owners/ana", json={"name": "Ana", "active": False})),
        ("ana", lambda client: client.delete("/owners/ana?open_leads=keep")),
        ("team", lambda client: client.delete("/teams/dach")),
        ("team", lambda client: client.patch("/teams/dach", json={"members": []})),
        ("team", _all_inactive),
        ("team", _nobody_takes_turns),
        ("ana", _away_for_years),
        ("ana", lambda client: client.patch("/owners/ana", json={"paused_until": "2199-01-01T00:00:00Z"})),
    ],
    ids=[
        "deactivated",
        "written inactive",
        "deleted",
        "team deleted",
        "team emptied",
        "all members inactive",
        "no member takes turns",
        "away for years",
        "paused for years",
    ],
)
async def test_lead_held_for_somebody_who_is_gone_moves_on_at_once(
    quick: Workspace, source: str, gone: Gone
) -> None:
    members = [{"owner": "ana"}, {"owner": "eve"}]
    await quick.client.put("/calendars/late", json={"timezone": "UTC", "hours": "Jan 01 00:00-00:01"})
    for owner in ("ana", "eve"):
        await quick.client.patch(f"/owners/{owner}", json={"calendar": "late"})
    await quick.client.put("/teams/dach", json={"name": "DACH", "members": members})
    await quick.publish(HOLDING)
    held = await quick.assign(external_id="a", source=source)
    assert held["queue"] == "held"
    await quick.publish(HOLDING.replace("owner: ana", "owner: ben").replace("team: dach", "owner: ben"))
    answer = await gone(quick.client)
    assert answer.status_code in (200, 201, 204), answer.text
    assert await owner_after_moving(quick, held["lead_id"]) == "ben"
    assert (await verify(quick.pool, quick.workspace_id)).clean


@pytest.mark.parametrize("source", ["ana", "team"])
async def test_held_lead_does_not_wait_for_a_shift_that_was_moved_up(quick: Workspace, source: str) -> None:
    await quick.client.put("/calendars/late", json={"timezone": "UTC", "hours": "Jan 01 00:00-00:01"})
    await quick.client.patch("/owners/ana", json={"calendar": "late"})
    await quick.client.put("/teams/dach", json={"name": "DACH", "members": [{"owner": "ana"}]})
    await quick.publish(HOLDING)
    held = await quick.assign(external_id="a", source=source)
    assert held["queue"] == "held"
    await quick.client.put("/calendars/late", json={"timezone": "UTC", "hours": "Mo-Su 00:00-24:00"})
    assert await owner_after_moving(quick, held["lead_id"]) == "ana"
    assert (await verify(quick.pool, quick.workspace_id)).clean


async def test_leads_of_a_former_member_are_answered_and_moved_on_request(quick: Workspace) -> None:
    made = [await quick.assign(external_id=f"e{number}") for number in range(6)]
    bens = [each for each in made if each["owner"]["id"] == "ben"]
    kept = (await quick.client.delete("/teams/inbound/members/ben?open_leads=keep")).json()
    assert kept["open_leads"] == len(bens)
    assert {item["lead_id"] for item in kept["items"]} == {each["lead_id"] for each in bens}
    assert kept["job_id"] is None
    assert len((await quick.get("/assignments?owner=ben"))["items"]) == len(bens)
    await quick.client.put("/teams/inbound/members/ben", json={"weight": 1})
    moved = (await quick.client.delete("/teams/inbound/members/ben?open_leads=move")).json()
    job = await finished(quick.client, moved["job_id"])
    assert (job["kind"], job["counts"]["moved"]) == ("leave_team", len(bens))
    assert (await quick.get("/assignments?owner=ben&team=inbound"))["items"] == []
    assert (await quick.client.delete("/teams/inbound/members/ben")).status_code == 404
    assert (await verify(quick.pool, quick.workspace_id)).clean
