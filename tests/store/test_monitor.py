"""The log reports an outage and its end once each, and never the address of the database."""

import asyncio

import asyncpg
import pytest

from app.store.connection.address import connect_arguments
from app.store.connection.monitor import ConnectionMonitor
from app.store.connection.pool import open_pool
from tests.api.small_app import Lines

NOWHERE = "postgresql://canary:secret@127.0.0.1:1/canary"


async def test_outage_and_recovery_are_each_logged_once(database: str) -> None:
    log = Lines()
    reach = ConnectionMonitor(log)
    for _ in range(2):
        async with await open_pool(NOWHERE, size=2, pgbouncer=False, connect=reach) as pool:
            failed = await asyncio.gather(*(pool.fetch("SELECT 1") for _ in range(2)), return_exceptions=True)
            assert all(isinstance(one, OSError) for one in failed)
        async with await open_pool(database, size=2, pgbouncer=False, connect=reach) as pool:
            await asyncio.gather(*(pool.fetch("SELECT 1") for _ in range(4)))
    assert [line["event"] for line in log.lines] == ["database away", "database back"] * 2
    assert log.lines[0] == {"event": "database away", "error": "ConnectionRefusedError", "sqlstate": None}


async def test_refused_connection_is_logged_with_its_sqlstate(database: str) -> None:
    log = Lines()
    with pytest.raises(asyncpg.InvalidCatalogNameError):
        await ConnectionMonitor(log)(**connect_arguments(database.replace("/clone", "/canary")))
    assert log.lines == [{"event": "database away", "error": "InvalidCatalogNameError", "sqlstate": "3D000"}]
