"""While the database is unavailable or its lock is held, every route returns 503 and can be retried."""

import pytest

from app.keys import issue
from app.store.connection.pool import Limits, transaction
from tests.support.workspace import Workspace, client_of, running_app

NOWHERE = "postgresql://nobody@127.0.0.1:1/nothing"


@pytest.mark.parametrize(
    ("method", "url"),
    [("GET", "/owners"), ("PUT", "/owners/ana"), ("DELETE", "/teams/inbound"), ("POST", "/plans/1/publish")],
)
async def test_an_unavailable_database_is_reported(method: str, url: str) -> None:
    async with running_app(NOWHERE) as app, client_of(app, issue("test").text()) as client:
        answer = await client.request(method, url, json={} if method == "PUT" else None)
        assert (answer.status_code, answer.json()["code"]) == (503, "database_unavailable")
        assert int(answer.headers["retry-after"]) > 0
        assert (await client.get("/readyz")).json()["code"] == "database_unavailable"
        assert (await client.get("/healthz")).status_code == 200


async def test_reading_does_not_wait_for_the_workspace_lock(workspace: Workspace) -> None:
    held = Limits(idle=60_000)
    async with transaction(workspace.pool, workspace.workspace_id, lock=True, limits=held):
        for url in ("/teams/inbound", "/owners", "/plans/active", "/changes", "/teams/inbound/ledger"):
            await workspace.get(url)
