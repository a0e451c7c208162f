"""The command line as somebody uses it: processes with an environment and a directory of their own."""

import os
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryFile
from threading import Thread
from typing import IO

from tests.support.forks import Forked, fork
from tests.support.processes import PATIENCE

COMMAND = str(Path(sys.executable).with_name("lead-assignment"))
Process = subprocess.Popen[bytes] | Forked
TYPED = r"""
lead-assignment() {{
  printf '%s\0' "$BASHPID" "$PWD" "$@" > {asked}
  local code
  read -r -u 9 code 9< {told}
  return "$code"
}}
"""


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

    def run(self, *words: str, given: str = "", **variables: str) -> subprocess.CompletedProcess[str]:
        """Run a command to its end. `given` is its standard input."""
        with TemporaryFile() as sent, TemporaryFile() as output, TemporaryFile() as errors:
            sent.write(given.encode())
            sent.seek(0)
            process = self._start(words, variables, sent, output, errors)
            try:
                code = process.wait(PATIENCE)
            finally:
                process.send_signal(signal.SIGKILL)
            return subprocess.CompletedProcess(words, code, _read(output), _read(errors))

    def says(self, *words: str, given: str = "") -> str:
        """The output of a command that must succeed."""
        done = self.run(*words, given=given)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def refuses(self, *words: str, given: str = "", **variables: str) -> str:
        """The error output of a command that must fail."""
        done = self.run(*words, given=given, **variables)
        assert done.returncode == 1, done.stdout + done.stderr
        assert "Traceback" not in done.stderr
        return done.stderr

    @contextmanager
    def serving(
        self, *words: str, command: str = "serve", rest: list[str] | None = None, **variables: str
    ) -> Iterator[tuple[Process, str]]:
        """A server, and the first line that it prints. SIGTERM ends it. Then `rest` has its other lines.

        `command` is `serve`, or `worker`.
        """
        reading, writing = os.pipe()
        with os.fdopen(reading, encoding="utf-8") as output:
            with os.fdopen(writing, "wb") as end, Path(os.devnull).open("rb") as nothing:
                process = self._start((command, *words), variables, nothing, end, end)
            try:
                yield process, output.readline()
            finally:
                process.send_signal(signal.SIGTERM)
                process.wait(PATIENCE)
                lines = output.readlines()
                sys.stdout.writelines(lines)  # shown where the test fails
                if rest is not None:
                    rest += lines

    @contextmanager
    def typed(self) -> Iterator[str]:
        """A function of bash that stands for the program, and runs a forked process for each command."""
        asked, told = self.directory / "asked", self.directory / "told"
        for each in (asked, told):
            os.mkfifo(each)
        thread = Thread(target=self._run_typed, args=(asked, told))
        thread.start()
        try:
            yield TYPED.format(asked=shlex.quote(str(asked)), told=shlex.quote(str(told)))
        finally:
            asked.write_bytes(b"")  # nobody types any more
            thread.join()

    def _run_typed(self, asked: Path, told: Path) -> None:
        while request := asked.read_bytes():
            pid, directory, *words = request.decode().split("\0")[:-1]
            code = 1
            try:
                there = Shell(Path(directory))
                there.variables = self.variables
                with (
                    Path(os.devnull).open("rb") as nothing,
                    Path(f"/proc/{pid}/fd/1").open("wb") as output,
                    Path(f"/proc/{pid}/fd/2").open("wb") as errors,
                ):
                    code = there._start(tuple(words), {}, nothing, output, errors).wait(PATIENCE)
            finally:
                told.write_text(f"{code}\n")

    def starting(self, words: tuple[str, ...], output: IO[bytes]) -> Process:
        """A command that has just been started. The caller ends it."""
        with Path(os.devnull).open("rb") as nothing:
            return self._start(words, {}, nothing, output, output)

    def _start(
        self,
        words: tuple[str, ...],
        variables: dict[str, str],
        given: IO[bytes],
        output: IO[bytes],
        errors: IO[bytes],
    ) -> Process:
        own = environment(**self.variables | variables)
        if self._installed:
            return subprocess.Popen(
                [COMMAND, *words], cwd=self.directory, env=own, stdin=given, stdout=output, stderr=errors
            )
        return fork(
            "lead_assignment.__main__:main",
            words,
            environment=own,
            directory=self.directory,
            streams=[given.fileno(), output.fileno(), errors.fileno()],
        )


def _read(stream: IO[bytes]) -> str:
    stream.seek(0)
    return stream.read().decode()
