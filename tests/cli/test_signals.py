"""A signal ends a server with code 0 whenever it comes during the start, and nobody sees a traceback."""

import signal
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryFile

import orjson
import pytest

from tests.support.processes import PATIENCE
from tests.support.shell import Process, Shell

HEAVY = {"asyncpg", "fastapi", "pydantic", "sqlalchemy", "structlog", "typer"}
SIGTERM_BIT = 1 << (signal.SIGTERM - 1)
POLL_SECONDS = 0.001


def catches(process: Process) -> bool:
    """Whether the process has a handler for SIGTERM. It comes last."""
    status = Path(f"/proc/{process.pid}/status").read_text()
    (mask,) = (line.split()[1] for line in status.splitlines() if line.startswith("SigCgt"))
    return bool(int(mask, 16) & SIGTERM_BIT)


def end(shell: Shell, number: int, seconds: float, *words: str, early: bool = False) -> None:
    """Start a server and send it a signal after some seconds: `early` from its first moment, else from the
    moment it handles signals.
    """
    with TemporaryFile() as output:
        process = shell.starting(words, output)
        while not early and not catches(process):
            time.sleep(POLL_SECONDS)
        time.sleep(seconds)
        caught = catches(process)
        process.send_signal(number)
        try:
            code = process.wait(PATIENCE)
        finally:
            process.send_signal(signal.SIGKILL)
        output.seek(0)
        lines = output.read().decode().splitlines()
    if caught:
        assert code == 0, (seconds, lines)
        assert all(orjson.loads(line)["level"] == "info" for line in lines if line.startswith("{")), lines
        assert not any("Traceback" in line for line in lines), (seconds, lines)
    else:
        assert early, "what comes before the program's first line is Python's own"


@pytest.fixture
def ready(shell: Shell) -> Shell:
    """A database with the workspace that development looks for."""
    shell.says("workspaces", "create", "example")
    return shell


MOMENTS = (0.0, 0.1, 0.3, 0.6)
SERVE = ("serve", "--port", "0", "--metrics-port", "0")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("words", [SERVE, ("worker", "--metrics-port", "0")], ids=["serve", "worker"])
def test_signal_during_the_start_ends_a_server_with_zero(
    ready: Shell, words: tuple[str, ...], number: int
) -> None:
    for seconds in MOMENTS:
        end(ready, number, seconds, *words)


def test_signals_are_handled_before_anything_that_takes_long_is_imported() -> None:
    source = "import sys, lead_assignment.__main__; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", source], capture_output=True, text=True, check=True)
    assert not HEAVY & set(done.stdout.split())


def test_control_c_during_imports_ends_a_command_without_a_traceback() -> None:
    source = """if True:
        import importlib.abc, os, signal, sys

        class Interrupted(importlib.abc.MetaPathFinder):
            def find_spec(self, name, path, target=None):
                if name == "app.cli":
                    os.kill(os.getpid(), signal.SIGINT)

        signal.signal(signal.SIGINT, signal.default_int_handler)
        sys.meta_path.insert(0, Interrupted())
        from lead_assignment.__main__ import main

        main()
    """
    done = subprocess.run([sys.executable, "-c", source, "verify"], capture_output=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (-signal.SIGINT, b"", b"")


def test_signal_after_the_start_ends_it_with_its_last_lines(ready: Shell) -> None:
    rest: list[str] = []
    with ready.serving("--port", "0", rest=rest) as (process, _):
        pass
    assert process.returncode == 0
    assert orjson.loads(rest[-1])["event"] == "stopped"


@pytest.mark.long
def test_signal_at_any_moment_of_the_whole_program(ready: Shell) -> None:
    whole = Shell(ready.directory, installed=True, **ready.variables)
    for step in range(51):
        number = (signal.SIGTERM, signal.SIGINT)[step % 2]
        end(whole, number, step * 0.04, *SERVE, early=True)
        end(whole, number, step * 0.04, "worker", early=True)


@pytest.mark.long
def test_signal_while_the_database_of_development_is_made(tmp_path: Path) -> None:
    shell = Shell(tmp_path)
    for step in range(12):
        end(shell, signal.SIGTERM, step * 0.4, "serve", "--dev", "--port", "0")
    with shell.serving("--dev", "--port", "0") as (process, line):
        assert "curl" in line
    assert process.returncode == 0
