"""A copy of a database decides, but does not act until somebody says so."""

import asyncio
import time
from pathlib import Path

import pytest

from tests.outbox.test_doors import PLAN, at, lease, log, logged, posted, switch_on
from tests.support.metrics import sample
from tests.support.postgres import execute
from tests.support.processes import PATIENCE
from tests.support.shell import Shell
from tests.support.workspace import Workspace, open_workspace

COPY = "UPDATE installation SET {} = 'another'"
REFUSES = "worker refuses a copy"


@pytest.mark.parametrize("differs", ["system_identifier", "database_name"])
async def test_copy_decides_but_does_not_act_until_it_is_resumed(
    database: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], differs: str
) -> None:
    execute(database, COPY.format(differs))
    async with open_workspace(database, worker_interval_seconds=0.02) as workspace:
        await at(workspace, 0)
        await workspace.publish(PLAN)
        await switch_on(workspace)
        await workspace.assign(external_id="a", source="ana")
        await at(workspace, 100)
        await refused(workspace, capsys)
        assert await log(workspace) == []
        assert (await posted(workspace, "/actions/lease"))[1]["code"] == "restored_copy"
        assert sample((await workspace.client.get("/metrics")).text, "lead_assignment_restored_copy") == 1
        shell = Shell(tmp_path, DATABASE_URL=database)
        assert "This database is a copy." in await asyncio.to_thread(shell.refuses, "resume")
        assert "act on this database" in await asyncio.to_thread(shell.says, "resume", "--here")
        await logged(workspace, 1)
        assert len(await lease(workspace)) == 1
        assert "the recorded one" in await asyncio.to_thread(shell.says, "resume")
        assert sample((await workspace.client.get("/metrics")).text, "lead_assignment_restored_copy") == 0


async def refused(workspace: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    """Wait for several rounds of the worker; it has logged its refusal once."""
    printed, until = "", time.monotonic() + PATIENCE
    while REFUSES not in printed:
        assert time.monotonic() < until
        await asyncio.sleep(0.02)
        printed += capsys.readouterr().out
    await asyncio.sleep(0.2)
    assert (printed + capsys.readouterr().out).count(REFUSES) == 1
