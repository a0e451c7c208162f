"""The database goes away, and comes back: 503 in time meanwhile, and no restart of the service."""

import asyncio
import os
import re
import signal
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest
import pytest_asyncio

from app.store.connection.migrate import migrate
from devtools.embedded_postgres import Server, start
from tests.support.callers import insist
from tests.support.factories import OWNERS
from tests.support.postgres import FOUND, in_a_thread
from tests.support.workspace import Workspace, create_workspace, running_app

PATIENCE = 120.0  # seconds for what must happen in two
LEAD = {"lead": {"external_id": "a"}}
HOLDING = """
queues: {desk: {}}
pipeline: [{rule: {name: bens, then: {owner: ben, off_hours: hold}}}, {queue: {name: desk}}]
"""
SET_CLOCK = """
INSERT INTO clocks (workspace_id, set_at, base_time, speed)
VALUES ($1, clock_timestamp(), '2099-11-23 07:59:59Z', $2)
ON CONFLICT (workspace_id) DO UPDATE SET set_at = excluded.set_at, speed = excluded.speed
"""
STOPPED, RUNNING = 0, 1
STATE = "SELECT state FROM leads WHERE id = $1"


@pytest.fixture
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("cluster")
    path.chmod(0o711)
    path.parent.chmod(0o711)
    return path


@contextmanager
def serving(place: Path) -> Iterator[Server]:
    """A cluster of this test's own, which it may stop and start."""
    server = start(place, next(iter(FOUND.values())).directory, durable=False)
    try:
        yield server
    finally:
        server.stop()


@pytest_asyncio.fixture
async def beside(place: Path) -> AsyncIterator[tuple[Workspace, Server]]:
    """A running service and the cluster it works with."""
    with serving(place) as server:
        in_a_thread(lambda: migrate(server.dsn))
        async with running_app(server.dsn, request_timeout_seconds=2.0) as app:
            workspace = await create_workspace(app, "workspace")
            async with workspace.client:
                yield workspace, server


async def in_time(client: httpx2.AsyncClient, method: str, url: str, **sent: object) -> httpx2.Response:
    async with asyncio.timeout(PATIENCE):
        return await client.request(method, url, **sent)  # type: ignore[arg-type]


NEEDS_THE_DATABASE: tuple[tuple[str, str, object], ...] = (
    ("POST", "/assign", LEAD),
    ("POST", "/assign", {**LEAD, "dry_run": True}),
    ("GET", "/leads?external_id=a", None),
)


async def check_away(workspace: Workspace, *clients: httpx2.AsyncClient) -> None:
    """Every route that needs the database returns 503."""
    assert (await in_time(workspace.client, "GET", "/healthz")).status_code == 200
    ready = await in_time(workspace.client, "GET", "/readyz")
    assert (ready.status_code, ready.json()["code"]) == (503, "database_unavailable")
    assert "detail" not in ready.json()
    sent = [(client, *each) for client in clients for each in NEEDS_THE_DATABASE]
    answers = [in_time(client, method, url, json=body) for client, method, url, body in sent]
    for answer in await asyncio.gather(*answers):
        assert answer.status_code == 503, answer.text
        assert answer.headers["content-type"] == "application/problem+json"
        assert int(answer.headers["retry-after"]) >= 1
    for client in clients:
        batch = await in_time(client, "POST", "/assign/batch", json={"items": [LEAD]})
        assert batch.status_code == 503
        assert int(batch.headers["retry-after"]) >= 1


async def test_service_reports_a_stopped_database_and_recovers_with_it(
    beside: tuple[Workspace, Server], place: Path
) -> None:
    workspace, server = beside
    before = await decided(workspace, "before")
    await until_ready(workspace)
    async with workspace.caller(await workspace.issue_key("admin")) as unknown:
        server.stop()
        await check_away(workspace, workspace.client, unknown)
    with serving(place):
        await until_ready(workspace)
        after = await decided(workspace, "after")
        assert after["decision_number"] == before["decision_number"] + 1
        async with workspace.pool.acquire() as connection:
            assert await connection.fetchval("SELECT count(*) FROM leads") == 2


async def test_leads_due_during_a_database_outage_are_released_after_it(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with serving(place) as server:
        in_a_thread(lambda: migrate(server.dsn))
        async with running_app(server.dsn, worker_interval_seconds=0.02, request_timeout_seconds=2.0) as app:
            workspace = await create_workspace(app, "workspace")
            async with workspace.client:
                lead_id = await held_for_a_second(workspace)
                await workspace.pool.execute(SET_CLOCK, workspace.workspace_id, RUNNING)
                server.stop()
                await asyncio.sleep(1.5)  # the clock of the workspace passes eight
                with serving(place):
                    await until_ready(workspace)
                    until = time.monotonic() + PATIENCE
                    while await workspace.pool.fetchval(STATE, lead_id) != "assigned":
                        assert time.monotonic() < until
                        await asyncio.sleep(0.05)
                    # It says so at the end of the round in which the lead was released.
                    said = capsys.readouterr().out
                    while "worker resumed" not in said:
                        assert time.monotonic() < until
                        await asyncio.sleep(0.05)
                        said += capsys.readouterr().out
    said += capsys.readouterr().out
    lines = re.findall("worker waits|worker resumed", said)
    assert (set(lines[::2]), set(lines[1::2])) == ({"worker waits"}, {"worker resumed"})
    assert "Traceback" not in said


async def held_for_a_second(workspace: Workspace) -> str:
    """A lead held for ben, whose shift starts in a second. The clock stands still until the test runs it."""
    await workspace.put("calendars", "day", {"timezone": "UTC", "hours": "08:00-17:00"})
    await workspace.put("owners", "ben", {**OWNERS["ben"], "calendar": "day"})
    await workspace.publish(HOLDING)
    await workspace.pool.execute(SET_CLOCK, workspace.workspace_id, STOPPED)
    returned = await decided(workspace, "a")
    assert returned["held_until"] == "2099-11-23T08:00:00Z"
    return str(returned["lead_id"])


async def test_silent_database_is_reported_in_time(beside: tuple[Workspace, Server]) -> None:
    workspace, server = beside
    await decided(workspace, "before")
    async with workspace.caller(await workspace.issue_key("admin")) as unknown:
        # The postmaster first: then it starts no backend that would go on answering.
        os.kill(server.pid, signal.SIGSTOP)
        processes = [server.pid, *children_of(server.pid)]
        for pid in processes:
            os.kill(pid, signal.SIGSTOP)
        try:
            await check_away(workspace, workspace.client, unknown)
        finally:
            for pid in processes:
                os.kill(pid, signal.SIGCONT)
    await until_ready(workspace)
    await decided(workspace, "after")


def children_of(pid: int) -> list[int]:
    """The processes that this one started and that still run."""
    found = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    return [int(child) for child in found.split()]


async def decided(workspace: Workspace, name: str) -> dict[str, Any]:
    """The decision about a lead. Asks until it comes: a busy machine may miss the deadline."""
    return await insist(workspace.client, {"lead": {"external_id": name}}, name)


async def until_ready(workspace: Workspace) -> None:
    """Waits until broken connections are replaced."""
    until = time.monotonic() + PATIENCE
    while (await workspace.client.get("/readyz")).status_code != 200:
        assert time.monotonic() < until
        await asyncio.sleep(0.05)
