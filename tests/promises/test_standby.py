"""A standby takes over: nothing that was confirmed is lost, and nobody restarts the service."""

import asyncio
import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import asyncpg
import httpx2
import pytest

from app.store.connection.migrate import migrate
from app.store.connection.readiness import RECENT_SECONDS
from app.troubles import Troubles
from devtools.embedded_postgres import Server, start
from tests.support.callers import callers, insist_on_all
from tests.support.factories import keyed, lead
from tests.support.postgres import FOUND, execute, in_a_thread
from tests.support.processes import PATIENCE, services
from tests.support.standby import NAME, standby_of
from tests.support.workspace import create_workspace, running_app, stored_workspace

LEADS = 120
WAIT_FOR = "ALTER SYSTEM SET synchronous_standby_names = '{}'"
RELOAD = "SELECT pg_reload_conf()"
SYNCHRONOUS = "SELECT count(*) FROM pg_stat_replication WHERE sync_state = 'sync'"
DECIDED = "SELECT count(*) FROM assignments"
STORED = "SELECT id FROM assignments"


@pytest.fixture
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("clusters")
    path.chmod(0o711)
    path.parent.chmod(0o711)
    return path


@contextmanager
def cluster(place: Path) -> Iterator[Server]:
    with start(place, next(iter(FOUND.values())).directory, durable=False) as server:
        yield server


def wait_for(server: Server, standby: str) -> None:
    """Let commits wait for this standby from now on."""
    execute(server.dsn, WAIT_FOR.format(standby))
    execute(server.dsn, RELOAD)


async def until(dsn: str, question: str, enough: int) -> None:
    connection, end = await asyncpg.connect(dsn), time.monotonic() + PATIENCE
    try:
        while await connection.fetchval(question) < enough:
            assert time.monotonic() < end
            await asyncio.sleep(0.02)
    finally:
        await connection.close()


async def readiness(client: httpx2.AsyncClient) -> str:
    return str((await client.get("/readyz")).json().get("code", "ready"))


async def until_it_says(client: httpx2.AsyncClient, code: str) -> None:
    end = time.monotonic() + PATIENCE
    while await readiness(client) != code:
        assert time.monotonic() < end
        await asyncio.sleep(0.02)


async def test_a_promoted_standby_has_all_that_was_confirmed_and_needs_no_restart(place: Path) -> None:
    with cluster(place / "first") as first:
        in_a_thread(lambda: migrate(first.dsn))
        with standby_of(first, place / NAME) as second:
            wait_for(first, NAME)
            await until(first.dsn, SYNCHRONOUS, 1)
            both = f"{first.dsn},{second.socket_dir}&target_session_attrs=read-write"
            async with stored_workspace(both, [1, 1]) as workspace:
                with services(both, 2, request_timeout_seconds="2") as running:
                    async with callers(workspace, running) as clients:
                        bodies = [(f"k{n}", lead(n)) for n in range(LEADS)]
                        load = asyncio.create_task(insist_on_all(clients, bodies, 8))
                        await until(second.dsn, DECIDED, LEADS // 3)
                        os.kill(first.pid, signal.SIGQUIT)
                        for each in clients:
                            await until_it_says(each, "database_unavailable")
                        wait_for(second, "")
                        execute(second.dsn, "SELECT pg_promote()")
                        answers = await load
                        for each in clients:
                            await until_it_says(each, "ready")
                    logs = [each.log() for each in running]
            connection = await asyncpg.connect(second.dsn)
            stored = {str(row["id"]) for row in await connection.fetch(STORED)}
            await connection.close()
    assert stored == {answer["assignment_id"] for answer in answers}
    assert len(stored) == LEADS
    assert all('"event":"database away"' in log and '"event":"database back"' in log for log in logs)


async def test_a_commit_that_no_standby_confirms_is_told_and_confirmed_later(place: Path) -> None:
    now = [0.0]
    with cluster(place) as server:
        in_a_thread(lambda: migrate(server.dsn))
        async with running_app(server.dsn, request_timeout_seconds=1.0) as app:
            app.state.pool.troubles = Troubles(lambda: now[0])
            workspace = await create_workspace(app, "workspace")
            async with workspace.client as client:
                assert await readiness(client) == "ready"
                wait_for(server, "nobody")
                refused = await client.post("/assign", json=lead(1), headers=keyed("a"))
                await until_it_says(client, "database_stalled")
                now[0] += RECENT_SECONDS
                told = await readiness(client)  # it tries a commit of its own
                wait_for(server, "")
                now[0] += RECENT_SECONDS
                assert await readiness(client) == "ready"
                repeated = await client.post("/assign", json=lead(1), headers=keyed("a"))
                again = await client.post("/assign", json=lead(1), headers=keyed("a"))
                assert await workspace.pool.fetchval(DECIDED) == 1
    assert (refused.status_code, refused.json()["code"]) == (503, "outcome_unknown")
    assert told == "database_stalled"
    assert repeated.json()["assignment_id"] == again.json()["assignment_id"]
