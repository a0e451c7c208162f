"""Two workspaces with the same ids, people and keys never meet, and a deleted one leaves nothing behind."""

import asyncio
import itertools
from collections.abc import Awaitable, Callable
from functools import partial

import asyncpg
import httpx2
import pytest

from app.errors import WorkspaceDeleted
from app.keys import issue
from app.store.api_keys import insert_key
from app.store.workspaces import TABLES, delete_workspace
from tests.promises.audit import audit
from tests.support.callers import insist
from tests.support.factories import keyed, lead
from tests.support.processes import services
from tests.support.workspace import client_of, empty_workspace, open_workspace, running_app, stored_workspace
from tests.webhooks.deliveries import BASE_URL, endpoint, event, send


async def test_two_workspaces_with_the_same_ids_and_keys_never_meet(database: str) -> None:
    async with stored_workspace(database, [1, 1], name="ours") as ours:
        theirs = await empty_workspace(ours.pool, "theirs")
        await theirs.team([1, 1, 1])
        await theirs.publish()
        with services(database, 1) as (service,):
            async with ours.connect(service.url) as us, theirs.connect(service.url) as them:
                mine = [await insist(us, lead(n), f"key-{n}") for n in range(10)]
                yours = [await insist(them, lead(n), f"key-{n}") for n in range(10)]
                again = [await insist(them, lead(n), f"key-{n}") for n in range(10)]
                other = await them.post("/assign", json=lead(11), headers=keyed("key-0"))
                event = await them.post(
                    f"/assignments/{mine[0]['assignment_id']}/events", json={"type": "closed"}
                )
                stolen = await them.post("/reassign", json={"lead_id": mine[0]["lead_id"], "reason": "mine"})
        books = await audit(ours), await audit(theirs)
    assert not {one["lead_id"] for one in mine} & {one["lead_id"] for one in yours}
    assert [one["existing_lead"] for one in mine + yours] == [None] * 20
    assert not any(one["replayed"] for one in mine + yours)
    assert [one["assignment_id"] for one in again] == [one["assignment_id"] for one in yours]
    assert (other.status_code, event.status_code, stolen.status_code) == (422, 404, 404)
    assert [one.decisions for one in books] == [10, 10]
    assert books[0].shares() == {"rep0": 5, "rep1": 5}
    assert books[1].shares() == {"rep0": 4, "rep1": 3, "rep2": 3}


async def test_deletion_beside_traffic_leaves_no_row_and_no_decision_after_it(database: str) -> None:
    async with (
        open_workspace(database, worker_interval_seconds=0.05, public_base_url=BASE_URL) as workspace,
        running_app(database, worker_interval_seconds=0.05, public_base_url=BASE_URL) as other,
    ):
        path = await endpoint(workspace)
        writes: list[Write] = [_assign, _edit, _aim, partial(_deliver, path), _work, _erase, _report]
        under_way = [
            asyncio.create_task(_write_until_refused(client_of(app, workspace.key), write))
            for app in (workspace.app, other)
            for write in writes
        ]
        await asyncio.sleep(0.3)  # any moment will do
        connection = await asyncpg.connect(database)  # as the command does, without the limits of requests
        await delete_workspace(connection, workspace.workspace_id)
        await connection.close()
        ends = await asyncio.gather(*under_way)
        left = {
            table: await workspace.pool.fetchval(
                f"SELECT count(*) FROM {table} WHERE workspace_id = $1", workspace.workspace_id
            )
            for table in (*TABLES, "api_keys", "webhook_paths")
        }
    assert sum(count for count, _ in ends) > 0
    assert {code for _, code in ends} <= {"workspace_deleted", "unauthenticated", "not_found"}
    assert {table: rows for table, rows in left.items() if rows} == {}


Write = Callable[[httpx2.AsyncClient, int], Awaitable[httpx2.Response]]


async def _write_until_refused(client: httpx2.AsyncClient, write: Write) -> tuple[int, str]:
    """How many writes succeeded, and the code of the first that did not."""
    async with client:
        for number in itertools.count():
            answer = await write(client, number)
            if answer.status_code >= 300 and answer.status_code != 503:
                return number, str(answer.json()["code"])
    raise AssertionError


async def _assign(client: httpx2.AsyncClient, number: int) -> httpx2.Response:
    return await client.post("/assign", json=lead(number))


async def _edit(client: httpx2.AsyncClient, number: int) -> httpx2.Response:
    return await client.put(f"/owners/rep{number % 20}", json={"name": f"Rep {number}"})


async def _aim(client: httpx2.AsyncClient, number: int) -> httpx2.Response:
    return await client.put(f"/targets/t{number % 20}", json={"url": f"https://example.com/{number}"})


async def _deliver(path: str, client: httpx2.AsyncClient, number: int) -> httpx2.Response:
    return await send(client, path, event(str(number)), f"msg_{id(client)}_{number}")


async def _work(client: httpx2.AsyncClient, _number: int) -> httpx2.Response:
    return await client.post("/actions/lease", json={"limit": 1, "seconds": 30})


async def _report(client: httpx2.AsyncClient, number: int) -> httpx2.Response:
    return await client.get(f"/metrics/{('speed-to-lead', 'fairness', 'health')[number % 3]}")


async def _erase(client: httpx2.AsyncClient, number: int) -> httpx2.Response:
    made = await client.post("/assign", json={"lead": {"external_id": f"e{id(client)}-{number}"}})
    if made.status_code != 201:
        return made
    return await client.delete(f"/leads/{made.json()['lead_id']}")


async def test_no_key_is_made_for_a_workspace_that_is_gone(database: str) -> None:
    async with stored_workspace(database) as workspace, workspace.pool.acquire() as connection:
        await delete_workspace(connection, workspace.workspace_id)
        with pytest.raises(WorkspaceDeleted):
            await insert_key(connection, workspace.workspace_id, issue("test"), ["admin"], None, "late")
