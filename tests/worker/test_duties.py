"""A duty that fails holds up no other duty and no other workspace, and is told."""

from dataclasses import dataclass

import asyncpg
import pytest

from app.errors import DatabaseUnavailable
from app.store.connection.pool import transaction
from app.store.life.agenda import Agenda, read_agenda
from app.troubles import Troubles
from app.worker.worker import perform
from tests.support.workspace import Workspace


@dataclass
class Told:
    """A duty that is always due, raises what it was given, and counts how often it was run."""

    error: Exception | None = None
    runs: int = 0

    def is_due(self, agenda: Agenda) -> bool:
        return agenda.workspace_id > 0

    async def run(self, agenda: Agenda) -> bool:
        self.runs += 1
        if self.error is not None:
            raise self.error
        return True


async def agenda_of(workspace: Workspace) -> Agenda:
    async with transaction(workspace.pool, workspace.workspace_id, read_only=True) as connection:
        return await read_agenda(connection, workspace.workspace_id)


async def test_duty_that_fails_is_noted_and_the_next_one_runs(
    workspace: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    failing, next_one, troubles = Told(KeyError("canary")), Told(), Troubles()
    assert await perform([failing, next_one], await agenda_of(workspace), troubles) == (True, True)
    assert (failing.runs, next_one.runs, troubles.counts) == (1, 1, {"duty_failed": 1})
    said = capsys.readouterr().out
    assert "duty=Told" in said
    assert "canary" not in said


@pytest.mark.parametrize(
    "error", [asyncpg.AdminShutdownError(), asyncpg.LockNotAvailableError(), DatabaseUnavailable()]
)
async def test_what_is_wrong_with_the_database_ends_the_round(workspace: Workspace, error: Exception) -> None:
    next_one, troubles = Told(), Troubles()
    with pytest.raises(type(error)):
        await perform([Told(error), next_one], await agenda_of(workspace), troubles)
    assert next_one.runs == 0
    assert not troubles.counts
