"""Finds the process that serves a data directory. postmaster.pid names it, and the process is checked."""

import os
import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

from devtools.embedded_postgres.binaries import PostgresUnavailable

POLL_SECONDS = 0.02
STOP_SECONDS = 20.0  # for each signal
PID_FILE = "postmaster.pid"
SOCKET_LINE, STATUS_LINE = 4, 7  # of that file, from 0


@dataclass(frozen=True)
class Postmaster:
    """A live postmaster of a data directory. `ready` if it accepts connections on the socket."""

    pid: int
    socket_dir: Path
    ready: bool


def find_postmaster(cluster: Path) -> Postmaster | None:
    """The live postmaster of this data directory. None if the file names a zombie or another program."""
    lines = _pid_file_lines(cluster)
    if not lines or not _serves(int(lines[0]), cluster):
        return None
    lines += [""] * (STATUS_LINE + 1 - len(lines))  # the server writes it line by line as it starts
    return Postmaster(int(lines[0]), Path(lines[SOCKET_LINE]), lines[STATUS_LINE].strip() == "ready")


def end_postmaster(cluster: Path) -> None:
    """End any postmaster of this data directory with increasingly severe signals.

    Raises PostgresUnavailable if it belongs to another user.
    """
    for signal_ in (signal.SIGINT, signal.SIGQUIT, signal.SIGKILL):
        running = find_postmaster(cluster)
        if running is None:
            break
        try:
            os.kill(running.pid, signal_)
        except ProcessLookupError:
            break
        except PermissionError as error:
            raise PostgresUnavailable(
                f"{cluster} is served by process {running.pid} of another user."
            ) from error
        _wait_until_gone(cluster)
    _remove_stale_pid_file(cluster)


def _wait_until_gone(cluster: Path) -> None:
    deadline = time.monotonic() + STOP_SECONDS
    while find_postmaster(cluster) is not None and time.monotonic() < deadline:
        time.sleep(POLL_SECONDS)


def _remove_stale_pid_file(cluster: Path) -> None:
    """Remove a postmaster.pid that names a zombie or another program, which Postgres takes for a server.

    A file that names no process is left to Postgres, which uses it to find shared memory still in use.
    """
    lines = _pid_file_lines(cluster)
    if lines and _inspect(int(lines[0])) is not None and find_postmaster(cluster) is None:
        (cluster / PID_FILE).unlink(missing_ok=True)


def _pid_file_lines(cluster: Path) -> list[str]:
    """The lines of postmaster.pid. Empty if it is absent or does not begin with a number."""
    try:
        lines = (cluster / PID_FILE).read_text().splitlines()
    except OSError:
        return []
    return lines if lines and lines[0].strip().isdecimal() else []


def _serves(pid: int, cluster: Path) -> bool:
    process = _inspect(pid)
    return process is not None and process[0] not in "ZX" and f" -D {cluster} " in f"{process[1]} "


def _inspect(pid: int) -> tuple[str, str] | None:
    """The state letter and the command line of a process, or None if there is no such process."""
    if not Path("/proc/self/stat").exists():
        command = ["ps", "-o", "stat=,command=", "-p", str(pid)]
        shown = subprocess.run(command, capture_output=True, text=True, check=False)
        state, _, arguments = shown.stdout.strip().partition(" ")
        return (state[0], arguments) if state else None
    try:
        # The second field is the program's name in brackets, which can hold brackets and spaces.
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2][:1]
        return state, Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace").replace("\0", " ")
    except OSError:
        return None
