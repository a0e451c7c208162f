"""Postgres itself crashes under load: what was answered is there, what was not may be asked again."""

import asyncio
import os
import signal
import time
from pathlib import Path

from app.store.connection.migrate import migrate
from app.store.connection.pool import CONNECTION_ERRORS
from devtools.embedded_postgres import start
from tests.promises.audit import audit, deviation
from tests.support.callers import callers, insist_on_all
from tests.support.factories import lead
from tests.support.postgres import in_a_thread
from tests.support.processes import PATIENCE, services
from tests.support.workspace import Workspace, stored_workspace

SERVING = """
SELECT pid, (SELECT count(*) FROM assignments WHERE workspace_id = $1) AS decisions
  FROM pg_stat_activity
 WHERE datname = current_database() AND pid <> pg_backend_pid() AND query LIKE '%COMMIT%'
"""


async def _crash(workspace: Workspace, decisions: int) -> None:
    """Kill a process of Postgres that serves the service, once so many decisions stand in the books."""
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


async def test_a_crash_of_postgres_loses_no_answer(tmp_path: Path) -> None:
    with start(tmp_path / "data") as server:
        in_a_thread(lambda: migrate(server.dsn))
        async with stored_workspace(server.dsn, [1, 1, 1]) as workspace:
            with services(server.dsn, 2) as running:
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
