"""Launches a postmaster, guards it, and ends it."""

import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from devtools.embedded_postgres.account import Account
from devtools.embedded_postgres.binaries import Binaries, PostgresUnavailable
from devtools.embedded_postgres.postmaster import POLL_SECONDS, STOP_SECONDS, find_postmaster

SHARED_MEMORY_IN_USE = "pre-existing shared memory block"
# Its input ends when the owner ends, even if killed. Then it stops the server.
GUARD = 'read -r _; kill -INT "$1"'
SETTINGS = {
    "listen_addresses": "",
    "port": "5432",
    "unix_socket_permissions": "0700",
    "max_connections": "200",
    "timezone": "UTC",
    "log_timezone": "UTC",
    # A failing statement and its values can hold personal data, which does not belong in a log.
    "log_min_error_statement": "panic",
    "log_error_verbosity": "terse",
}
NOT_DURABLE = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


def command_line(
    account: Account, binaries: Binaries, cluster: Path, socket_dir: Path, settings: Mapping[str, str]
) -> list[str]:
    """The command that serves a data directory on a socket. The given settings override ours."""
    options = {**SETTINGS, **settings, "unix_socket_directories": str(socket_dir)}
    command = [*account.prefix, str(binaries.postgres), "-D", str(cluster)]
    for name, value in options.items():
        command += ["-c", f"{name}={value}"]
    return command


@dataclass
class Launched:
    """A child process that is a postmaster, and the guard that ends it if this process dies."""

    process: subprocess.Popen[bytes]
    guard: subprocess.Popen[bytes]

    def end(self) -> None:
        """Stop the server with increasingly severe signals, and reap both processes."""
        for signal_ in (signal.SIGINT, signal.SIGQUIT, signal.SIGKILL):
            self.process.send_signal(signal_)
            try:
                self.process.wait(STOP_SECONDS)
                break
            except subprocess.TimeoutExpired:
                continue
        self.guard.kill()  # before its input ends, because the process id can be reused by then
        self.guard.communicate()


def launch(command: Sequence[str], account: Account, cluster: Path, log: Path, deadline: float) -> Launched:
    """Start the server and wait until it accepts connections. `deadline` is on the monotonic clock.

    Only one failure is retried: children of a killed server that have not ended yet.
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
        output = log.read_text(errors="replace")
        if SHARED_MEMORY_IN_USE not in output or time.monotonic() > deadline:
            raise PostgresUnavailable(f"Postgres did not start. {log} ends with:\n{output[-2000:]}")
        time.sleep(POLL_SECONDS)


def _spawn(command: Sequence[str], account: Account, log: Path) -> Launched:
    # In their own sessions, so that an interrupt from the terminal reaches only the owner, which stops them.
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
        time.sleep(POLL_SECONDS)
    return False
