"""SLA clocks when something else changes: calendars, absences, owners and plans."""

from datetime import UTC, datetime
from typing import Any

import pytest

from app.audit.verify import verify
from app.directory import clock_recounts
from app.worker.clock_recounts import ClockRecounts
from tests.support.office import OFFICE, PLAN, at, furnish, move, owner_of, report, states, told, until
from tests.support.workspace import Workspace

TOUCH = PLAN.format(sla="touch: 4h, on_breach: remind, grace: 0")


@pytest.fixture
async def office(busy: Workspace) -> Workspace:
    await furnish(busy)
    await busy.publish(TOUCH)
    return busy


def utc(text: str) -> str:
    """A moment of Berlin's winter as the API shows it."""
    found = datetime.fromisoformat(f"{text}+01:00").astimezone(UTC)
    return found.isoformat().replace("+00:00", "Z")


async def touch_by(workspace: Workspace, made: dict[str, Any]) -> str | None:
    """The deadline of an assignment, as both routes show it."""
    shown = (await workspace.get(f"/assignments/{made['assignment_id']}"))["sla"]
    lead = await workspace.get(f"/leads/{made['lead_id']}")
    listed = {each["assignment_id"]: each["sla"] for each in lead["assignments"]}
    if listed[made["assignment_id"]] != shown:
        return None  # it moved between the two calls
    return str(shown["touch_by"])


async def absent(workspace: Workspace, owner: str, **span: str) -> str:
    answer = await workspace.client.post(f"/owners/{owner}/absences", json=span)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


@pytest.mark.parametrize("at_once", [clock_recounts.AT_ONCE, 0], ids=["within the edit", "by the worker"])
async def test_absence_moves_the_deadline_and_its_end_moves_it_back(
    office: Workspace, monkeypatch: pytest.MonkeyPatch, at_once: int
) -> None:
    monkeypatch.setattr(clock_recounts, "AT_ONCE", at_once)
    await at(office, "2099-12-23T16:00+01:00")
    made = await office.assign(external_id="a")
    owner = made["owner"]["id"]

    async def shows(moment: str) -> None:
        async def shown() -> bool:
            return await touch_by(office, made) == utc(moment)

        await until(shown)

    await shows("2099-12-24T12:00")
    await at(office, "2099-12-23T18:00+01:00")
    absence = await absent(office, owner, **{"from": "2099-12-24T00:00:00", "to": "2099-12-25T00:00:00"})
    await shows("2099-12-28T12:00")
    await at(office, "2099-12-24T08:00+01:00")
    assert (await office.client.delete(f"/owners/{owner}/absences/{absence}")).status_code == 204
    await shows("2099-12-24T12:00")
    await move(office, "2099-12-24T11:59+01:00")
    assert await states(office) == [("touch", "pending")]
    await move(office, "2099-12-24T12:00+01:00")
    assert await told(office) == [("sla_missed", owner)]


async def test_changed_calendar_moves_the_deadline(office: Workspace) -> None:
    await at(office, "2099-12-23T16:00+01:00")
    made = await office.assign(external_id="a")
    await office.put("calendars", "office", {**OFFICE, "hours": "Mo-Fr 07:00-17:00; Dec 25-26 off"})
    assert await touch_by(office, made) == utc("2099-12-24T10:00")
    await office.put("calendars", "office", {**OFFICE, "timezone": "Europe/Lisbon"})
    assert await touch_by(office, made) == utc("2099-12-24T12:00")


async def test_absence_that_is_entered_late_withdraws_the_miss_in_it(office: Workspace) -> None:
    made = await office.assign(external_id="a")
    await move(office, "2098-12-02T14:00+01:00")
    assert await states(office) == [("touch", "missed")]
    day = {"from": "2098-12-02T00:00:00", "to": "2098-12-03T00:00:00"}
    await absent(office, made["owner"]["id"], **day)
    assert await states(office) == [("touch", "withdrawn")]


async def test_clock_follows_the_owner(office: Workspace) -> None:
    plan = """
    queues: {unrouted: {}}
    slas: {slow: {touch: 2h}, quick: {touch: 1h}}
    pipeline:
      - rule: {name: ana, when: {source: ana}, then: {owner: ana, sla: slow}}
      - rule: {name: ben, when: {source: ben}, then: {owner: ben, sla: quick}}
      - rule: {name: eve, when: {source: eve}, then: {owner: eve}}
      - queue: {name: unrouted}
    """
    await office.publish(plan)
    first = await office.assign(external_id="a", source="ana")
    lead_id = first["lead_id"]

    await move(office, "2098-12-02T10:30+01:00")
    answer = await office.client.post("/reassign", json={"lead_id": lead_id, "to": {"owner": "eve"}})
    assert answer.json()["sla"] is None
    shown = await office.get(f"/assignments/{first['assignment_id']}")
    assert [each["state"] for each in shown["sla"]["clocks"]] == ["withdrawn"]
    await move(office, "2098-12-02T11:30+01:00")
    again = await office.client.post("/reassign", json={"lead_id": lead_id})
    assert again.json()["sla"]["touch_by"] == "2098-12-02T12:30:00Z"
    lead = await office.get(f"/leads/{lead_id}")
    assert lead["first_due"] == "2098-12-02T11:00:00Z"
    assert await told(office) == []
    assert (await verify(office.pool, office.workspace_id)).clean


async def test_snooze_moves_the_touch_once(office: Workspace) -> None:
    made = await office.assign(external_id="a")
    await move(office, "2098-12-02T12:00+01:00")
    for until_day in ("2098-12-04", "2098-12-05"):
        await report(office, made["assignment_id"], type="snoozed", until=f"{until_day}T09:00:00+01:00")
    assert await touch_by(office, made) == utc("2098-12-04T11:00")


async def test_clocks_of_an_sla_that_is_gone_are_withdrawn_and_counted(office: Workspace) -> None:
    await office.assign(external_id="a")
    without = """
    queues: {unrouted: {claimable_by: inbound}}
    pipeline: [{round_robin: {team: inbound}}, {queue: {name: unrouted}}]
    """
    changed = TOUCH.replace("touch: 4h", "touch: 8h")
    for text, withdrawn in ((changed, 0), (without, 1)):
        drafted = await office.client.post(
            "/plans", content=text, headers={"content-type": "application/yaml"}
        )
        assert drafted.status_code == 201, drafted.text
        version = drafted.json()["version"]
        published = await office.client.post(f"/plans/{version}/publish", json={})
        assert published.json()["clocks_withdrawn"] == withdrawn, published.text
    assert await states(office) == [("touch", "withdrawn")]
    assert (await verify(office.pool, office.workspace_id)).clean


async def test_touch_off_shift_is_met_with_the_time_worked_so_far(office: Workspace) -> None:
    made = await office.assign(external_id="a")
    await at(office, "2098-12-02T20:00+01:00")
    met = await report(office, made["assignment_id"], type="reached", at="2098-12-02T13:00:00+01:00")
    assert met["working_seconds"] == 3 * 3600
    assert await owner_of(office, made["lead_id"]) == made["owner"]["id"]


@pytest.mark.parametrize(("members", "code"), [(("ana", "ben"), "paused"), (("ana",), "owner_not_paused")])
async def test_owner_who_misses_two_leads_in_a_row_is_paused_unless_nobody_is_left(
    office: Workspace, members: tuple[str, ...], code: str
) -> None:
    team = {"name": "Inbound", "members": [{"owner": each} for each in members]}
    await office.put("teams", "inbound", team)
    sla = "touch: 1h, grace: 0, pause_after: 2, escalate_to: [{owner: eve}, {queue: unrouted}]"
    await office.publish(PLAN.format(sla=sla))
    owners = [(await office.assign(external_id=f"lead-{n}"))["owner"]["id"] for n in range(2 * len(members))]
    assert owners.count("ana") == 2
    await move(office, "2098-12-02T11:00+01:00")

    async def is_told() -> bool:
        return code in [each for each, _ in await told(office)]

    await until(is_told)
    ana = await office.get("/owners/ana")
    assert ana["paused_until"] == (utc("2098-12-03T11:00") if code == "paused" else None)
    assert (await verify(office.pool, office.workspace_id)).clean


async def test_newer_holiday_data_moves_the_deadlines(office: Workspace) -> None:
    made = await office.assign(external_id="a")
    due = await touch_by(office, made)
    await office.pool.execute(
        """UPDATE worker_runs SET holidays = 'older' WHERE workspace_id = $1""", office.workspace_id
    )
    await office.pool.execute(
        """UPDATE sla_clocks SET due_at = due_at + interval '1 day', next_at = next_at + interval '1 day'
            WHERE workspace_id = $1""",
        office.workspace_id,
    )
    recounts = ClockRecounts(office.pool)

    async def noted() -> bool:
        await recounts.run(await office.agenda())
        return await touch_by(office, made) == due

    await until(noted)
