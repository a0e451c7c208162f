"""The command line as somebody uses it: processes with an environment and a directory of their own."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO

from tests.support.forks import Forked, fork
from tests.support.processes import PATIENCE

COMMAND = str(Path(sys.executable).with_name("lead-assignment"))
Process = subprocess.Popen[bytes] | Forked


def environment(**variables: str) -> dict[str, str]:
    """The environment of this process without our settings, and with these variables."""
    ours = ("LEAD_ASSIGNMENT_", "DATABASE_URL", "MIGRATION_DATABASE_URL", "HOST", "PORT")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    if binaries := os.environ.get("LEAD_ASSIGNMENT_POSTGRES_BIN_DIR"):
        kept["LEAD_ASSIGNMENT_POSTGRES_BIN_DIR"] = binaries
    return kept | variables


class Shell:
    """Runs commands in a directory with these variables.

    `installed` starts the program that the package installs, which takes longer than a forked process.
    """

    def __init__(self, directory: Path, *, installed: bool = False, **variables: str) -> None:
        self.directory, self.variables, self._installed = directory, variables, installed

    def run(self, *words: str, **variables: str) -> subprocess.CompletedProcess[str]:
        """Run a command to its end."""
        with TemporaryFile() as output, TemporaryFile() as errors:
            process = self._start(words, variables, output, errors)
            try:
                code = process.wait(PATIENCE)
            finally:
                process.send_signal(signal.SIGKILL)
            return subprocess.CompletedProcess(words, code, _read(output), _read(errors))

    def says(self, *words: str) -> str:
        """The output of a command that must succeed."""
        done = self.run(*words)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def refuses(self, *words: str, **variables: str) -> str:
        """The error output of a command that must fail."""
        done = self.run(*words, **variables)
        assert done.returncode == 1, done.stdout + done.stderr
        assert "Traceback" not in done.stderr
        return done.stderr

    @contextmanager
    def serving(self, *words: str, **variables: str) -> Iterator[tuple[Process, str]]:
        """A server, and the first line that it prints. SIGTERM ends it."""
        reading, writing = os.pipe()
        with os.fdopen(reading, encoding="utf-8") as output:
            with os.fdopen(writing, "wb") as end:
                process = self._start(("serve", *words), variables, end, end)
            try:
                yield process, output.readline()
            finally:
                process.send_signal(signal.SIGTERM)
                process.wait(PATIENCE)

    def _start(
        self, words: tuple[str, ...], variables: dict[str, str], output: IO[bytes], errors: IO[bytes]
    ) -> Process:
        own = environment(**self.variables | variables)
        with Path(os.devnull).open("rb") as nothing:
            if self._installed:
                return subprocess.Popen(
                    [COMMAND, *words],
                    cwd=self.directory,
                    env=own,
                    stdin=nothing,
                    stdout=output,
                    stderr=errors,
                )
            return fork(
                "lead_assignment.__main__:main",
                words,
                environment=own,
                directory=self.directory,
                streams=[nothing.fileno(), output.fileno(), errors.fileno()],
            )


def _read(stream: IO[bytes]) -> str:
    stream.seek(0)
    return stream.read().decode()
