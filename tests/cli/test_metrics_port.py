"""The port for metrics without a key, of `serve` and of `worker`."""

import socket
import urllib.error
import urllib.request

import orjson
import pytest

from tests.support.processes import PATIENCE
from tests.support.shell import Shell


def read(port: int, path: str = "/metrics") -> str:
    """The metrics of a process."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=PATIENCE) as answer:
        return str(answer.read().decode())


def test_serve_shows_metrics_of_the_process_on_a_port_of_its_own(shell: Shell) -> None:
    shell.says("workspaces", "create", "example")
    with shell.serving("--port", "0", "--metrics-port", "0") as (process, line):
        told = orjson.loads(line)
        assert (told["event"], told["host"]) == ("metrics listening", "127.0.0.1")
        shown = read(told["port"])
        for path in ("/metrics/", "/metrics/sla", "/"):
            with pytest.raises(urllib.error.HTTPError, match="404"):
                read(told["port"], path)
    assert process.returncode == 0
    assert "process_open_fds" in shown
    assert "lead_assignment_leads{" not in shown


def test_port_that_is_taken_is_told_in_a_sentence(shell: Shell) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        for command in ("serve", "worker"):
            assert "port for metrics" in shell.refuses(command, "--metrics-port", port)
        shell.says("migrate")
        assert f"Cannot listen on port {port} of 127.0.0.1." in shell.refuses("serve", "--port", port)
