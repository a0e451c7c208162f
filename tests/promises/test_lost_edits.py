"""The connection to Postgres breaks at the COMMIT of an edit: the response says whether it was stored."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from app.directory import absences
from app.directory.edit_once import Edit, once
from app.errors import DatabaseUnavailable, OutcomeUnknown
from app.store.connection.pool import Pool, open_pool
from app.store.directory.records import Record
from app.store.path.idempotency import IdempotencyKey, Reply
from tests.support.proxy import Break, Proxy, proxied
from tests.support.workspace import Workspace, open_workspace

AWAY = {"from": "2026-12-01T00:00:00Z", "to": "2026-12-08T00:00:00Z", "kind": "leave"}
KEY = IdempotencyKey("k", b"body")


@asynccontextmanager
async def broken(database: str) -> AsyncIterator[tuple[Workspace, Pool, Proxy]]:
    """A running service, and a pool that reaches the database through a proxy.

    Background work of the service does not use the proxy, so each COMMIT belongs to the test.
    """
    async with (
        open_workspace(database) as workspace,
        proxied(database) as (dsn, proxy),
        await open_pool(dsn, size=2, pgbouncer=False) as pool,
    ):
        yield workspace, pool, proxy


async def add(pool: Pool, workspace: Workspace, key: IdempotencyKey | None = None) -> Reply:
    """Enters an absence."""

    async def prepare() -> Edit[Record]:
        return lambda edit: absences.add(edit, "ana", AWAY)

    return await once(
        pool, workspace.workspace_id, "test", key, prepare, lambda record: Reply(201, record.id.encode())
    )


async def entered(workspace: Workspace) -> list[str]:
    """The ids of the absences there are."""
    return [item["id"] for item in (await workspace.get("/owners/ana/absences"))["items"]]


async def test_an_edit_that_was_not_committed_is_reported_as_failed(database: str) -> None:
    async with broken(database) as (workspace, pool, proxy):
        proxy.break_commits(lambda number: Break.BEFORE if number == 1 else Break.NOT)
        with pytest.raises(DatabaseUnavailable):
            await add(pool, workspace)
        assert await entered(workspace) == []


async def test_a_committed_edit_is_answered(database: str) -> None:
    async with broken(database) as (workspace, pool, proxy):
        proxy.break_commits(lambda number: Break.AFTER if number == 1 else Break.NOT)
        answer = await add(pool, workspace)
        assert await entered(workspace) == [answer.body.decode()]


async def test_an_unknown_outcome_is_reported_and_can_be_retried(database: str) -> None:
    async with broken(database) as (workspace, pool, proxy):
        proxy.break_commits(lambda _number: Break.AFTER)
        with pytest.raises(OutcomeUnknown):
            await add(pool, workspace, KEY)
        proxy.break_commits(lambda _number: Break.NOT)
        again = await add(pool, workspace, KEY)
        assert again.replayed
        assert await entered(workspace) == [again.body.decode()]
