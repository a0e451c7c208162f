"""The databases that tests get are migrated, theirs alone, and gone afterwards."""

import asyncpg
import pytest

from tests.support.postgres import FOUND, Clusters


async def fetch(dsn: str, query: str) -> object:
    connection = await asyncpg.connect(dsn)
    try:
        return await connection.fetchval(query)
    finally:
        await connection.close()


async def test_each_version_found_gives_a_migrated_database(any_postgres_database: str) -> None:
    assert await fetch(any_postgres_database, "SELECT count(*) FROM alembic_version") == 1
    major = await fetch(
        any_postgres_database, "SELECT current_setting('server_version_num')::integer / 10000"
    )
    assert major in FOUND


@pytest.mark.parametrize("turn", [1, 2])
async def test_each_test_starts_from_the_same(database: str, turn: int) -> None:
    assert await fetch(database, "SELECT to_regclass('scratch') IS NULL")
    await fetch(database, "CREATE TABLE scratch (turn integer)")


async def test_a_clone_is_dropped_even_with_a_connection_open(clusters: Clusters) -> None:
    major = next(iter(FOUND))
    names = "SELECT array_agg(datname::text ORDER BY datname) FROM pg_database"
    before = await fetch(clusters.server(major).dsn, names)
    with clusters.clone(major) as dsn:
        left_open = await asyncpg.connect(dsn)
        assert await fetch(clusters.server(major).dsn, names) != before
    left_open.terminate()
    assert await fetch(clusters.server(major).dsn, names) == before
