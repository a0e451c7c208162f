"""Long computations of a process give way while single calls are under way in it, of whatever workspace."""

import asyncio

import pytest

from app.pace import long_work
from tests.support.factories import lead
from tests.support.workspace import Workspace

LOCK = "SELECT FROM workspace_locks WHERE workspace_id = $1 FOR NO KEY UPDATE"
WAITERS = "SELECT count(*) FROM pg_locks WHERE NOT granted"


@pytest.mark.parametrize(
    ("path", "body", "hurries"),
    [("/assign", lead(1), True), ("/assign/batch", {"items": [lead(1)]}, False)],
    ids=["single call", "batch"],
)
async def test_single_call_hurries_until_its_answer_and_a_batch_does_not(
    workspace: Workspace, path: str, body: dict[str, object], hurries: bool
) -> None:
    async with workspace.pool.acquire() as connection, connection.transaction():
        await connection.execute(LOCK, workspace.workspace_id)
        call = asyncio.create_task(workspace.client.post(path, json=body))
        async with asyncio.timeout(60):
            while not await connection.fetchval(WAITERS):  # noqa: ASYNC110 - nothing announces it
                await asyncio.sleep(0.01)
        assert (long_work().calm_seconds == 0) is hurries
    assert (await call).is_success
    assert long_work().calm_seconds > 0


async def test_long_work_goes_on_however_long_somebody_hurries(workspace: Workspace) -> None:
    items = [{**lead(number), "dry_run": True} for number in range(100)]
    with long_work().hurry():
        decided = (await workspace.client.post("/assign/batch", json={"items": items})).json()["items"]
        stored = (
            await workspace.client.post("/assign/batch", json={"items": [*map(lead, range(100))]})
        ).json()
    assert {item["status"] for item in decided} == {200}
    assert {item["status"] for item in stored["items"]} == {201}
