"""A database that is reached over TLS: its certificate is checked as `sslmode` says."""

import socket
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from app.store.connection.address import connect_to
from app.store.connection.migrate import migrate
from devtools.embedded_postgres import start
from devtools.embedded_postgres.account import choose_account
from tests.support.postgres import FOUND, in_a_thread
from tests.support.shell import Shell
from tests.support.tls import certificates_of
from tests.support.workspace import create_workspace, running_app

NAME = "localhost"
ONLY_TLS = "local all all trust\nhostssl all all samehost trust\n"


@dataclass(frozen=True)
class Secured:
    """A server that takes nothing but TLS from the network, the file of its authority and that of another."""

    port: int
    authority: Path
    other: Path

    def url(self, mode: str, *, host: str = NAME, authority: Path | None = None) -> str:
        root = f"&sslrootcert={authority or self.authority}" if mode.startswith("verify") else ""
        return f"postgresql://postgres@{host}:{self.port}/postgres?sslmode={mode}{root}"


@pytest.fixture(scope="module")
def secured() -> Iterator[Secured]:
    """A server of its own: the others listen on sockets only."""
    binaries = next((each for each in FOUND.values() if b"libssl" in each.postgres.read_bytes()), None)
    if binaries is None:
        pytest.skip("no Postgres on this machine is built with TLS")
    made = certificates_of(NAME)
    with tempfile.TemporaryDirectory() as name, socket.create_server(("127.0.0.1", 0)) as free:
        place, port = Path(name), free.getsockname()[1]
        place.chmod(0o755)
        account = choose_account(place / "data")
        files = {
            "ca.pem": made.authority,
            "other.pem": certificates_of(NAME).authority,
            "server.pem": made.server,
            "server.key": made.key,
            "hba.conf": ONLY_TLS.encode(),
        }
        for file, content in files.items():
            (place / file).write_bytes(content)
            (place / file).chmod(0o600 if file == "server.key" else 0o644)
        account.take_ownership(place / "server.key")
        settings = {
            "listen_addresses": "127.0.0.1",
            "port": str(port),
            "ssl": "on",
            "ssl_cert_file": str(place / "server.pem"),
            "ssl_key_file": str(place / "server.key"),
            "hba_file": str(place / "hba.conf"),
        }
        free.close()
        with start(place / "data", binaries.directory, durable=False, settings=settings, account=account):
            yield Secured(port, place / "ca.pem", place / "other.pem")


async def test_service_works_over_tls_with_a_certificate_that_it_checks(secured: Secured) -> None:
    dsn = secured.url("verify-full")
    in_a_thread(lambda: migrate(dsn))
    async with running_app(dsn) as app:
        workspace = await create_workspace(app, "secured")
        async with workspace.client:
            await workspace.assign(external_id="a")
            encrypted = (
                "SELECT bool_and(ssl) FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) WHERE usename <> ''"
            )
            assert await workspace.pool.fetchval(encrypted) is True


@pytest.mark.parametrize(
    ("mode", "host", "authority", "connects"),
    [
        ("verify-full", NAME, "authority", True),
        ("verify-full", NAME, "other", False),
        ("verify-full", "127.0.0.1", "authority", False),
        ("verify-ca", "127.0.0.1", "authority", True),
        ("verify-ca", "127.0.0.1", "other", False),
        ("require", NAME, "authority", True),
        ("disable", NAME, "authority", False),
    ],
)
async def test_certificate_is_checked_as_the_mode_says(
    secured: Secured, mode: str, host: str, authority: str, connects: bool
) -> None:
    url = secured.url(mode, host=host, authority=getattr(secured, authority))
    if connects:
        connection = await connect_to(url)
        assert await connection.fetchval("SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()") is True
        await connection.close()
    else:
        with pytest.raises(Exception, match=r"(?i)certificate|pg_hba|hostname"):
            await connect_to(url)


def test_command_says_that_the_certificate_does_not_fit(secured: Secured, tmp_path: Path) -> None:
    url = secured.url("verify-full", authority=secured.other)
    said = Shell(tmp_path, DATABASE_URL=url).refuses("migrate")
    assert said == "Cannot reach the database (SSLCertVerificationError).\n"
