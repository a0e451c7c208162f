"""However many reports are asked for, they leave the database and the process to others."""

import asyncio

import pytest

from app.errors import Overloaded
from app.reports import places as module
from app.reports.places import MAX_AT_ONCE, Places
from tests.support.workspace import client_of, open_workspace


async def test_reports_of_one_workspace_hold_one_connection(database: str) -> None:
    async with open_workspace(database) as workspace, client_of(workspace.app, workspace.key) as client:
        paths = ("/metrics/speed-to-lead", "/metrics/health", "/metrics/audit-sample")
        asked = [asyncio.create_task(client.get(path)) for path in paths * 4]
        shares, most, waiting = workspace.app.state.pool.shares, 0, 0
        while not all(each.done() for each in asked):
            most = max(most, shares.held(workspace.workspace_id))
            waiting = max(waiting, shares.waiting())
            await asyncio.sleep(0)
        answers = [each.result() for each in asked]
    assert [each.status_code for each in answers] == [200] * len(asked)
    assert most <= 2  # one for a report, one for the worker
    assert waiting == 0


async def test_another_workspace_does_not_wait_behind_the_many_reports_of_one() -> None:
    places = Places()
    let_go = asyncio.Event()

    async def make(workspace_id: int) -> None:
        async with places.take(workspace_id):
            await let_go.wait()

    greedy = [asyncio.create_task(make(1)) for _ in range(10)]
    await asyncio.sleep(0)
    async with asyncio.timeout(5), places.take(2):
        pass
    let_go.set()
    await asyncio.gather(*greedy)


async def test_reports_wait_for_a_place_and_not_forever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "WAIT_SECONDS", 0.01)
    places = Places()
    async with places.take(1):
        with pytest.raises(Overloaded):
            async with places.take(1):
                pass
    busy = [places.take(workspace_id) for workspace_id in range(MAX_AT_ONCE)]
    for each in busy:
        await each.__aenter__()
    with pytest.raises(Overloaded):
        async with places.take(MAX_AT_ONCE):
            pass
    for each in busy:
        await each.__aexit__(None, None, None)
    async with places.take(1):
        pass
