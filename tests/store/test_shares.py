"""One workspace never holds more than its share of the pool, and the others do not wait behind it."""

import asyncio

import pytest

from app.store.connection.pool import open_pool, transaction
from app.store.connection.shares import Shares, ShareTaken
from tests.support.workspace import Workspace

pytestmark = pytest.mark.alone

SIZE = 4
SHARE = SIZE // 2
GREEDY, MODEST = 1, 2


async def test_greedy_workspace_holds_its_share_while_another_is_served(database: str) -> None:
    pool = await open_pool(database, size=SIZE, pgbouncer=False)
    go_on, began, most = asyncio.Event(), asyncio.Semaphore(0), 0

    async def hold() -> None:
        nonlocal most
        async with transaction(pool, GREEDY, read_only=True):
            most = max(most, pool.shares.held(GREEDY))
            began.release()
            await go_on.wait()

    holding = [asyncio.create_task(hold()) for _ in range(3 * SIZE)]
    for _ in range(SHARE):
        await began.acquire()
    async with transaction(pool, MODEST, read_only=True) as connection:
        assert await connection.fetchval("SELECT 1") == 1
    assert not any(each.done() for each in holding)
    go_on.set()
    await asyncio.gather(*holding)
    assert most == SHARE
    assert pool.shares.held(GREEDY) == 0
    await pool.close()


async def test_share_that_is_given_back_goes_to_the_first_who_waits() -> None:
    shares = Shares(1)
    await shares.take(GREEDY, 60)
    order: list[int] = []

    async def wait(number: int) -> None:
        await shares.take(GREEDY, 60)
        order.append(number)
        shares.give_back(GREEDY)

    waiting = [asyncio.create_task(wait(number)) for number in range(4)]
    await asyncio.sleep(0)
    waiting[1].cancel()
    await asyncio.sleep(0)
    shares.give_back(GREEDY)
    await asyncio.gather(*waiting, return_exceptions=True)
    assert order == [0, 2, 3]
    assert shares.held(GREEDY) == 0


async def test_canceled_request_passes_on_the_share_that_it_had_just_got() -> None:
    shares = Shares(1)
    await shares.take(GREEDY, 60)
    first, second = (asyncio.create_task(shares.take(GREEDY, 60)) for _ in range(2))
    await asyncio.sleep(0)
    shares.give_back(GREEDY)
    first.cancel()
    await second
    assert shares.held(GREEDY) == 1


async def test_request_waits_no_longer_than_its_time_for_a_share() -> None:
    shares = Shares(1)
    await shares.take(GREEDY, 60)
    with pytest.raises(ShareTaken):
        await shares.take(GREEDY, 0.001)
    shares.give_back(GREEDY)
    assert shares.held(GREEDY) == 0


async def test_request_that_waits_in_vain_for_its_share_is_overloaded(workspace: Workspace) -> None:
    pool = workspace.pool
    # The key is known from then on: looking it up needs a connection, too.
    assert (await workspace.client.get("/owners")).status_code == 200
    pool.acquire_seconds = 0.05
    held = pool.get_max_size() // 2
    for _ in range(held):
        await pool.shares.take(workspace.workspace_id, 60)
    for answer in (
        await workspace.client.get("/owners"),
        await workspace.client.patch("/owners/ana", json={"name": "Anna"}),
        await workspace.client.post("/assign", json={"lead": {"external_id": "a"}, "dry_run": True}),
    ):
        assert (answer.status_code, answer.json()["code"]) == (503, "overloaded")
        assert int(answer.headers["Retry-After"]) >= 1
    for _ in range(held):
        pool.shares.give_back(workspace.workspace_id)
    assert (await workspace.client.get("/owners")).status_code == 200
