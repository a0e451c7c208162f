"""Database URLs: whatever libpq takes, the service takes, or says why not."""

import asyncio
import socket
import ssl
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from app.store.connection.address import InvalidAddress, connect_arguments, connect_to
from app.store.connection.migrate import migrate
from app.store.connection.pool import open_pool, when_ready
from devtools.embedded_postgres import Server
from tests.support.postgres import FOUND, Clusters, in_a_thread
from tests.support.shell import Shell

NAME = {"application_name": "lead-assignment"}


@pytest.fixture(autouse=True)
def no_variables_of_postgres(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test depends on what the environment says about a database."""
    for name in ("PGAPPNAME", "PGSERVICE", "PGSERVICEFILE", "PGOPTIONS", "PGCONNECT_TIMEOUT", "PGPORT"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("postgresql://", {}),
        (
            "postgres://ana%40x:p%2Fw@db:6543/leads%20",
            {"host": ["db"], "port": [6543], "user": "ana@x", "password": "p/w", "database": "leads "},
        ),
        ("postgresql://a,b:2/d", {"host": ["a", "b"], "port": [5432, 2], "database": "d"}),
        ("postgresql://[::1]:7,[::2]/d", {"host": ["::1", "::2"], "port": [7, 5432], "database": "d"}),
        ("postgresql:///d?host=/a,/b&port=1", {"host": ["/a", "/b"], "port": [1, 1], "database": "d"}),
        ("postgresql://%2Fvar%2Frun/d", {"host": ["/var/run"], "port": [5432], "database": "d"}),
        ("postgresql://:7/d", {"port": 7, "database": "d"}),
        ("postgresql://a?connect_timeout=1", {"host": ["a"], "port": [5432], "timeout": 2.0}),
        ("postgresql://a?connect_timeout=0", {"host": ["a"], "port": [5432], "timeout": None}),
        ("postgresql://a?hostaddr=10.0.0.1&host=b", {"host": ["10.0.0.1"], "port": [5432]}),
        (
            "postgresql://a?sslmode=verify-ca&sslrootcert=/dev/null&user=u&target_session_attrs=read-write",
            {
                "host": ["a"], "port": [5432], "user": "u", "target_session_attrs": "read-write",
                "dsn": "postgresql://?sslmode=verify-ca&sslrootcert=%2Fdev%2Fnull",
            },
        ),
        (
            "postgresql://a?keepalives_idle=5&channel_binding=prefer&gssencmode=disable&client_encoding=auto",
            {"host": ["a"], "port": [5432]},
        ),
    ],
)  # fmt: skip
def test_url_becomes_arguments_of_the_driver(url: str, expected: dict[str, Any]) -> None:
    assert connect_arguments(url) == {**expected, "server_settings": NAME}


@pytest.mark.parametrize(
    ("url", "named"),
    [
        ("mysql://a/b", "postgresql://"),
        ("host=a dbname=b", "postgresql://"),
        ("postgresql://a?sslmode", "name=value"),
        ("postgresql://a?connect_timeout=soon", "connect_timeout"),
        ("postgresql://a/c?port=x", "port"),
        ("postgresql://a,b,c?port=1,2", "ports"),
        ("postgresql://fe80::1/c", "brackets"),
        ("postgresql://a?channel_binding=require", "channel_binding"),
        ("postgresql://a?require_auth=scram-sha-256", "require_auth"),
        ("postgresql://a?hostaddr=10.0.0.1&sslmode=verify-full", "hostaddr"),
        ("postgresql://?service=none", "service"),
    ],
)
def test_url_that_cannot_be_used_is_refused_with_a_sentence(url: str, named: str) -> None:
    with pytest.raises(InvalidAddress, match=named) as raised:
        connect_arguments(url)
    assert str(raised.value).endswith((".", "…"))


def test_certificates_of_the_system_are_found_by_their_name(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    bundle = tmp_path / "ca.pem"
    bundle.touch()
    monkeypatch.setenv(ssl.get_default_verify_paths().openssl_cafile_env, str(bundle))
    dsn = connect_arguments("postgresql://a?sslrootcert=system")["dsn"]
    assert "sslmode=verify-full" in dsn
    assert bundle.name in dsn


SERVICES = """
# a comment
[other]
host=nowhere

[leads]
host={host}
user=postgres
dbname=postgres
password=100%
application_name=from the service
options=-c search_path=public,pg_catalog
connect_timeout=30
"""
SHOWN = "SELECT current_setting('application_name'), current_setting('search_path'), current_database()"


@pytest.fixture
def service_file(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "services.conf"
    path.write_text(SERVICES.format(host=server.socket_dir))
    monkeypatch.setenv("PGSERVICEFILE", str(path))
    return path


@pytest.fixture
def server(clusters: Clusters) -> Server:
    return clusters.server(next(iter(FOUND)))


async def test_service_of_a_file_is_used_and_the_url_wins(service_file: Path) -> None:
    for url, expected in (
        ("postgresql://?service=leads", ("from the service", "public,pg_catalog", "postgres")),
        (
            "postgresql:///template1?service=leads&application_name=mine",
            ("mine", "public,pg_catalog", "template1"),
        ),
    ):  # fmt: skip
        connection = await connect_to(url)
        try:
            assert tuple(await connection.fetchrow(SHOWN) or ()) == expected
        finally:
            await connection.close()


async def test_pool_takes_the_same_urls(service_file: Path) -> None:
    pool = await open_pool("postgresql://?service=leads&connect_timeout=5", size=2, pgbouncer=False)
    try:
        assert await pool.fetchval("SHOW application_name") == "from the service"
    finally:
        await pool.close()


async def test_second_host_answers_for_a_first_one_that_is_silent(server: Server) -> None:
    """Nobody accepts there, and what comes is never answered."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        url = f"postgresql://postgres@/postgres?host=127.0.0.1,{server.socket_dir}&port={port},5432"
        for attributes in ("any", "read-write"):
            connection = await connect_to(f"{url}&target_session_attrs={attributes}", timeout=0.4)
            assert await connection.fetchval("SELECT 1") == 1
            await connection.close()


async def test_last_error_is_raised_when_no_host_fits(server: Server) -> None:
    url = f"postgresql://postgres@/postgres?host={server.socket_dir},{server.socket_dir}"
    with pytest.raises(asyncpg.TargetServerAttributeNotMatched):
        await connect_to(f"{url}&target_session_attrs=standby")


@pytest.mark.parametrize("first", [True, False])
async def test_host_of_another_kind_counts_more_than_one_that_is_away(server: Server, first: bool) -> None:
    hosts = [server.socket_dir, "/nowhere"] if first else ["/nowhere", server.socket_dir]
    url = f"postgresql://postgres@/postgres?host={hosts[0]},{hosts[1]}"
    with pytest.raises(asyncpg.TargetServerAttributeNotMatched):
        await connect_to(f"{url}&target_session_attrs=standby")


async def test_start_waits_for_a_primary_and_for_a_free_connection(server: Server) -> None:
    errors: list[Exception] = [
        asyncpg.TargetServerAttributeNotMatched("none is"),
        asyncpg.TooManyConnectionsError("all are taken"),
    ]

    async def work() -> str:
        if errors:
            raise errors.pop()
        return "started"

    assert await when_ready(work) == "started"


DOCUMENTED = """
CREATE ROLE lead_assignment_app NOLOGIN NOBYPASSRLS;
CREATE ROLE lead_assignment_privacy NOLOGIN NOBYPASSRLS;
"""


def test_owner_without_rights_over_roles_migrates(server: Server) -> None:
    """The group roles exist in a cluster once; a member that got both beforehand needs nothing either."""
    asyncio.run(_as_superuser(server, "CREATE ROLE plain_owner LOGIN", "CREATE ROLE plain_service LOGIN"))
    asyncio.run(_as_superuser(server, "GRANT lead_assignment_app, lead_assignment_privacy TO plain_service"))
    asyncio.run(_as_superuser(server, "CREATE DATABASE plain OWNER plain_owner"))
    try:
        dsn = server.database_dsn("plain").replace("postgres@", "plain_owner@")
        in_a_thread(lambda: migrate(f"{dsn}&application_name=migration&connect_timeout=20&sslmode=disable"))
    finally:
        asyncio.run(_as_superuser(server, "DROP DATABASE plain WITH (FORCE)"))
        asyncio.run(_as_superuser(server, "DROP ROLE plain_owner", "DROP ROLE plain_service"))


async def _as_superuser(server: Server, *statements: str) -> None:
    connection = await connect_to(server.dsn)
    try:
        for statement in statements:
            await connection.execute(statement)
    finally:
        await connection.close()


@pytest.mark.parametrize(
    ("command", "change", "sentence"),
    [
        ("migrate", "&sslmode=none", "URL"),
        ("migrate", "&sslmode=verify-full&sslrootcert=/no/such/file", "URL"),
        ("migrate", "&channel_binding=require", "channel_binding"),
        ("migrate", "&dbname=nowhere", "Cannot reach the database"),
        ("migrate", "&user=nobody_here", "Cannot reach the database"),
        ("verify", "&connect_timeout=x", "connect_timeout"),
        ("worker", "&sslmode=none", "URL"),
    ],
)
def test_command_says_what_is_wrong_with_the_url(
    database: str, tmp_path: Path, command: str, change: str, sentence: str
) -> None:
    assert sentence in Shell(tmp_path, DATABASE_URL=database + change).refuses(command)


def test_role_that_may_not_migrate_is_told_so(server: Server, tmp_path: Path) -> None:
    asyncio.run(_as_superuser(server, "CREATE ROLE poor LOGIN"))
    try:
        said = Shell(tmp_path, DATABASE_URL=server.dsn.replace("postgres@", "poor@")).refuses("migrate")
        assert "MIGRATION_DATABASE_URL" in said
    finally:
        asyncio.run(_as_superuser(server, "DROP ROLE poor"))
