"""Postgres crashes under load: confirmed decisions are kept, and others can be retried."""

import asyncio
import os
import signal
import time
from pathlib import Path

from app.store.connection.migrate import migrate
from app.store.connection.pool import CONNECTION_ERRORS
from devtools.embedded_postgres import start
from tests.promises.audit import audit, deviation
from tests.support.callers import callers, insist, insist_on_all
from tests.support.factories import lead
from tests.support.postgres import in_a_thread
from tests.support.processes import PATIENCE, services
from tests.support.proxy import proxied
from tests.support.workspace import Workspace, stored_workspace

SERVING = """
SELECT pid, (SELECT count(*) FROM assignments WHERE workspace_id = $1) AS decisions
  FROM pg_stat_activity
 WHERE application_name = 'service'
"""


async def _crash(workspace: Workspace, decisions: int) -> None:
    """Kill a backend of Postgres once this many decisions are stored."""
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        try:
            rows = await workspace.fetch(SERVING)
        except CONNECTION_ERRORS:
            rows = []
        if rows and rows[0]["decisions"] >= decisions:
            os.kill(rows[0]["pid"], signal.SIGKILL)
            return
        await asyncio.sleep(0.002)
    raise AssertionError("there was nothing to kill")


async def test_a_crash_of_postgres_loses_no_confirmed_decision(tmp_path: Path) -> None:
    with start(tmp_path / "data") as server:
        in_a_thread(lambda: migrate(server.dsn))
        async with stored_workspace(server.dsn, [1, 1, 1]) as workspace:
            with services(f"{server.dsn}&application_name=service", 2) as running:
                async with callers(workspace, running) as clients:
                    bodies = [(f"k{n}", lead(n)) for n in range(300)]
                    load = asyncio.create_task(insist_on_all(clients, bodies, 16))
                    for decisions in (60, 160):
                        await _crash(workspace, decisions)
                    answers = await load
            books = await audit(workspace)
            stored = await workspace.fetch("SELECT id FROM assignments WHERE workspace_id = $1")
    assert {str(row["id"]) for row in stored} == {answer["assignment_id"] for answer in answers}
    assert books.decisions == 300
    assert deviation(books.chosen["inbound"], dict.fromkeys(("rep0", "rep1", "rep2"), 1)) < 1


async def test_a_service_started_while_postgres_recovers_waits_for_it(database: str) -> None:
    async with stored_workspace(database, [1]) as workspace, proxied(database) as (dsn, proxy):
        proxy.recovering = True
        with services(dsn, 1) as running:
            until = time.monotonic() + PATIENCE
            while proxy.refused < 2:
                assert time.monotonic() < until
                assert running[0].running.poll() is None, running[0].log()
                await asyncio.sleep(0.02)
            proxy.recovering = False
            async with callers(workspace, running) as (client,):
                answer = await insist(client, lead(1))
            assert "Traceback" not in running[0].log()
    assert answer["owner"]["id"] == "rep0"
