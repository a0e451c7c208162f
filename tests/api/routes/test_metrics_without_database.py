"""Metrics while the database is away: of the process, for those who may see them."""

import asyncio

import httpx2
import pytest

from app.audit import exporter
from app.keys import issue
from tests.support.workspace import Workspace, running_app

pytestmark = pytest.mark.alone

UP, DOWN = "lead_assignment_database_up 1.0", "lead_assignment_database_up 0.0"
NOWHERE = "postgresql://a:b@127.0.0.1:1/c"


async def test_known_key_gets_the_metrics_of_the_process_when_the_database_fails(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exporter, "READ_SECONDS", 30.0)  # on a busy machine the first scrape takes longer
    answer = await workspace.client.get("/metrics")
    assert UP in answer.text
    assert "lead_assignment_leads{" in answer.text
    await workspace.pool.execute("ALTER TABLE journal RENAME TO journal_of_later")
    answer = await workspace.client.get("/metrics")
    assert answer.status_code == 200
    assert DOWN in answer.text
    assert "process_resident_memory_bytes" in answer.text
    assert "lead_assignment_leads{" not in answer.text


@pytest.mark.parametrize(("address", "status"), [("127.0.0.1", 200), ("203.0.113.9", 503)])
async def test_without_a_database_only_this_machine_gets_metrics(address: str, status: int) -> None:
    async with running_app(NOWHERE, no_worker=True, request_timeout_seconds=0.2) as app:
        transport = httpx2.ASGITransport(app=app, client=(address, 4321), raise_app_exceptions=False)
        async with httpx2.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
            assert (await client.get("/metrics")).status_code == 401
            key = f"Bearer {issue('test').text()}"
            answer = await client.get("/metrics", headers={"Authorization": key})
            assert (answer.status_code, DOWN in answer.text) == (status, status == 200)


async def test_database_that_does_not_answer_holds_up_no_scrape() -> None:
    async def say_nothing(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        silent.append(writer)

    silent: list[asyncio.StreamWriter] = []
    server = await asyncio.start_server(say_nothing, "127.0.0.1", 0)
    dsn = f"postgresql://a:b@127.0.0.1:{server.sockets[0].getsockname()[1]}/c?sslmode=disable"
    async with running_app(dsn, no_worker=True, request_timeout_seconds=60.0) as app:
        transport = httpx2.ASGITransport(app=app, client=("127.0.0.1", 4321), raise_app_exceptions=False)
        async with httpx2.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
            headers = {"Authorization": f"Bearer {issue('test').text()}"}
            async with asyncio.timeout(20):  # the connection would take longer
                answer = await client.get("/metrics", headers=headers)
                port = await asyncio.to_thread(app.state.exporter.expose)
        for writer in silent:
            writer.close()
        server.close()
    assert (answer.status_code, DOWN in answer.text) == (200, True)
    assert DOWN in port.decode()
    assert "lead_assignment_leads{" not in port.decode()
