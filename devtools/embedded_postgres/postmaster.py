"""Which process, if any, serves a data directory: read from postmaster.pid and doubted."""

import os
import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

from devtools.embedded_postgres.failures import PostgresUnavailable

POLL = 0.02  # seconds between two looks
STOP_PATIENCE = 20.0  # seconds for each way of stopping
PID_FILE = "postmaster.pid"
SOCKET_LINE, STATUS_LINE = 4, 7  # of that file, counted from 0


@dataclass(frozen=True)
class Postmaster:
    """A live postmaster of a data directory; `ready` when it accepts connections on the socket."""

    pid: int
    socket_dir: Path
    ready: bool


def find_postmaster(cluster: Path) -> Postmaster | None:
    """The live postmaster of this data directory, None also where the file names a zombie or a stranger."""
    lines = _pid_file_lines(cluster)
    if not lines or not _serves(int(lines[0]), cluster):
        return None
    lines += [""] * (STATUS_LINE + 1 - len(lines))  # it is written line by line while the server starts
    return Postmaster(int(lines[0]), Path(lines[SOCKET_LINE]), lines[STATUS_LINE].strip() == "ready")


def end_postmaster(cluster: Path) -> None:
    """End whatever still serves this data directory, ever more roughly, and forget it.

    Raises PostgresUnavailable if it belongs to another user.
    """
    for how in (signal.SIGINT, signal.SIGQUIT, signal.SIGKILL):
        running = find_postmaster(cluster)
        if running is None:
            break
        try:
            os.kill(running.pid, how)
        except ProcessLookupError:
            break
        except PermissionError as error:
            raise PostgresUnavailable(
                f"{cluster} is served by process {running.pid} of another user"
            ) from error
        _wait_until_gone(cluster)
    _forget_stranger(cluster)


def _wait_until_gone(cluster: Path) -> None:
    deadline = time.monotonic() + STOP_PATIENCE
    while find_postmaster(cluster) is not None and time.monotonic() < deadline:
        time.sleep(POLL)


def _forget_stranger(cluster: Path) -> None:
    """Remove a postmaster.pid whose number is a zombie's or a stranger's: Postgres takes it for a server.

    One that names no process at all is left to Postgres, which learns from it whether memory is still shared.
    """
    lines = _pid_file_lines(cluster)
    if lines and _look_at(int(lines[0])) is not None and find_postmaster(cluster) is None:
        (cluster / PID_FILE).unlink(missing_ok=True)


def _pid_file_lines(cluster: Path) -> list[str]:
    """The lines of postmaster.pid, none if it is absent or does not begin with a number."""
    try:
        lines = (cluster / PID_FILE).read_text().splitlines()
    except OSError:
        return []
    return lines if lines and lines[0].strip().isdecimal() else []


def _serves(pid: int, cluster: Path) -> bool:
    looked = _look_at(pid)
    return looked is not None and looked[0] not in "ZX" and f" -D {cluster} " in f"{looked[1]} "


def _look_at(pid: int) -> tuple[str, str] | None:
    """State letter and command line of a process, None if there is none."""
    if not Path("/proc/self/stat").exists():
        command = ["ps", "-o", "stat=,command=", "-p", str(pid)]
        shown = subprocess.run(command, capture_output=True, text=True, check=False)
        state, _, arguments = shown.stdout.strip().partition(" ")
        return (state[0], arguments) if state else None
    try:
        # The second field is the program's name in brackets, which may itself hold brackets and blanks.
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2][:1]
        return state, Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace").replace("\0", " ")
    except OSError:
        return None
