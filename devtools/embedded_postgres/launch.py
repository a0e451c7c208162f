"""A postmaster of this process: launched, guarded, ended."""

import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from devtools.embedded_postgres.account import Account
from devtools.embedded_postgres.binaries import Binaries
from devtools.embedded_postgres.failures import PostgresUnavailable
from devtools.embedded_postgres.postmaster import POLL, STOP_PATIENCE, find_postmaster

SHARED_MEMORY_IN_USE = "pre-existing shared memory block"
# Its input ends when the owner does, however he ends; then it stops the server.
GUARD = 'read -r _; kill -INT "$1"'
SETTINGS = {
    "listen_addresses": "",
    "port": "5432",
    "unix_socket_permissions": "0700",
    "max_connections": "200",
    "timezone": "UTC",
    "log_timezone": "UTC",
    # A failing statement and its values may tell about a person: neither belongs in a log.
    "log_min_error_statement": "panic",
    "log_error_verbosity": "terse",
}
NOT_DURABLE = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


def command_line(
    account: Account, binaries: Binaries, cluster: Path, socket_dir: Path, settings: Mapping[str, str]
) -> list[str]:
    """The command that serves a data directory on a socket, with our settings under the given ones."""
    options = {**SETTINGS, **settings, "unix_socket_directories": str(socket_dir)}
    command = [*account.prefix, str(binaries.postgres), "-D", str(cluster)]
    for name, value in options.items():
        command += ["-c", f"{name}={value}"]
    return command


@dataclass
class Launched:
    """A postmaster that is a child of this process, and the guard that ends it if this process dies."""

    process: subprocess.Popen[bytes]
    guard: subprocess.Popen[bytes]

    def end(self) -> None:
        """Stop the server, ever more roughly, and reap both processes."""
        for how in (signal.SIGINT, signal.SIGQUIT, signal.SIGKILL):
            self.process.send_signal(how)
            try:
                self.process.wait(STOP_PATIENCE)
                break
            except subprocess.TimeoutExpired:
                continue
        self.guard.kill()  # before its input ends: by then the number may be another process's
        self.guard.communicate()


def launch(command: Sequence[str], account: Account, cluster: Path, log: Path, deadline: float) -> Launched:
    """Run the command until it accepts connections; `deadline` is on the monotonic clock.

    Only one failure is worth another try: children of a killed server that have not ended yet.
    """
    while True:
        launched = _spawn(command, account, log)
        try:
            if _becomes_ready(launched.process, cluster, deadline):
                return launched
        except BaseException:
            launched.end()
            raise
        launched.end()
        told = log.read_text(errors="replace")
        if SHARED_MEMORY_IN_USE not in told or time.monotonic() > deadline:
            raise PostgresUnavailable(f"Postgres did not start; {log} ends with:\n{told[-2000:]}")
        time.sleep(POLL)


def _spawn(command: Sequence[str], account: Account, log: Path) -> Launched:
    # Sessions of their own: an interrupt from the terminal is for the owner, who then stops them in order.
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, stdout=output, stderr=output, start_new_session=True, **account.popen_arguments()
        )
    guard = subprocess.Popen(
        ["/bin/sh", "-c", GUARD, "guard", str(process.pid)],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
        cwd="/",
    )
    return Launched(process, guard)


def _becomes_ready(process: subprocess.Popen[bytes], cluster: Path, deadline: float) -> bool:
    while process.poll() is None and time.monotonic() < deadline:
        running = find_postmaster(cluster)
        if running is not None and running.ready and running.pid == process.pid:
            return True
        time.sleep(POLL)
    return False
