"""However many reports are asked for, they leave the database and the process to others."""

import asyncio

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
