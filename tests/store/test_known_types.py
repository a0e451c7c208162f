"""The server is asked about one of its types once in a process, about a database's own on each connection."""

from typing import Any

import pytest

from app.store.connection.known_types import KnowingConnection
from app.store.connection.pool import Connection, open_pool

QUESTION = "typeinfo"
VALUES: list[tuple[str, Any]] = [("inet[]", []), ("cidr[]", []), ("inet[]", [None])]


async def asked(connection: Connection, type_: str, value: object) -> int:
    """How often a statement with a value of this type asks about types. The value comes back."""
    seen: list[str] = []

    def note(logged: Any) -> None:
        seen.append(logged.query)

    connection.add_query_logger(note)
    try:
        assert await connection.fetchval(f"SELECT $1::{type_}", value) == value
    finally:
        connection.remove_query_logger(note)
    return sum(QUESTION in query for query in seen)


async def test_types_of_the_server_are_asked_for_once(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(KnowingConnection, "_known", {})
    async with (
        await open_pool(database, size=2, pgbouncer=False) as pool,
        pool.acquire() as first,
        pool.acquire() as second,
    ):
        assert [await asked(first, *each) for each in VALUES] == [1, 1, 0]
        assert [await asked(second, *each) for each in VALUES] == [0, 0, 0]
        await first.execute("CREATE TYPE mood AS ENUM ('good', 'bad')")
        assert [await asked(each, "mood[]", ["good"]) for each in (first, second)] == [1, 1]
    # Another database may have given the number to another type.
    assert all(row["ns"] == "pg_catalog" for row in KnowingConnection._known.values())
