"""SLA clocks of a running service: reminders, misses, take-aways and escalations."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest

from app.audit.verify import verify
from tests.support.workspace import Workspace, open_workspace

PATIENCE = 120.0
CLOCK = """
INSERT INTO clocks (workspace_id, set_at, base_time, speed) VALUES ($1, now(), $2::text::timestamptz, 0)
ON CONFLICT (workspace_id)
  DO UPDATE SET set_at = excluded.set_at, base_time = excluded.base_time, speed = excluded.speed
"""
ACTIONS = """
SELECT type, body ->> 'params' AS params, body #>> '{params,code}' AS code, body #>> '{params,owner}' AS owner
  FROM actions WHERE workspace_id = $1 AND body #>> '{params,code}' IS NOT NULL ORDER BY sequence
"""
CLOCKS = """
SELECT kind, state, due_at, strike FROM sla_clocks WHERE workspace_id = $1 ORDER BY started_at, kind
"""
PLAN = """
queues: {{unrouted: {{claimable_by: inbound}}}}
slas: {{hot: {{{sla}}}}}
pipeline:
  - round_robin: {{team: inbound, sla: hot}}
  - queue: {{name: unrouted}}
"""
OFFICE = {"timezone": "Europe/Berlin", "country": "DE", "hours": "Mo-Fr 09:00-17:00; PH off"}


async def at(workspace: Workspace, moment: str) -> None:
    """Set the workspace's time, which then stands still."""
    await workspace.pool.execute(CLOCK, workspace.workspace_id, moment)


async def until(found: Callable[[], Awaitable[bool]]) -> None:
    """Wait until something holds."""
    end = time.monotonic() + PATIENCE
    while not await found():
        assert time.monotonic() < end
        await asyncio.sleep(0.02)


async def quiet(workspace: Workspace) -> None:
    """Wait until no clock is due any more."""

    async def done() -> bool:
        due = await workspace.fetch(
            """SELECT FROM sla_clocks, clocks WHERE sla_clocks.workspace_id = $1
               AND clocks.workspace_id = $1 AND state = 'pending' AND next_at <= base_time"""
        )
        return not due

    await until(done)


async def move(workspace: Workspace, *moments: str) -> None:
    """Move the time, and let the worker do each time what is due."""
    for moment in moments:
        await at(workspace, moment)
        await quiet(workspace)


async def told(workspace: Workspace) -> list[tuple[str, str | None]]:
    """The code and the owner of every notice so far, in order."""
    return [(row["code"], row["owner"]) for row in await workspace.fetch(ACTIONS)]


async def states(workspace: Workspace) -> list[tuple[str, str]]:
    """The kind and the state of every clock."""
    return [(row["kind"], row["state"]) for row in await workspace.fetch(CLOCKS)]


async def owner_of(workspace: Workspace, lead_id: str) -> str | None:
    owner = (await workspace.get(f"/leads/{lead_id}"))["owner"]
    return owner["id"] if owner else None


async def report(workspace: Workspace, assignment_id: str, **event: Any) -> dict[str, Any]:
    answer = await workspace.client.post(f"/assignments/{assignment_id}/events", json=event)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


@pytest.fixture
async def office(database: str) -> AsyncIterator[Workspace]:
    """Tuesday morning in the office: ana and ben share leads."""
    async with open_workspace(database, worker_interval_seconds=0.02) as workspace:
        await at(workspace, "2098-12-02T10:00+01:00")
        await workspace.put("calendars", "office", OFFICE)
        for owner in ("ana", "ben"):
            await workspace.client.patch(
                f"/owners/{owner}", json={"calendar": "office", "timezone": "Europe/Berlin"}
            )
        members = [{"owner": "ana"}, {"owner": "ben"}]
        await workspace.put("teams", "inbound", {"name": "Inbound", "members": members})
        yield workspace


REMIND = "touch: 4h, remind: [50%, 30m], on_breach: remind"


async def test_case_16_two_reminders_and_one_breach_however_often_the_worker_looks(office: Workspace) -> None:
    await office.publish(PLAN.format(sla=REMIND))
    made = await office.assign(external_id="a")
    await move(office, "2098-12-02T11:59+01:00")
    assert await told(office) == []
    await move(office, "2098-12-02T12:00+01:00", "2098-12-02T13:30+01:00", "2098-12-02T14:01+01:00")
    owner = made["owner"]["id"]
    assert await told(office) == [("sla_reminder", owner)] * 2
    assert await states(office) == [("touch", "pending")]
    await move(office, "2098-12-02T14:02+01:00", "2098-12-04T14:00+01:00")
    assert await told(office) == [("sla_reminder", owner)] * 2 + [("sla_missed", owner)]
    assert await states(office) == [("touch", "missed")]
    assert await owner_of(office, made["lead_id"]) == owner
    assert (await verify(office.pool, office.workspace_id)).clean


@pytest.mark.parametrize(
    ("moment", "type_", "notices", "state"),
    [
        ("2098-12-02T11:36+01:00", "closed", 0, "withdrawn"),
        ("2098-12-02T12:24+01:00", "reached", 1, "met"),
    ],
)
async def test_case_16_what_is_closed_or_touched_reminds_no_more(
    office: Workspace, moment: str, type_: str, notices: int, state: str
) -> None:
    await office.publish(PLAN.format(sla=REMIND))
    made = await office.assign(external_id="a")
    await move(office, moment)
    await report(office, made["assignment_id"], type=type_)
    await move(office, "2098-12-02T13:30+01:00", "2098-12-02T14:02+01:00", "2098-12-04T14:02+01:00")
    assert [code for code, _ in await told(office)] == ["sla_reminder"] * notices
    assert await states(office) == [("touch", state)]


TAKE_AWAY = "accept: 15m, on_breach: take_away, grace: 0, escalate_to: [{owner: eve}, {queue: unrouted}]"


async def test_missed_lead_goes_to_the_next_member_and_then_is_escalated_once(office: Workspace) -> None:
    await office.publish(PLAN.format(sla=TAKE_AWAY))
    made = await office.assign(external_id="a")
    first = made["owner"]["id"]
    second = {"ana": "ben", "ben": "ana"}[first]
    await move(office, "2098-12-02T10:15+01:00")
    assert await owner_of(office, made["lead_id"]) == second
    await move(office, "2098-12-02T10:30+01:00")
    assert await owner_of(office, made["lead_id"]) == "eve"
    await move(office, "2098-12-02T10:45+01:00", "2098-12-03T10:45+01:00")
    lead = await office.get(f"/leads/{made['lead_id']}")
    assert [each["cause"] for each in lead["assignments"]] == ["assign", "take_away", "escalate"]
    assert [each["reason"]["code"] for each in lead["assignments"]] == [
        "round_robin",
        "taken_away",
        "escalated",
    ]
    assert await told(office) == [("taken_away", first), ("escalated", second)]
    assert lead["first_due"] == "2098-12-02T09:15:00Z"
    late = await office.client.post(f"/assignments/{made['assignment_id']}/events", json={"type": "accepted"})
    assert (late.status_code, late.json()["code"]) == (409, "superseded")
    assert (await verify(office.pool, office.workspace_id)).clean


async def test_team_of_one_escalates_and_never_comes_back(office: Workspace) -> None:
    await office.put("teams", "inbound", {"name": "Inbound", "members": [{"owner": "ana"}]})
    await office.publish(PLAN.format(sla=TAKE_AWAY.replace("owner: eve", "owner: ana")))
    made = await office.assign(external_id="a")
    await move(office, "2098-12-02T10:15+01:00")
    lead = await office.get(f"/leads/{made['lead_id']}")
    assert (lead["state"], lead["assignments"][-1]["queue"]) == ("queued", "unrouted")
    assert (await verify(office.pool, office.workspace_id)).clean


async def test_event_that_was_in_time_withdraws_the_miss_and_not_the_move(office: Workspace) -> None:
    await office.publish(PLAN.format(sla=TAKE_AWAY))
    made = await office.assign(external_id="a")
    await move(office, "2098-12-02T10:15+01:00")
    moved_to = await owner_of(office, made["lead_id"])
    await move(office, "2098-12-02T10:20+01:00")
    await report(office, made["assignment_id"], type="reached", at="2098-12-02T10:14:00+01:00")
    assert (await states(office))[0] == ("accept", "withdrawn")
    assert await owner_of(office, made["lead_id"]) == moved_to


async def test_bound_in_plain_time_escalates_without_a_miss(office: Workspace) -> None:
    sla = "touch: 8h, max_wall: 24h, escalate_to: [{queue: unrouted}]"
    await office.publish(PLAN.format(sla=sla))
    await at(office, "2098-12-05T16:00+01:00")
    made = await office.assign(external_id="a")
    await move(office, "2098-12-06T16:00+01:00")
    assert await states(office) == [("touch", "withdrawn")]
    lead = await office.get(f"/leads/{made['lead_id']}")
    assert (lead["state"], lead["assignments"][-1]["reason"]["code"]) == ("queued", "escalated")


async def test_unclaimed_lead_is_escalated_in_the_time_of_those_who_may_claim(office: Workspace) -> None:
    plan = """
    queues: {desk: {claimable_by: inbound, sla: desk}, unrouted: {}}
    slas: {desk: {claim: 30m, on_breach: escalate, grace: 0, escalate_to: [{owner: eve}, {queue: unrouted}]}}
    pipeline: [{queue: {name: desk}}]
    """
    await office.publish(plan)
    await at(office, "2098-12-02T16:50+01:00")
    made = await office.assign(external_id="a")
    other = await office.assign(external_id="b")
    assert made["sla"]["claim_by"] == "2098-12-03T08:20:00Z"
    answer = await office.client.post(
        "/queues/desk/claim", json={"owner_id": "ana", "lead_id": other["lead_id"]}
    )
    assert answer.status_code == 200, answer.text
    await move(office, "2098-12-03T09:20+01:00")
    assert await owner_of(office, made["lead_id"]) == "eve"
    assert sorted(await states(office)) == [("claim", "met"), ("claim", "missed")]
    assert (await verify(office.pool, office.workspace_id)).clean


async def test_a_take_away_gives_the_turn_back_only_if_the_plan_says_so(office: Workspace) -> None:
    plan = PLAN.format(sla="touch: 1h, on_breach: take_away")
    await office.publish(plan)
    await office.assign(external_id="a")
    await move(office, "2098-12-02T11:05+01:00")
    await office.publish(f"refund_take_aways: true{plan}")
    await office.assign(external_id="b")
    await move(office, "2098-12-02T12:10+01:00")
    causes = [each["cause"] for each in (await office.get("/teams/inbound/ledger"))["items"]]
    ended = await office.fetch("SELECT end_cause FROM assignments WHERE workspace_id = $1 AND refunded")
    assert causes.count("taken_away") == len(ended) > 0
    assert causes[:2] == ["turn", "turn"]
    assert {row["end_cause"] for row in ended} == {"taken_away"}
    found = await verify(office.pool, office.workspace_id)
    assert found.clean, found.differences


async def test_case_8_a_reject_and_a_breach_of_one_instant_move_the_lead_once(office: Workspace) -> None:
    plan = PLAN.format(sla="accept: 15m, on_breach: take_away")
    await office.publish(f"reject_reasons: {{wrong_region: {{refund: true}}}}{plan}")
    leads = [await office.assign(external_id=str(number)) for number in range(40)]
    await at(office, "2098-12-02T10:17+01:00")
    sent = [
        office.client.post(
            f"/assignments/{lead['assignment_id']}/events",
            json={"id": f"{lead['lead_id']}-{click}", "type": "rejected", "reason": "wrong_region"},
        )
        for lead in leads
        for click in range(2)
    ]
    answers = await asyncio.gather(*sent)
    await quiet(office)
    assert {(each.status_code, each.json().get("code")) for each in answers} <= {
        (200, None),
        (409, "superseded"),
    }
    ended = await office.fetch(
        "SELECT id::text AS id, end_cause, refunded FROM assignments WHERE workspace_id = $1 AND attempt = 1"
    )
    causes = {row["id"]: row["end_cause"] for row in ended}
    assert all(causes[lead["assignment_id"]] in ("rejected", "taken_away") for lead in leads)
    assert all(row["refunded"] == (row["end_cause"] == "rejected") for row in ended)
    taken = [each.status_code for each in answers].count(200)
    assert taken == list(causes.values()).count("rejected")
    found = await verify(office.pool, office.workspace_id)
    assert found.clean, found.differences
