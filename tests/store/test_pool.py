"""Connections serve many workspaces, one after another, and none leaves anything behind (S-26)."""

import asyncio
import os
import random
import shutil
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import asyncpg
import pytest

from app.store.connection.pool import Limits, Pool, look_up, open_pool, transaction
from tests.support.bouncer import bounced as at_bouncer
from tests.support.bouncer import bouncer
from tests.support.postgres import FOUND, NEWEST_AND_LONG, Clusters
from tests.support.workspace import Workspace, create_workspace, running_app

pytestmark = pytest.mark.alone

WORKSPACES = 20
LEFT = """
SELECT coalesce(current_setting('lead_assignment.workspace', true), '') AS workspace,
       current_user = session_user AS itself, current_setting('lock_timeout') AS waits,
       current_setting('enable_seqscan') AS scans
"""
AS_IT_CAME = ("", True, "1500ms", "off")
"""What the pool itself sets on each connection, and nothing of a workspace."""
AS_THE_SERVER_GAVE_IT = ("", True, "0", "on")


async def left_behind(pool: Pool, size: int) -> set[tuple[Any, ...]]:
    """What each connection of the pool still holds."""
    async with AsyncExitStack() as stack:
        held = [await stack.enter_async_context(pool.acquire()) for _ in range(size)]
        rows = [await connection.fetch(LEFT) for connection in held]
        return {tuple(row) for (row,) in rows}


@asynccontextmanager
async def workspaces(dsn: str, **settings: Any) -> AsyncIterator[Sequence[Workspace]]:
    """A service with twenty workspaces. The names of owners show their workspace."""
    async with running_app(dsn, no_worker=False, **settings) as app, AsyncExitStack() as stack:
        made = [await create_workspace(app, f"workspace-{number}") for number in range(WORKSPACES)]
        for number, workspace in enumerate(made):
            await stack.enter_async_context(workspace.client)
            async with workspace.edit() as edit:
                for id_ in ("ana", "ben", "eve"):
                    before = await edit.find("owners", id_)
                    await edit.put("owners", id_, {"name": f"{id_} of {number}"}, before)
        yield made


async def interleave(workspaces: Sequence[Workspace], rounds: int) -> Counter[str]:
    """Send concurrent requests for all workspaces. Each response must belong to its workspace."""
    seen: Counter[str] = Counter()

    async def visit(number: int, round_: int) -> None:
        workspace = workspaces[number]
        # The same ids everywhere: they would meet if workspaces did.
        returned = await workspace.assign(external_id=f"same-{round_}")
        assert returned["existing_lead"] is None
        assert returned["decision_number"] == round_ + 1
        assert returned["owner"]["name"].endswith(f" of {number}")
        lead = await workspace.get(f"/leads/{returned['lead_id']}")
        assert lead["owner"] == returned["owner"]
        other = workspaces[(number + 1) % len(workspaces)]
        assert (await other.client.get(f"/leads/{returned['lead_id']}")).status_code == 404
        seen.update(["assign", "lead", "other's"])

    for round_ in range(rounds):
        await asyncio.gather(*(visit(number, round_) for number in range(len(workspaces))))
    return seen


async def check_many(dsn: str, rounds: int, **settings: Any) -> None:
    async with workspaces(dsn, pool_size=5, **settings) as made:
        seen = await interleave(made, rounds)
        assert seen.total() == 3 * rounds * WORKSPACES
        pool: Pool = made[0].app.state.pool
        left = AS_THE_SERVER_GAVE_IT if settings.get("pgbouncer") else AS_IT_CAME
        assert await left_behind(pool, 5) == {left}


@pytest.fixture(params=NEWEST_AND_LONG, ids="postgres{}".format)
def storm_database(clusters: Clusters, request: pytest.FixtureRequest) -> Iterator[str]:
    """An empty database: on the newest version found, and in the long run on the others."""
    with clusters.clone(request.param) as dsn:
        yield dsn


async def test_hundreds_of_requests_of_twenty_workspaces_never_mix(storm_database: str) -> None:
    await check_many(storm_database, rounds=10)


@pytest.mark.long
@pytest.mark.timeout(3600)
async def test_a_hundred_thousand_requests_never_mix(database: str) -> None:
    await check_many(database, rounds=1667)


@pytest.mark.parametrize("ending", ["commit", "problem", "error", "cancelled"])
async def test_connection_returns_to_the_pool_unchanged_however_a_request_ends(
    database: str, ending: str
) -> None:
    async with running_app(database, pool_size=2) as app:
        workspace = await create_workspace(app, "workspace")
        async with workspace.client:
            await end(workspace, ending)
        assert await left_behind(app.state.pool, 2) == {AS_IT_CAME}


async def end(workspace: Workspace, how: str) -> None:
    """Let a request come to its end in this way."""
    match how:
        case "commit":
            await workspace.assign(external_id="a")
        case "problem":
            answer = await workspace.client.post("/queues/unrouted/claim", json={"owner_id": "ben"})
            assert answer.status_code == 409
        case "error":
            await workspace.pool.execute("ALTER TABLE ledger_entries RENAME TO hidden")
            answer = await workspace.client.post("/assign", json={"lead": {"external_id": "a"}})
            assert answer.status_code >= 500
        case _:
            async with workspace.edit():
                asked = asyncio.create_task(workspace.client.get("/metrics"))
                lead = {"lead": {"external_id": "a"}}
                waiting = asyncio.create_task(workspace.client.post("/assign", json=lead))
                await asyncio.sleep(0)
                asked.cancel()
                waiting.cancel()
                await asyncio.wait([asked, waiting])


async def test_statements_canceled_at_any_moment_leave_the_pool_as_it_was(workspace: Workspace) -> None:
    """By their task, once or twice, by the limit of the server, or by that of the client."""
    pool, chance = workspace.pool, random.Random(7)

    async def work(limits: Limits, seconds: float, within: float | None) -> None:
        async with transaction(pool, workspace.workspace_id, limits=limits) as connection:
            for _ in range(3):
                await connection.fetch("SELECT pg_sleep($1)", seconds, timeout=within)

    raised: Counter[str] = Counter()
    for _ in range(40):
        tasks = [
            asyncio.create_task(
                work(
                    Limits(statement=chance.choice([5, 5000])),
                    chance.random() / 50,
                    chance.choice([None, 0.003]),
                )
            )
            for _ in range(10)
        ]
        for share, pause in ((0.6, 0.02), (0.4, 0.004)):
            await asyncio.sleep(chance.random() * pause)
            for task in tasks:
                if chance.random() < share:
                    task.cancel()
        ends = await asyncio.gather(*tasks, return_exceptions=True)
        raised.update(type(each).__name__ for each in ends if each is not None)
    assert raised.keys() <= {"CancelledError", "QueryCanceledError", "TimeoutError"}
    size = pool.get_max_size()
    assert await left_behind(pool, size) == {AS_IT_CAME}


@pytest.fixture
def bounced(clusters: Clusters, database: str) -> Iterator[str]:
    """The address of the database by way of a PgBouncer in transaction mode."""
    program = shutil.which("pgbouncer", path=f"{os.environ['PATH']}:/usr/sbin")
    if program is None:
        pytest.skip("there is no pgbouncer on this machine")
    with bouncer(program, clusters.server(next(iter(FOUND)))) as directory:
        yield at_bouncer(database, directory)


async def test_requests_never_mix_behind_pgbouncer(bounced: str) -> None:
    await check_many(bounced, rounds=10, pgbouncer=True)


async def test_behind_pgbouncer_a_look_up_gets_its_own_answer(bounced: str) -> None:
    """Statements without a name stay with the server: those of others must not be met there."""
    pool = await open_pool(bounced, size=20, pgbouncer=True)
    try:
        for round_ in range(20):
            texts = [look_up(pool, 30, "SELECT $1::text AS told", f"{round_}-{at}") for at in range(40)]
            numbers = [look_up(pool, 30, "SELECT $1::integer + 1 AS told", at) for at in range(40)]
            returned = [row["told"] for row in await asyncio.gather(*texts, *numbers)]
            assert returned == [f"{round_}-{at}" for at in range(40)] + [at + 1 for at in range(40)]
    finally:
        await pool.close()


async def test_transaction_that_waits_too_long_for_the_lock_is_rolled_back(
    database: str, caplog: pytest.LogCaptureFixture
) -> None:
    """The driver reports a connection that comes back to the pool in a transaction."""
    async with running_app(database, pool_size=2, no_worker=True) as app:
        workspace = await create_workspace(app, "workspace")
        async with workspace.client, transaction(app.state.pool, workspace.workspace_id, lock=True):
            with pytest.raises(asyncpg.LockNotAvailableError):
                async with transaction(
                    app.state.pool, workspace.workspace_id, lock=True, limits=Limits(lock=20)
                ):
                    raise AssertionError("the lock was free")
    assert [record.name for record in caplog.records if record.name == "asyncio"] == []
