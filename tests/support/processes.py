"""Real service processes: started, killed, stopped and woken, each on a socket that outlives it."""

import os
import signal
import socket
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.support.forks import ROOT, Forked, fork

PATIENCE = 120.0  # seconds until a process that does not do what it should fails the test


class Service:
    """One process of the service. Its port stays the same over restarts, its log grows."""

    def __init__(self, dsn: str, path: Path | None = None, **settings: str) -> None:
        self._listening = socket.create_server(("127.0.0.1", 0), backlog=256)
        settings = {"request_timeout_seconds": "30", **settings}  # a busy machine times out no request
        self._environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("LEAD_ASSIGNMENT")},
            **{f"LEAD_ASSIGNMENT_{name.upper()}": value for name, value in settings.items()},
            "DATABASE_URL": dsn,
            "PYTHONPATH": os.pathsep.join(map(str, filter(None, (ROOT, path)))),
        }
        self._log = tempfile.TemporaryFile("w+b")  # noqa: SIM115 - closed in __exit__
        self._process: Forked | None = None

    @property
    def url(self) -> str:
        """Where it answers."""
        return f"http://127.0.0.1:{self._listening.getsockname()[1]}"

    @property
    def running(self) -> Forked:
        """The process as it runs now."""
        assert self._process is not None
        return self._process

    def start(self) -> None:
        """Start it. Early connections wait in the socket's backlog."""
        log = self._log.fileno()
        with Path(os.devnull).open("rb") as nothing:
            self._process = fork(
                "tests.support.serving:main",
                (),
                environment=self._environment,
                directory=ROOT,
                streams=[nothing.fileno(), log, log, self._listening.fileno()],
            )

    def kill(self) -> None:
        """Kill it."""
        self.running.send_signal(signal.SIGKILL)
        self.running.wait(PATIENCE)

    def pause(self) -> None:
        """Stop it at any moment, and wait until it is stopped."""
        self.running.send_signal(signal.SIGSTOP)
        until = time.monotonic() + PATIENCE
        while _state_of(self.running.pid) != "T":
            assert time.monotonic() < until
            time.sleep(0.001)

    def wake(self) -> None:
        """Resume it."""
        self.running.send_signal(signal.SIGCONT)

    def log(self) -> str:
        """Its output, including that before restarts."""
        self._log.seek(0)
        return self._log.read().decode()

    @property
    def logged_errors(self) -> bool:
        """Whether it logged an error."""
        return any(word in self.log() for word in ('"level":"error"', "Traceback"))

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(signal.SIGCONT)
            self.kill()
        self._listening.close()
        if error is not None:
            sys.stderr.write(self.log()[-8000:])
        self._log.close()


@contextmanager
def services(dsn: str, count: int, path: Path | None = None, **settings: str) -> Iterator[list[Service]]:
    """Start this many processes on one database. They also find the packages under `path`."""
    with ExitStack() as stack:
        yield [stack.enter_context(Service(dsn, path, **settings)) for _ in range(count)]


def _state_of(pid: int) -> str:
    return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
