"""How much code one `POST /assign` runs through: `python -m bench.path_of_assign`.

Runs the service in this process on a real database, warms it up, and profiles one call. Prints the functions
of `app/` that the call runs, by file, and the calls that move from one file to another. Tasks of the worker
that happen to run meanwhile do not count.
"""

import asyncio
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import accumulate
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

import orjson
from fastapi import FastAPI
from starlette.types import Message

import app as application
from app.directory.editing import edit_directory
from app.main import create_app
from app.plan_check.capabilities import Capabilities
from app.plans import versions
from app.registry import strategies
from app.settings import Settings
from app.store import workspaces
from app.store.connection.migrate import migrate
from app.store.connection.pool import open_pool
from bench import leads
from bench.scenarios import TEAM, plan
from devtools.embedded_postgres import start

ROOT = Path(application.__file__).parent
WARM_CALLS = 20


@dataclass(slots=True)
class CallPath:
    """The functions that ran, how often each was called, and the moves between files."""

    called: Counter[CodeType] = field(default_factory=Counter)
    moves: Counter[tuple[str, str]] = field(default_factory=Counter)

    def record(self, frame: FrameType, event: str, _argument: Any) -> None:
        """A profile function for `sys.setprofile`."""
        if event != "call" or _project_file(frame.f_code) is None:
            return
        files = [file for each in _stack(frame) if (file := _project_file(each.f_code)) is not None]
        if files[-1].startswith("worker/"):
            return
        self.called[frame.f_code] += 1
        if len(files) > 1 and files[0] != files[1]:
            self.moves[files[1], files[0]] += 1

    def report(self) -> str:
        """The files with what ran of them, and the totals."""
        ran: Counter[str] = Counter()
        calls: Counter[str] = Counter()
        for code, count in self.called.items():
            file = _project_file(code) or ""
            ran[file] += len({line for *_, line in code.co_lines() if line is not None})
            calls[file] += count
        whole = {file: len((ROOT / file).read_text().splitlines()) for file in ran}
        most = list(accumulate(lines for _, lines in ran.most_common()))
        half = 1 + sum(2 * lines < ran.total() for lines in most)
        between = sum(count for (a, b), count in self.moves.items() if Path(a).parent != Path(b).parent)
        return "\n".join(
            (
                "  lines  of them run  calls",
                *(f"{whole[file]:7} {ran[file]:12} {calls[file]:6}  app/{file}" for file in sorted(ran)),
                f"files: {len(ran)} with {sum(whole.values()):,} lines",
                f"functions: {len(self.called)} with {sum(ran.values()):,} lines of code,"
                f" called {self.called.total()} times; half of the lines are in {half} files",
                f"moves between files: {self.moves.total()}, of them between packages: {between}",
            )
        )


def _project_file(code: CodeType) -> str | None:
    path = Path(code.co_filename)
    return str(path.relative_to(ROOT)) if path.is_relative_to(ROOT) else None


def _stack(frame: FrameType | None) -> Iterator[FrameType]:
    """The frame, its caller, and so on."""
    while frame is not None:
        yield frame
        frame = frame.f_back


async def measure(dsn: str) -> CallPath:
    """Profile one warm call, in a workspace with a team of twenty."""
    path = CallPath()
    settings = Settings(
        database_url=dsn,
        development_workspace="path",
        worker_interval_seconds=3600,
        request_timeout_seconds=60,
    )
    app = create_app(settings)
    await prepare(dsn)
    async with app.router.lifespan_context(app):
        for _ in range(WARM_CALLS):
            await call(app)
        sys.setprofile(path.record)
        try:
            status = await call(app)
        finally:
            sys.setprofile(None)
    if status != 201:
        raise RuntimeError(f"the call was answered with {status}")
    return path


async def prepare(dsn: str) -> None:
    """A workspace like the one of the speed scenario."""
    async with await open_pool(dsn, size=2, pgbouncer=False) as pool:
        async with pool.acquire() as connection:
            workspace = await workspaces.create_workspace(connection, "path")
        async with edit_directory(pool, workspace.id, "bench") as edit:
            for number in range(TEAM):
                await edit.put("owners", f"rep-{number}", {"name": f"Rep {number}"}, None)
            members = [{"owner": f"rep-{number}"} for number in range(TEAM)]
            await edit.put("teams", "inbound", {"members": members}, None)
        text = orjson.dumps(plan(0))
        await versions.draft(pool, workspace.id, "bench", Capabilities(strategies()), text, "bench")
        await versions.activate(
            pool, workspace.id, "bench", Capabilities(strategies()), 1, "bench", "publish"
        )


async def call(app: FastAPI) -> int:
    """One `POST /assign` with a new lead. Returns the status of the response."""
    body, statuses = leads.one(), []
    scope = {
        "type": "http", "method": "POST", "path": "/assign", "raw_path": b"/assign", "query_string": b"",
        "http_version": "1.1", "scheme": "http", "root_path": "",
        "client": ("127.0.0.1", 1), "server": ("127.0.0.1", 8000),
        "headers": [(b"host", b"127.0.0.1:8000"), (b"authorization", b"Bearer dev-key"),
                    (b"content-type", b"application/json"),
                    (b"content-length", b"%d" % len(body))],
    }  # fmt: skip

    async def receive() -> Message:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Message) -> None:
        if message["type"] == "http.response.start":
            statuses.append(message["status"])

    await app(scope, receive, send)
    return int(statuses[0])


def main() -> None:
    """Measure on a database of its own, and print the report."""
    with tempfile.TemporaryDirectory(prefix="path-") as directory, start(Path(directory) / "data") as server:
        migrate(server.dsn)
        print(asyncio.run(measure(server.dsn)).report())


if __name__ == "__main__":
    main()
