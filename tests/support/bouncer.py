"""Runs a PgBouncer between the service and Postgres."""

import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from devtools.embedded_postgres import Server
from devtools.embedded_postgres.account import choose_account

PATIENCE = 120.0
PORT = 6432  # only the name of its socket
SOCKET = f".s.PGSQL.{PORT}"
CONFIGURATION = """
[databases]
* = host={host} port=5432 user=postgres
[pgbouncer]
listen_addr =
unix_socket_dir = {directory}
auth_type = any
pool_mode = transaction
default_pool_size = 4
logfile = {directory}/log
"""


@contextmanager
def bouncer(program: str, server: Server) -> Iterator[str]:
    """Start it in transaction mode; yields the directory of its socket. Four connections serve all."""
    account = choose_account(server.data_dir / "pg")  # like Postgres it refuses to be root
    with tempfile.TemporaryDirectory(prefix="lead-assignment-bouncer-") as name:
        directory = Path(name)
        file = directory / "pgbouncer.ini"
        file.write_text(CONFIGURATION.format(host=server.socket_dir, directory=directory))
        for path in (directory, file):
            account.take_ownership(path)
        process = subprocess.Popen([*account.prefix, program, "-q", str(file)], **account.popen_arguments())
        try:
            wait_until_open(process, directory / SOCKET)
            yield name
        finally:
            process.terminate()
            process.wait()


def bounced(dsn: str, directory: str) -> str:
    """The address of the same database by way of the PgBouncer with its socket there."""
    return urlunsplit(urlsplit(dsn)._replace(query=f"host={directory}&port={PORT}"))


def wait_until_open(process: subprocess.Popen[bytes], path: Path) -> None:
    """Return when the port accepts connections."""
    until = time.monotonic() + PATIENCE
    while True:
        assert process.poll() is None
        assert time.monotonic() < until
        with socket.socket(socket.AF_UNIX) as attempt, suppress(OSError):
            attempt.connect(str(path))
            return
        time.sleep(0.05)
