"""Real databases for tests: a throwaway cluster for each version found, a migrated clone for each test."""

import asyncio
import itertools
import os
import shutil
import tempfile
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Thread
from typing import Any

import asyncpg
import pytest

from app.store.connection.migrate import migrate
from devtools.embedded_postgres import Binaries, Server, find_binaries, start

TEMPLATE = "migrated"
CLONE = "clone"
"""What a clone is called where no other lives: the templates name that database as the one that acts."""
ACTS = "UPDATE installation SET database_name = "
IN_MEMORY = Path("/dev/shm")
ROOM_IN_MEMORY = 4 * 2**30  # bytes that must be free there


def newest_first() -> dict[int, Binaries]:
    """For each version found, the preferred binaries; the newest version first."""
    preferred: dict[int, Binaries] = {}
    for binaries in find_binaries():
        preferred.setdefault(binaries.major, binaries)
    return dict(sorted(preferred.items(), reverse=True))


FOUND = newest_first()
NEWEST_AND_LONG = [
    pytest.param(major, marks=() if number == 0 else pytest.mark.long) for number, major in enumerate(FOUND)
]
"""The versions for storms: on the older ones they take part in the long run only."""


class Administrator:
    """A connection to a server that stays open, for what is done before and after each test.

    To connect takes as long as to drop a database.
    """

    def __init__(self, dsn: str) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._connection: asyncpg.Connection = self._wait(asyncpg.connect(dsn))

    def execute(self, statement: str, dsn: str | None = None) -> None:
        """Run one statement, with a `dsn` in that database."""
        self._wait(self._connection.execute(statement) if dsn is None else _execute(dsn, statement))

    def close(self) -> None:
        """Close the connection."""
        with suppress(OSError, asyncpg.PostgresError):
            self._wait(self._connection.close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _wait(self, coroutine: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result()


class Clusters:
    """The running servers, each started with its migrated template when it is first asked for."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._servers: dict[int, Server] = {}
        self._administrators: dict[int, Administrator] = {}
        self._numbers = itertools.count(1)
        self._living: set[int] = set()

    def server(self, major: int) -> Server:
        """The server of a version. Its cluster is not durable, and is deleted after the run."""
        if major not in self._servers:
            server = start(self._directory / str(major), FOUND[major].directory, durable=False)
            try:
                execute(server.dsn, f"DROP DATABASE IF EXISTS {TEMPLATE}")  # left by a migration that failed
                execute(server.dsn, f"CREATE DATABASE {TEMPLATE}")
                in_a_thread(lambda: migrate(server.database_dsn(TEMPLATE)))
                execute(server.database_dsn(TEMPLATE), f"{ACTS}'{CLONE}'")
            except BaseException:
                server.stop()
                raise
            self._servers[major] = server
        return self._servers[major]

    def prepare(self, major: int, template: str, fill: Callable[[str], None]) -> None:
        """Make one more database to clone: a migrated one that `fill` gets the address of."""
        server = self.server(major)
        execute(server.dsn, f"CREATE DATABASE {template} TEMPLATE {TEMPLATE} STRATEGY file_copy")
        execute(server.database_dsn(template), f"{ACTS}current_database()")
        fill(server.database_dsn(template))
        execute(server.database_dsn(template), f"{ACTS}'{CLONE}'")

    @contextmanager
    def clone(self, major: int, template: str = TEMPLATE) -> Iterator[str]:
        """A migrated database of its own on a version's server, dropped afterwards: its address."""
        server, administrator = self.server(major), self._administrator(major)
        only = major not in self._living
        name = CLONE if only else f"{CLONE}_{next(self._numbers)}"
        dsn = server.database_dsn(name)
        administrator.execute(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY file_copy")
        if only:
            self._living.add(major)
        else:
            administrator.execute(f"{ACTS}current_database()", dsn)
        yield dsn
        administrator.execute(f"DROP DATABASE {name} WITH (FORCE)")
        if only:
            self._living.discard(major)

    def _administrator(self, major: int) -> Administrator:
        if major not in self._administrators:
            self._administrators[major] = Administrator(self.server(major).dsn)
        return self._administrators[major]

    def stop(self) -> None:
        """End all servers."""
        for administrator in self._administrators.values():
            administrator.close()
        for server in self._servers.values():
            server.stop()


def quick_place() -> Path | None:
    """Where a clone is made of files fastest: in memory, if there is much of it; None for the usual place."""
    if not (IN_MEMORY.is_dir() and os.access(IN_MEMORY, os.W_OK)):
        return None
    free = min(shutil.disk_usage(IN_MEMORY).free, available_memory())
    return IN_MEMORY if free > ROOM_IN_MEMORY else None


def available_memory() -> int:
    """Bytes of memory that are not in use; a file system in memory may promise more than there is."""
    with suppress(OSError):
        for line in Path("/proc/meminfo").read_text().splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
    return 0


def in_a_thread(work: Callable[[], object]) -> None:
    """Do work that runs an event loop of its own, away from the loop of the tests."""
    with ThreadPoolExecutor(1) as thread:
        thread.submit(work).result()


def execute(dsn: str, statement: str) -> None:
    """Run one statement on a connection of its own."""

    in_a_thread(lambda: asyncio.run(_execute(dsn, statement)))


async def _execute(dsn: str, statement: str) -> None:
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let a run choose the version of `database`."""
    parser.addoption("--postgres", type=int, choices=list(FOUND), default=next(iter(FOUND), None))


@pytest.fixture(scope="session")
def clusters() -> Iterator[Clusters]:
    """The servers of this run; for tests that need one whole, or several databases."""
    with tempfile.TemporaryDirectory(prefix="lead-assignment-tests-", dir=quick_place()) as directory:
        Path(directory).chmod(0o711)  # where root runs Postgres as another user, that one must get through
        clusters = Clusters(Path(directory))
        try:
            yield clusters
        finally:
            clusters.stop()


@pytest.fixture
def database(clusters: Clusters, pytestconfig: pytest.Config) -> Iterator[str]:
    """Address of a migrated, empty database of the newest Postgres found, or of that named by --postgres."""
    with clusters.clone(pytestconfig.getoption("--postgres")) as dsn:
        yield dsn


@pytest.fixture(params=FOUND, ids="postgres{}".format)
def any_postgres_database(clusters: Clusters, request: pytest.FixtureRequest) -> Iterator[str]:
    """Like `database`, but the test runs on each version found."""
    with clusters.clone(request.param) as dsn:
        yield dsn
