"""Facts for reports wait until a process has nothing more urgent to do."""

from collections.abc import AsyncIterator

import pytest

from app.pace import long_work
from app.reports import share_facts, upkeep
from app.worker.report_facts import ReportFacts
from app.worker.share_facts import ShareFacts
from tests.support.workspace import Filled, Workspace, open_filled


@pytest.fixture
async def workspace(filled: Filled) -> AsyncIterator[Workspace]:
    """The usual workspace, without a worker that would make facts as well."""
    async with open_filled(filled, no_worker=True) as opened:
        yield opened


@pytest.mark.parametrize("duty", [ReportFacts, ShareFacts])
async def test_one_slice_at_a_time_while_calls_come_and_all_of_them_in_a_calm_process(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch, duty: type[ReportFacts] | type[ShareFacts]
) -> None:
    monkeypatch.setattr(upkeep, "SLICE", 2)
    monkeypatch.setattr(share_facts, "SLICE", 2)
    await workspace.publish("pipeline:\n  - round_robin: {team: inbound}\n")
    for number in range(5):
        await workspace.assign(external_id=str(number))
    made = duty(workspace.pool)
    assert made.is_due(await workspace.agenda())
    with long_work().hurry():
        assert not await made.run(await workspace.agenda())
    agenda = await workspace.agenda()
    assert (agenda.facts, agenda.shares) == (True, True)
    assert not made.is_due(agenda)
    calm = duty(workspace.pool)
    monkeypatch.setattr("app.worker.report_facts.CALM_SECONDS", 0.0)
    while await calm.run(await workspace.agenda()):
        pass
    agenda = await workspace.agenda()
    assert not (agenda.facts if duty is ReportFacts else agenda.shares)
