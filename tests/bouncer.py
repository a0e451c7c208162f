"""A PgBouncer of our own between the service and Postgres."""

import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from devtools.embedded_postgres import Server
from devtools.embedded_postgres.account import choose_account

PATIENCE = 30.0
CONFIGURATION = """
[databases]
* = host={host} port=5432 user=postgres
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = any
pool_mode = transaction
default_pool_size = 4
logfile = {directory}/log
"""


@contextmanager
def bouncer(program: str, server: Server) -> Iterator[str]:
    """Start it in transaction mode; yields its address, without a database. Four connections serve all."""
    account = choose_account(server.data_dir / "pg")  # like Postgres it refuses to be root
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="lead-assignment-bouncer-") as name:
        directory = Path(name)
        file = directory / "pgbouncer.ini"
        file.write_text(CONFIGURATION.format(host=server.socket_dir, port=port, directory=directory))
        for path in (directory, file):
            account.give(path)
        process = subprocess.Popen([*account.prefix, program, "-q", str(file)], **account.popen_arguments())
        try:
            wait_until_open(process, port)
            yield f"postgresql://postgres@127.0.0.1:{port}"
        finally:
            process.terminate()
            process.wait()


def free_port() -> int:
    """A port on which nobody listens at this moment."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def wait_until_open(process: subprocess.Popen[bytes], port: int) -> None:
    """Return when somebody listens."""
    until = time.monotonic() + PATIENCE
    while True:
        assert process.poll() is None
        assert time.monotonic() < until
        with socket.socket() as attempt:
            if attempt.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
