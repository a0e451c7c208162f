"""What a clock that had jumped ahead left in the future is brought back by a repair."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from app.audit.verify import verify
from app.directory.clock import repair
from app.store.life.time_repairs import TimeRepair
from tests.api.routes.test_dev_clock import developing, set_clock
from tests.support.office import until
from tests.support.workspace import Filled, Workspace, open_filled

JUMP = "2190-01-01T12:00:00Z"
SOON = timedelta(minutes=2)
QUEUES = """
queues: {desk: {aging: 10/h}}
pipeline:
  - rule: {name: hot, when: {source: hot}, then: {queue: desk, priority: 90}}
  - queue: {name: desk}
"""
OWNED = """
slas: {s: {touch: 3h}}
sla_rules: [{sla: s}]
max_snooze: 30d
pipeline:
  - rule: {name: anas, when: {source: ana}, then: {owner: ana}}
  - queue: {name: desk}
queues: {desk: {}}
"""


async def repaired(workspace: Workspace) -> TimeRepair:
    """Take the clock back and repair. A second repair finds nothing, and the books are right."""
    await workspace.client.delete("/dev/clock")
    done = await repair(workspace.pool, workspace.workspace_id)
    again = await repair(workspace.pool, workspace.workspace_id)
    assert again == TimeRepair(clocks=0, progress=0, actions=0, keys=0)
    assert (await verify(workspace.pool, workspace.workspace_id)).clean
    return done


async def event(workspace: Workspace, lead: dict[str, Any], **body: Any) -> None:
    answer = await workspace.client.post(f"/assignments/{lead['assignment_id']}/events", json=body)
    assert answer.status_code == 200, answer.text


def is_now(at: datetime | str) -> bool:
    moment = datetime.fromisoformat(at) if isinstance(at, str) else at
    return abs(moment - datetime.now(UTC)) < SOON


async def test_leads_that_entered_a_queue_in_the_future_wait_before_those_after_the_repair(
    database: str,
) -> None:
    async with developing(database) as workspace:
        await workspace.publish(QUEUES)
        first = await workspace.assign(external_id="before")
        await set_clock(workspace, at=JUMP)
        second = await workspace.assign(external_id="in the future")
        third = await workspace.assign(external_id="later in the future")
        hot = await workspace.assign(external_id="hot", source="hot")
        assert (await repaired(workspace)).places == 3
        last = await workspace.assign(external_id="after")
        listed = (await workspace.get("/queues/desk/leads"))["items"]
        assert [each["lead_id"] for each in listed] == [
            each["lead_id"] for each in (hot, first, second, third, last)
        ]
        assert all(is_now(each["queue_since"]) for each in listed)
        ranks = await workspace.fetch(
            "SELECT id FROM assignments WHERE workspace_id = $1 AND open AND queue_rank > 1e6"
        )
        assert ranks == []


async def test_lead_that_was_snoozed_in_the_future_rests_as_long_from_now_on(database: str) -> None:
    async with developing(database) as workspace:
        await workspace.publish(OWNED)
        lead = await workspace.assign(external_id="a", source="ana")
        await set_clock(workspace, at=JUMP)
        await event(workspace, lead, type="snoozed", until="2190-01-03T12:00:00Z")
        done = await repaired(workspace)
        assert (done.clocks, done.progress) == (1, 1)
        (clock,) = (await workspace.get(f"/assignments/{lead['assignment_id']}"))["sla"]["clocks"]
        assert datetime.fromisoformat(clock["due_at"]) - datetime.now(UTC) > timedelta(days=2) - SOON
        (row,) = await workspace.fetch("SELECT * FROM assignments WHERE workspace_id = $1 AND open")
        assert timedelta(days=2) - SOON < row["idle_from"] - datetime.now(UTC) < timedelta(days=2) + SOON
        assert is_now(row["active_at"])


async def test_lead_that_came_and_was_worked_on_in_the_future_counts_from_now_on(database: str) -> None:
    async with developing(database) as workspace:
        await workspace.publish(OWNED)
        await set_clock(workspace, at=JUMP)
        touched = await workspace.assign(external_id="a", source="ana")
        await event(workspace, touched, type="reached")
        snoozed = await workspace.assign(external_id="b", source="ana")
        await event(workspace, snoozed, type="snoozed", until="2190-01-02T12:00:00Z")
        await workspace.assign(external_id="c", source="ana")
        await repaired(workspace)
        rows = await workspace.fetch(
            "SELECT * FROM assignments WHERE workspace_id = $1 AND open ORDER BY decision_number"
        )
        assert [is_now(row["idle_from"]) for row in rows] == [True, False, True]
        assert is_now(rows[0]["touched_at"])
        assert is_now(rows[1]["idle_from"] - timedelta(days=1))
        clocks = await workspace.fetch(
            "SELECT * FROM sla_clocks WHERE workspace_id = $1 AND state = 'pending' ORDER BY due_at"
        )
        assert all(is_now(clock["started_at"]) for clock in clocks)
        assert [
            is_now(clock["due_at"] - timedelta(hours=hours))
            for clock, hours in zip(clocks, (3, 27), strict=True)
        ] == [
            True,
            True,
        ]


async def test_actions_that_were_leased_in_the_future_can_be_leased_again(database: str) -> None:
    async with developing(database) as workspace:
        await workspace.client.put("/settings/actions", json={"reader": True})
        await workspace.publish(f"{OWNED}follow_up: [{{do: [{{type: task, title: x, due: 1h}}]}}]")
        lead = await workspace.assign(external_id="a", source="ana")
        await workspace.pool.execute(
            "UPDATE actions SET state = 'available', number = 1, available_at = now()"
        )
        await set_clock(workspace, at=JUMP)
        leased = await workspace.client.post("/actions/lease", json={"limit": 1})
        assert [each["lead_id"] for each in leased.json()["items"]] == [lead["lead_id"]]
        assert (await repaired(workspace)).actions == 1
        again = await workspace.client.post("/actions/lease", json={"limit": 1})
        assert [each["lead_id"] for each in again.json()["items"]] == [lead["lead_id"]]


async def test_pause_of_the_future_is_brought_back_whatever_was_edited_since(database: str) -> None:
    async with developing(database) as workspace:
        await set_clock(workspace, at=JUMP)
        await workspace.client.patch("/owners/ben", json={"paused_until": "2190-01-01T20:00:00Z"})
        await workspace.client.delete("/dev/clock")
        await workspace.client.patch("/owners/ben", json={"name": "Benny"})
        await workspace.client.patch("/owners/eve", json={"paused_until": "2190-01-01T20:00:00Z"})
        assert (await repaired(workspace)).pauses == 1
        paused = datetime.fromisoformat((await workspace.get("/owners/ben"))["paused_until"])
        assert is_now(paused - timedelta(hours=8))
        assert (await workspace.get("/owners/eve"))["paused_until"].startswith("2190"), "asked for by now"


SET = """
INSERT INTO clocks (workspace_id, set_at, base_time, speed)
VALUES ($1, now(), now() + interval '1 day', 1)
"""


async def test_clock_that_development_has_set_is_a_trouble_in_production(filled: Filled) -> None:
    async with open_filled(filled, worker_interval_seconds=0.02) as workspace:
        troubles = workspace.app.state.metrics.troubles
        await workspace.pool.execute(SET, workspace.workspace_id)
        await workspace.assign(external_id="a")

        async def is_noted() -> bool:
            return "clock_set" in troubles.counts

        await until(is_noted)
        metrics = (await workspace.client.get("/metrics")).text
        assert 'lead_assignment_troubles_total{kind="clock_set"}' in metrics


async def test_absence_that_was_entered_in_the_future_counts_from_now_on(database: str) -> None:
    async with developing(database) as workspace:
        await set_clock(workspace, at=JUMP)
        absence = {"from": "2026-01-01", "to": "2200-01-01", "open_leads": "move"}
        made = (await workspace.client.post("/owners/ana/absences", json=absence)).json()
        assert made["entered_at"].startswith("2190")
        assert (await repaired(workspace)).absences == 1
        (shown,) = (await workspace.get("/owners/ana/absences"))["items"]
        assert is_now(shown["entered_at"])


HOUR_AHEAD = "now() + interval '1 hour'"


@pytest.mark.alone
@pytest.mark.parametrize(
    ("insert", "look"),
    [
        (
            "INSERT INTO crm_inbox (workspace_id, id, delivery_id, endpoint_id, system, object, record_id, "
            "kind, event_at, event_order, position, received_at, state, next_at, dedupe_key) "
            "VALUES ($1, gen_random_uuid(), gen_random_uuid(), 'e', 's', 'lead', '1', 'changed', now(), 0, "
            f"0, now(), 'pending', {HOUR_AHEAD}, sha256(''))",
            "SELECT next_at AS at FROM crm_inbox WHERE workspace_id = $1",
        ),
        (
            "INSERT INTO crm_turns (workspace_id, system, object, record_id, until) "
            f"VALUES ($1, 's', 'lead', '1', {HOUR_AHEAD})",
            "SELECT until AS at FROM crm_turns WHERE workspace_id = $1",
        ),
    ],
    ids=["webhooks", "turns"],
)
async def test_waits_of_machines_end_now(workspace: Workspace, insert: str, look: str) -> None:
    async with workspace.pool.acquire() as connection:
        await connection.execute("SET session_replication_role = replica")
        await connection.execute(insert, workspace.workspace_id)
    await repair(workspace.pool, workspace.workspace_id)
    (row,) = await workspace.fetch(look)
    assert is_now(row["at"])
