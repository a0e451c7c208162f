"""What is older than a workspace keeps it is gone, and nothing else (S-46). The clock is set forward."""

import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import pytest_asyncio
from structlog.testing import capture_logs

from app.audit.verify import verify
from app.privacy import settings
from app.privacy.retention import delete_old_leads, delete_old_rows
from app.store import clocks
from app.store.connection.pool import transaction
from app.store.privacy import retention
from app.worker.retention import Retention
from tests.support.dump import dump
from tests.support.metrics import sample
from tests.support.processes import PATIENCE
from tests.support.workspace import Filled, Workspace, open_filled

START = datetime(2030, 11, 20, 12, tzinfo=UTC)


@pytest_asyncio.fixture
async def old(filled: Filled) -> AsyncIterator[Workspace]:
    """A workspace whose worker looks so rarely that the test decides when slices run."""
    async with open_filled(filled, no_worker=True) as workspace:
        await at(workspace, 0)
        yield workspace


async def at(workspace: Workspace, days: float) -> None:
    """Let so many days have passed since the start."""
    async with workspace.pool.acquire() as connection:
        await clocks.set_clock(connection, workspace.workspace_id, START + timedelta(days=days), speed=0)


async def keep(workspace: Workspace, **periods: Any) -> None:
    answer = await workspace.client.put("/settings/retention", json=periods)
    assert answer.status_code in {200, 201}, answer.text


async def run(workspace: Workspace) -> int:
    """Delete everything that is due. Returns the number of slices."""
    slices = 1
    while await delete_old_rows(workspace.pool, workspace.workspace_id) or await delete_old_leads(
        workspace.pool, workspace.workspace_id
    ):
        slices += 1
        assert slices < 1000
    return slices


async def close(workspace: Workspace, told: dict[str, Any]) -> None:
    answer = await workspace.client.post(
        f"/assignments/{told['assignment_id']}/events", json={"type": "closed"}
    )
    assert answer.status_code == 200, answer.text


async def state_of(workspace: Workspace, told: dict[str, Any]) -> int:
    return int((await workspace.client.get(f"/leads/{told['lead_id']}")).status_code)


async def test_closed_leads_go_by_the_end_of_their_case_and_open_ones_are_listed(old: Workspace) -> None:
    await keep(old, leads="24mo")
    first = await old.assign(external_id="first", first_name="zqfirst")
    late = await old.assign(external_id="late", first_name="zqlate")
    open_ = await old.assign(external_id="open", first_name="zqopen")
    await close(old, first)
    await at(old, 100)
    await close(old, late)
    await at(old, 740)
    new = await old.assign(external_id="new", first_name="zqnew")
    await run(old)
    assert [await state_of(old, told) for told in (first, late, open_, new)] == [404, 200, 200, 200]
    assert not any("zqfirst" in text for text in (await dump(old.pool)).values())
    listed = await old.get("/retention")
    # The case of `late` is over, but not for long enough.
    assert [lead["lead_id"] for lead in listed["open_leads"]] == [open_["lead_id"]]
    assert listed["run"] | {"started_at": None} == {
        "started_at": None,
        "finished_at": "2032-11-29T12:00:00Z",
        "leads": 1,
        "failed_leads": 0,
        "decisions": 1,
    }
    await at(old, 840)
    await run(old)
    assert [await state_of(old, told) for told in (late, open_, new)] == [404, 200, 200]


async def test_books_and_verify_stay_right_when_leads_are_deleted(old: Workspace) -> None:
    await keep(old, leads="30d")
    told = [await old.assign(external_id=f"a{number}") for number in range(9)]
    for each in told[::2]:
        await close(old, each)
    await old.assign(external_id="a1")
    await at(old, 60)
    await run(old)
    report = await verify(old.pool, old.workspace_id)
    assert report.differences == []
    assert report.decisions == 5
    await old.pool.execute("DELETE FROM assignments WHERE lead_id = $1", told[1]["lead_id"])
    assert any("missing" in each for each in (await verify(old.pool, old.workspace_id)).differences)


async def test_leads_are_kept_where_nobody_has_set_a_period(old: Workspace) -> None:
    told = await old.assign(external_id="a")
    await close(old, told)
    await at(old, 36_500)
    await run(old)
    assert await state_of(old, told) == 200


async def test_slices_are_bounded_and_a_lead_with_very_many_events_goes_in_parts(
    old: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.privacy.retention.PAGE", 4)
    monkeypatch.setattr("app.privacy.retention.MAX_LEADS", 2)
    monkeypatch.setattr("app.privacy.retention.MAX_ROWS", 5)
    await keep(old, leads="30d")
    told = [await old.assign(external_id=f"a{number}") for number in range(7)]
    for _ in range(12):
        url = f"/assignments/{told[3]['assignment_id']}/events"
        assert (await old.client.post(url, json={"type": "note", "note": "n"})).status_code == 200
    for each in told:
        await close(old, each)
    await at(old, 60)
    assert await run(old) > 7 / 2 + 12 / 5
    assert await old.fetch("SELECT id FROM leads WHERE workspace_id = $1") == []
    assert await old.fetch("SELECT id FROM events WHERE workspace_id = $1") == []


async def test_two_workers_do_not_delete_in_one_workspace_at_once(old: Workspace) -> None:
    await keep(old, leads="30d")
    told = await old.assign(external_id="a")
    await close(old, told)
    await run(old)
    await at(old, 60)
    async with transaction(old.pool, old.workspace_id) as connection:
        await retention.take_role(connection)
        assert await retention.lock_run(connection, old.workspace_id) is not None
        assert not await delete_old_leads(old.pool, old.workspace_id)
    assert await state_of(old, told) == 200
    await run(old)
    assert await state_of(old, told) == 404


async def test_what_is_kept_for_a_while_only_is_deleted_in_time(old: Workspace) -> None:
    key = {"Idempotency-Key": "k"}
    told = (await old.client.post("/assign", json={"lead": {"external_id": "a"}}, headers=key)).json()
    event = {"lead_id": told["lead_id"], "type": "note", "note": "n", "id": "e-1"}
    await old.client.post("/events", json={"items": [event]})
    for number in (1, 2):
        await old.pool.execute(
            """INSERT INTO actions (workspace_id, id, lead_id, assignment_id, type, body, created_at,
                 available_at, number, state, ended_at)
               VALUES ($1, $2, $3, $3, 'task', '{}', $4, $4, $5, 'acknowledged', $4)""",
            old.workspace_id, f"action {number}", told["lead_id"], START, number,
        )  # fmt: skip
    await old.pool.execute(
        """INSERT INTO targets (workspace_id, id, url, types, active, max_parallel, revision, updated_at,
             updated_by) VALUES ($1, 't', 'https://t.example', '{}', false, 1, 1, now(), 'a')""",
        old.workspace_id,
    )
    await old.pool.execute(
        """INSERT INTO target_messages (workspace_id, target_id, id, type, lead_id, source, state, created_at,
             next_at, ended_at)
           VALUES ($1, 't', 'm', 'task', $2, 'lead', 'delivered', $3, $3, $3)""",
        old.workspace_id, told["lead_id"], START,
    )  # fmt: skip
    counts = {}
    for days in (6, 8, 29, 31):
        await at(old, days)
        await run(old)
        row = await old.pool.fetchrow(
            """SELECT (SELECT count(*) FROM idempotency_keys) AS keys,
                      (SELECT count(*) FROM events WHERE event_id IS NOT NULL) AS ids,
                      (SELECT count(*) FROM events) AS events, (SELECT count(*) FROM actions) AS actions,
                      (SELECT count(*) FROM target_messages) AS messages"""
        )
        assert row is not None
        counts[days] = tuple(row)
    assert counts == {6: (1, 1, 1, 2, 1), 8: (0, 1, 1, 2, 1), 29: (0, 1, 1, 2, 1), 31: (0, 0, 1, 1, 0)}
    # The newest number of the log stays, so that readers can go on after it.
    (left,) = await old.fetch("SELECT number FROM actions WHERE workspace_id = $1")
    assert left["number"] == 2


async def test_kind_that_fails_stops_no_other_and_is_no_success(
    old: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    await keep(old, leads="30d")
    key = {"Idempotency-Key": "k"}
    told = (await old.client.post("/assign", json={"lead": {"external_id": "a"}}, headers=key)).json()
    await close(old, told)
    await at(old, 60)
    broken = "DELETE FROM events WHERE workspace_id = $1 AND received_at < $2 AND 1 / ($3 - $3) = 1"
    monkeypatch.setitem(retention.OLD_ROWS, "event_ids", (broken,))
    duty = Retention(old.pool)
    assert duty.is_due(await old.agenda())
    for _ in range(5):
        await duty.run(await old.agenda())
    assert await state_of(old, told) == 404
    assert await old.fetch("SELECT key FROM idempotency_keys WHERE workspace_id = $1") == []
    assert (await old.get("/retention"))["run"]["finished_at"] is None


@pytest.mark.parametrize("off", [-3600.0, 3_456_000.0])
async def test_nothing_is_deleted_while_a_clock_is_wrong(old: Workspace, off: float) -> None:
    await keep(old, leads="30d")
    told = (await old.client.post("/assign", json={"lead": {"external_id": "a"}})).json()
    await close(old, told)
    await at(old, 60)
    with capture_logs() as lines:
        assert not await Retention(old.pool, lambda: time.time() + off).run(await old.agenda())
    assert [line["event"] for line in lines] == ["retention waits for the clock"]
    assert await state_of(old, told) == 200
    while await (duty := Retention(old.pool)).run(await old.agenda()):
        assert duty.is_due(await old.agenda())
    assert await state_of(old, told) == 404


async def test_worker_deletes_and_the_last_success_is_a_metric(filled: Filled) -> None:
    async with open_filled(filled, worker_interval_seconds=0.02) as workspace:
        name = "lead_assignment_retention_success_timestamp_seconds"
        until = time.monotonic() + PATIENCE
        while not (at := sample((await workspace.client.get("/metrics")).text, name)):
            assert time.monotonic() < until
        assert at == pytest.approx(time.time(), abs=PATIENCE)


@pytest.mark.parametrize(
    ("period", "expected"),
    [
        ("14d", "2030-11-06"),
        ("2w", "2030-11-06"),
        ("9mo", "2030-02-20"),
        ("24mo", "2028-11-20"),
        ("1y", "2029-11-20"),
    ],
)
def test_periods_count_calendar_months(period: str, expected: str) -> None:
    assert settings.before(START, period).date().isoformat() == expected


def test_a_month_that_is_shorter_ends_with_its_last_day() -> None:
    assert settings.before(datetime(2028, 3, 31, tzinfo=UTC), "1mo").date().isoformat() == "2028-02-29"


@pytest.mark.parametrize("period", ["0d", "14", "d", "14 d", "-1d", "1h", 14])
async def test_wrong_periods_are_refused_with_their_path(old: Workspace, period: object) -> None:
    answer = await old.client.put("/settings/retention", json={"leads": period})
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["path"] == "leads"


async def test_merged_leads_go_after_the_lead_they_are_part_of(old: Workspace) -> None:
    await keep(old, leads="30d")
    leads = [await old.assign(external_id=f"a{number}") for number in range(3)]
    for loser, into in ((leads[0], leads[1]), (leads[1], leads[2])):
        await close(old, loser)
        await old.pool.execute(
            "UPDATE leads SET state = 'merged', merged_into = $2 WHERE id = $1",
            loser["lead_id"], into["lead_id"],
        )  # fmt: skip
    await at(old, 60)
    await run(old)
    assert [await state_of(old, told) for told in leads] == [200, 200, 200]
    await close(old, leads[2])
    await at(old, 120)
    for _ in leads:
        await run(old)
    assert await old.fetch("SELECT id FROM leads WHERE workspace_id = $1") == []
    assert (await verify(old.pool, old.workspace_id)).differences == []
