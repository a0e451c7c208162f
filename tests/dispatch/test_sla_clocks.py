"""SLA clocks of a running service: reminders, misses, take-aways and escalations."""

import asyncio

import pytest

from app.audit.verify import verify
from tests.support.office import PLAN, at, furnish, move, owner_of, quiet, report, states, told
from tests.support.workspace import Workspace


@pytest.fixture
async def office(busy: Workspace) -> Workspace:
    await furnish(busy)
    return busy


REMIND = "touch: 4h, remind: [50%, 30m], on_breach: remind"


async def test_two_reminders_and_one_breach_however_often_the_worker_looks(office: Workspace) -> None:
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
async def test_what_is_closed_or_touched_reminds_no_more(
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


async def test_a_reject_and_a_breach_of_one_instant_move_the_lead_once(office: Workspace) -> None:
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


async def test_lead_that_returns_untouched_keeps_its_clock_and_a_touched_one_gets_a_new(
    office: Workspace,
) -> None:
    await office.publish(PLAN.format(sla=REMIND))
    made = await office.assign(external_id="a")
    await move(office, "2098-12-02T12:00+01:00")
    again = await office.assign(external_id="a", title="Head of Sales")
    assert again["existing_lead"]["kind"] == "reengaged"
    assert again["sla"]["touch_by"] == made["sla"]["touch_by"]
    await report(office, again["assignment_id"], type="reached")
    await move(office, "2098-12-02T13:00+01:00")
    later = await office.assign(external_id="a", title="Chief of Sales")
    assert later["sla"]["touch_by"] == "2098-12-02T16:00:00Z"
    assert [code for code, _ in await told(office)] == ["sla_reminder"]
    assert (await verify(office.pool, office.workspace_id)).clean


TWO_OWNERS = """
queues: {{unrouted: {{claimable_by: inbound}}}}
slas:
  hot: {{accept: 15m, grace: 0, on_breach: take_away, escalate_to: [{{queue: unrouted}}]}}
  deal: {{accept: {deal}, grace: 0, on_breach: take_away, escalate_to: [{{queue: unrouted}}]}}
handoffs: [{{name: to-ae, when_event: qualified, to: {{{to}}}, keep: true}}]
pipeline:
  - round_robin: {{team: inbound, sla: hot}}
  - queue: {{name: unrouted}}
"""


async def open_assignments(office: Workspace, lead_id: str) -> list[tuple[str | None, str]]:
    """The owner and the cause of each open assignment of a lead, in order."""
    found = (await office.get(f"/leads/{lead_id}"))["assignments"]
    return [
        (each["owner"] and each["owner"]["id"], each["cause"]) for each in found if each["state"] == "open"
    ]


async def test_of_two_owners_only_the_one_who_is_late_loses_the_lead(office: Workspace) -> None:
    members = [{"owner": "ana"}, {"owner": "ben"}, {"owner": "eve"}]
    await office.put("teams", "inbound", {"name": "Inbound", "members": members})
    await office.put("owners", "dia", {"name": "Dia"})
    await office.publish(TWO_OWNERS.format(deal="8h", to="owner: dia, sla: deal"))
    made = await office.assign(external_id="a")
    first = made["owner"]["id"]
    await report(office, made["assignment_id"], type="qualified", by="robot", via="bot")
    assert await open_assignments(office, made["lead_id"]) == [(first, "assign"), ("dia", "handoff")]
    await move(office, "2098-12-02T10:15+01:00")
    kept, second = await open_assignments(office, made["lead_id"])
    assert kept == ("dia", "handoff")
    assert second[1] == "take_away"
    assert second[0] not in (first, "dia")
    assert await told(office) == [("taken_away", first)]
    # The handoff is not made again of the assignment that follows, and nobody gets the lead back.
    newest = (await office.get(f"/leads/{made['lead_id']}"))["assignments"][-1]["assignment_id"]
    again = await report(office, newest, type="qualified", by="robot", via="bot")
    assert (again["effect"], again["decision"]) == ("none", None)
    await move(office, "2098-12-02T10:30+01:00")
    third = (await open_assignments(office, made["lead_id"]))[1]
    assert {first, second[0], third[0]} == {"ana", "ben", "eve"}
    await move(office, "2098-12-02T10:45+01:00")
    assert await open_assignments(office, made["lead_id"]) == [("dia", "handoff"), (None, "escalate")]
    found = await verify(office.pool, office.workspace_id)
    assert found.clean, found.lines()


async def test_the_second_owner_s_breach_leaves_the_lead_with_the_first(office: Workspace) -> None:
    await office.put("owners", "dia", {"name": "Dia"})
    members = [{"owner": "dia"}, {"owner": "ana"}, {"owner": "eve"}]
    await office.put("teams", "closers", {"name": "Closers", "members": members})
    await office.put("teams", "inbound", {"name": "Inbound", "members": [{"owner": "ana"}]})
    await office.publish(TWO_OWNERS.format(deal="10m", to="team: closers, sla: deal"))
    made = await office.assign(external_id="a")
    await report(office, made["assignment_id"], type="accepted")
    done = await report(office, made["assignment_id"], type="qualified")
    taken = {"dia", "eve"} - {done["decision"]["owner"]["id"]}
    await move(office, "2098-12-02T10:10+01:00")
    assert await open_assignments(office, made["lead_id"]) == [("ana", "assign"), (*taken, "take_away")]
    found = await verify(office.pool, office.workspace_id)
    assert found.clean, found.lines()


async def test_while_a_lead_waits_since_its_handoff_its_late_owner_is_told(office: Workspace) -> None:
    await office.publish(TWO_OWNERS.format(deal="8h", to="queue: unrouted"))
    made = await office.assign(external_id="a")
    await report(office, made["assignment_id"], type="qualified", by="robot", via="bot")
    await move(office, "2098-12-02T10:15+01:00")
    first = made["owner"]["id"]
    assert await open_assignments(office, made["lead_id"]) == [(first, "assign"), (None, "handoff")]
    assert await told(office) == [("sla_missed", first)]


@pytest.mark.parametrize("full", ["one", "both"])
async def test_caps_do_not_bind_an_escalation_to_a_team(office: Workspace, full: str) -> None:
    """Members with room come first. If nobody has room, one takes the lead all the same, and it is marked."""
    caps: dict[str, int] = {"open": 0}
    await office.put("owners", "dia", {"name": "Dia", "caps": caps})
    await office.put("owners", "eve", {"name": "Eve", **({"caps": caps} if full == "both" else {})})
    members = [{"owner": "dia"}, {"owner": "eve", "caps": caps if full == "both" else None}]
    await office.put("teams", "lead-desk", {"name": "Desk", "members": members})
    ladder = "[{team: lead-desk}, {queue: unrouted}]"
    await office.publish(
        PLAN.format(sla=f"accept: 15m, on_breach: escalate, grace: 0, escalate_to: {ladder}")
    )
    made = await office.assign(external_id="a")
    await move(office, "2098-12-02T10:15+01:00")
    newest = (await office.get(f"/leads/{made['lead_id']}"))["assignments"][-1]
    decision = await office.get(f"/assignments/{newest['assignment_id']}")
    owners = {"one": ("eve",), "both": ("dia", "eve")}[full]
    assert newest["owner"]["id"] in owners
    assert decision["over_cap"] == (full == "both")
    assert (await verify(office.pool, office.workspace_id)).clean
