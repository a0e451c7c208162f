"""The processes that are measured: the service on its own Postgres, and the endpoint that does nothing."""

import asyncio
import os
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg
import httpx2

from app.store.connection.migrate import migrate
from devtools.embedded_postgres import start

COMMAND = [str(Path(sys.executable).with_name("lead-assignment"))]
SCOPES = "assign,leads:read,events,directory:write,plan:write,plan:approve,ops"
RATE = "1000000/s"
"""A rate that no measurement reaches. It is counted like any other."""


@dataclass(frozen=True, slots=True)
class Service:
    """A running service and its database. Each measurement creates its own workspace."""

    dsn: str
    port: int
    pid: int

    def workspace(self, name: str) -> str:
        """Create a workspace. Returns an API key for it."""
        self._command("workspaces", "create", name)
        self._command("workspaces", "set-rate", name, RATE)
        return self._command("keys", "create", name, "--scopes", SCOPES, "--rate", RATE).splitlines()[-1]

    def endpoint(self, workspace: str, kind: str, secret: str | None = None) -> str:
        """Create an endpoint for webhooks or forms. Returns its path."""
        create = ("endpoints", "create", kind, "--workspace", workspace)
        if secret is None:
            return self._command(*create, "--no-secret")
        return self._command(*create, input_=f"{secret}\n")

    def _command(self, *arguments: str, input_: str | None = None) -> str:
        """What a command of the product prints."""
        made = subprocess.run(
            [*COMMAND, *arguments],
            env=_environment(self.dsn),
            check=True,
            capture_output=True,
            text=True,
            input=input_,
        )
        return made.stdout.strip()

    def send(self, key: str, method: str, path: str, body: Any) -> Any:
        """Send a request that prepares a measurement. Raises httpx2.HTTPStatusError when it fails."""
        with httpx2.Client(base_url=f"http://127.0.0.1:{self.port}", timeout=120) as client:
            answer = client.request(method, path, json=body, headers={"Authorization": f"Bearer {key}"})
            answer.raise_for_status()
            return answer.json()

    def fetch(self, key: str, path: str) -> str:
        """What a GET answers, as text."""
        with httpx2.Client(base_url=f"http://127.0.0.1:{self.port}", timeout=120) as client:
            answer = client.get(path, headers={"Authorization": f"Bearer {key}"})
            answer.raise_for_status()
            return answer.text

    def memory(self) -> float:
        """The resident memory of the service, in megabytes."""
        for line in Path(f"/proc/{self.pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) / 1024
        return 0.0

    async def connect(self) -> asyncpg.Connection:
        """A connection as the owner of the tables."""
        return await asyncpg.connect(self.dsn)


@contextmanager
def service(request_seconds: float = 30) -> Iterator[Service]:
    """Run the service in its own process, on a Postgres with durable commits."""
    with tempfile.TemporaryDirectory(prefix="bench-") as directory, start(Path(directory) / "data") as server:
        migrate(server.dsn)
        with _process([*COMMAND, "serve"], _environment(server.dsn, request_seconds)) as (port, pid):
            yield Service(server.dsn, port, pid)


@contextmanager
def bare() -> Iterator[int]:
    """Run the endpoint that does nothing in its own process. Yields its port."""
    with _process([sys.executable, "-m", "bench.bare"], dict(os.environ)) as (port, _):
        yield port


def _environment(dsn: str, request_seconds: float = 30) -> dict[str, str]:
    seconds = {"LEAD_ASSIGNMENT_REQUEST_TIMEOUT_SECONDS": f"{request_seconds:g}"}
    return {**os.environ, "DATABASE_URL": dsn, **seconds}


@contextmanager
def _process(command: list[str], environment: dict[str, str]) -> Iterator[tuple[int, int]]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = {**environment, "PORT": str(port)}
    process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL)
    try:
        asyncio.run(_wait_until_ready(port, process))
        yield port, process.pid
    finally:
        process.terminate()
        process.wait(30)


async def _wait_until_ready(port: int, process: subprocess.Popen[bytes]) -> None:
    """Wait until the port accepts connections. Raises RuntimeError when the process ends first."""
    while process.poll() is None:
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            await asyncio.sleep(0.1)
        else:
            writer.close()
            return
    raise RuntimeError(f"the process under measurement ended with {process.returncode}")
