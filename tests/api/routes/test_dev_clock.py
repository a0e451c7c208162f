"""The clock of a workspace in development: set, sped up, removed, and jumping."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from app.audit.verify import verify
from app.directory.clock import repair
from app.main import create_app
from app.settings import Settings
from tests.support.workspace import Workspace, create_workspace

AT = "2031-05-06T07:08:09+02:00"


@asynccontextmanager
async def developing(dsn: str) -> AsyncIterator[Workspace]:
    """A service in development with one workspace."""
    app = create_app(Settings(env="development", database_url=dsn))
    async with app.router.lifespan_context(app):
        workspace = await create_workspace(app, "workspace")
        async with workspace.client:
            yield workspace


async def set_clock(workspace: Workspace, **body: Any) -> datetime:
    """Set the clock, and return its reading."""
    answer = await workspace.client.put("/dev/clock", json=body)
    assert answer.status_code == 200, answer.text
    return datetime.fromisoformat(answer.json()["now"])


async def decided_at(workspace: Workspace, name: str) -> datetime:
    """The time of the decision of a new lead."""
    return datetime.fromisoformat((await workspace.assign(external_id=name))["decided_at"])


async def test_decisions_use_the_time_that_was_set(database: str) -> None:
    async with developing(database) as workspace:
        shown = await set_clock(workspace, at=AT)
        assert datetime(2031, 5, 6, 5, 8, 9, tzinfo=UTC) <= shown
        decided = await decided_at(workspace, "a")
        assert shown <= decided < shown + timedelta(minutes=5)
        read = await workspace.get("/dev/clock")
        assert (datetime.fromisoformat(read["now"]) >= decided, read["speed"]) == (True, 1)


async def test_speed_continues_from_the_current_time(database: str) -> None:
    async with developing(database) as workspace:
        shown = await set_clock(workspace, at=AT)
        faster = await set_clock(workspace, speed=60)
        assert shown <= faster < shown + timedelta(minutes=5)
        assert (await workspace.get("/dev/clock"))["speed"] == 60
        assert await decided_at(workspace, "a") > faster
        again = await set_clock(workspace, at="2032-01-01T00:00:00Z")
        assert again.year == 2032
        assert (await workspace.get("/dev/clock"))["speed"] == 60


async def test_a_clock_that_is_a_little_behind_is_waited_for(database: str) -> None:
    async with developing(database) as workspace:
        await set_clock(workspace, at="2040-01-01T00:04:00Z")
        late = await decided_at(workspace, "a")
        assert await set_clock(workspace, at="2040-01-01T00:00:00Z") == late
        assert await decided_at(workspace, "b") == late


CAPPED = {"caps": {"rolling": [{"count": 1, "hours": 24}], "per_day": 1}}


async def test_decisions_follow_the_clock_again_after_it_had_jumped_ahead(database: str) -> None:
    async with developing(database) as workspace:
        for owner in ("ben", "eve"):
            await workspace.client.patch(f"/owners/{owner}", json={"active": False})
        await workspace.client.patch("/owners/ana", json=CAPPED)
        await set_clock(workspace, at="2190-01-01T00:00:00Z")
        assert (await decided_at(workspace, "a")).year == 2190
        gone = await workspace.client.delete("/dev/clock")
        assert datetime.fromisoformat(gone.json()["now"]).year < 2100
        back = await workspace.assign(external_id="b")
        assert datetime.fromisoformat(back["decided_at"]).year < 2100
        assert back["decision_number"] == 2
        assert back["owner"]["id"] == "ana", "the leads of another century do not fill a cap"
        assert (await workspace.assign(external_id="c"))["owner"] is None, "but those of today do"
        again = await workspace.assign(external_id="a")
        assert again["reason"]["code"] != "duplicate"
        assert (await verify(workspace.pool, workspace.workspace_id)).clean
        metrics = (await workspace.client.get("/metrics")).text
        assert "lead_assignment_time_steps_back_total 1.0" in metrics


SLOW = {
    "queues": {"q": {}},
    "slas": {"s": {"touch": "1h"}},
    "sla_rules": [{"sla": "s"}],
    "pipeline": [{"round_robin": {"team": "inbound"}}, {"queue": {"name": "q"}}],
    "follow_up": [{"do": [{"type": "task", "title": "x", "due": "1h"}]}],
}


async def test_repair_brings_back_what_is_dated_in_the_future(database: str) -> None:
    async with developing(database) as workspace:
        await workspace.publish(SLOW)
        await set_clock(workspace, at="2190-01-01T00:00:00Z")
        await workspace.assign(external_id="a")
        await workspace.client.delete("/dev/clock")
        before = datetime.now(UTC)
        done = await repair(workspace.pool, workspace.workspace_id)
        assert done.clocks == 1
        (clock,) = await workspace.fetch("SELECT started_at, due_at FROM sla_clocks WHERE workspace_id = $1")
        assert before - timedelta(minutes=1) < clock["started_at"] < before + timedelta(minutes=1)
        assert clock["due_at"] - clock["started_at"] == timedelta(hours=1)
        assert (await decided_at(workspace, "b")).year < 2100
        assert (await repair(workspace.pool, workspace.workspace_id)).clocks == 0
        assert (await verify(workspace.pool, workspace.workspace_id)).clean


HELD = {
    "queues": {"q": {}},
    "pipeline": [{"round_robin": {"team": "inbound", "off_hours": "hold"}}, {"queue": {"name": "q"}}],
}


async def test_repair_brings_back_held_leads_and_pauses(database: str) -> None:
    async with developing(database) as workspace:
        await workspace.publish(HELD)
        hours = {"timezone": "UTC", "hours": "Mo-Su 02:00-03:00"}
        await workspace.client.put("/calendars/night", json=hours)
        for owner in ("ana", "ben", "eve"):
            await workspace.client.patch(f"/owners/{owner}", json={"calendar": "night"})
        await set_clock(workspace, at="2190-01-01T12:00:00Z")
        held = await workspace.assign(external_id="a")
        assert held["held_until"].startswith("2190-01-02T02:00:00")
        await workspace.client.patch("/owners/ben", json={"paused_until": "2190-01-01T20:00:00Z"})
        await workspace.client.delete("/dev/clock")
        done = await repair(workspace.pool, workspace.workspace_id)
        assert (done.held, done.pauses) == (1, 1)
        paused = datetime.fromisoformat((await workspace.get("/owners/ben"))["paused_until"])
        assert timedelta(hours=7) < paused - datetime.now(UTC) < timedelta(hours=9)
        (job,) = await workspace.fetch("SELECT kind, total FROM bulk_jobs WHERE workspace_id = $1")
        assert (job["kind"], job["total"]) == ("reassign", 1)
        assert (await repair(workspace.pool, workspace.workspace_id)).pauses == 0
        assert (await verify(workspace.pool, workspace.workspace_id)).clean


async def test_absence_starts_and_ends_by_the_clock(database: str) -> None:
    async with developing(database) as workspace:
        for owner in ("ben", "eve"):
            await workspace.client.patch(f"/owners/{owner}", json={"active": False})
        absence = {"from": "2031-01-01T00:00:00Z", "to": "2031-01-02T00:00:00Z"}
        await workspace.client.post("/owners/ana/absences", json=absence)
        outcomes = []
        for at in (
            "2030-12-31T23:59:00Z",
            "2031-01-01T00:00:00Z",
            "2031-01-01T23:59:00Z",
            "2031-01-02T00:00:00Z",
        ):
            await set_clock(workspace, at=at)
            outcomes.append((await workspace.assign(external_id=at))["outcome"])
        assert outcomes == ["assigned", "queued", "queued", "assigned"]


@pytest.mark.parametrize(
    "body", [{}, {"speed": 0}, {"speed": -1}, {"at": "soon"}, {"at": "9999-01-01T00:00:00Z"}]
)
async def test_invalid_clock_is_rejected(database: str, body: Any) -> None:
    async with developing(database) as workspace:
        assert (await workspace.client.put("/dev/clock", json=body)).status_code == 422


@pytest.mark.parametrize(("method", "body"), [("GET", None), ("PUT", {"at": AT}), ("DELETE", None)])
async def test_production_rejects_a_set_clock(workspace: Workspace, method: str, body: Any) -> None:
    answer = await workspace.client.request(method, "/dev/clock", json=body)
    assert (answer.status_code, answer.json()["code"]) == (403, "development_only")


async def test_only_an_administrator_sets_the_clock(database: str) -> None:
    async with (
        developing(database) as workspace,
        workspace.caller(await workspace.issue_key("ops")) as client,
    ):
        assert (await client.put("/dev/clock", json={"at": AT})).status_code == 403
