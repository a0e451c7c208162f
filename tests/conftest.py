"""Fixtures for all tests: a database, and a workspace of a service that runs in this process."""

import asyncio
import gc
import os
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

from app.store.workspaces import delete_workspace
from tests.support.postgres import (
    Clusters,
    any_postgres_database,
    clusters,
    database,
    in_a_thread,
    pytest_addoption,
)
from tests.support.workspace import (
    Copies,
    Filled,
    Workspace,
    fill_with_workspace,
    open_filled,
    running_app,
)

__all__ = [
    "any_postgres_database",
    "clusters",
    "database",
    "pytest_addoption",
    "workspace",
    "workspace_with_worker",
]

# The same examples on each run, and none that a slow machine could fail: `--hypothesis-profile=search`
# looks for new ones.
settings.register_profile("search", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("same", settings.get_profile("search"), derandomize=True, database=None)
settings.load_profile("same")

WITH_WORKSPACE = "with_workspace"

# Where Python is told to keep no compiled sources, compiling takes most of a process's start.
if os.environ.pop("PYTHONDONTWRITEBYTECODE", None):
    os.environ["PYTHONPYCACHEPREFIX"] = str(Path(__file__).parents[1] / ".pytest_cache" / "bytecode")


# What is collected lives as long as the process. To look through it again and again takes seconds.
gc.disable()


@pytest.hookimpl(tryfirst=True)
def pytest_runtestloop() -> None:
    """Collect garbage from now on, but not among the tests."""
    gc.freeze()
    gc.enable()


LONGEST_VALUE_IN_AN_ID = 120


def pytest_make_parametrize_id(val: object) -> str | None:
    """Name a test with a huge value by how that begins: every process of a run holds and sends all names."""
    if not isinstance(val, str | bytes) or len(val) <= LONGEST_VALUE_IN_AN_ID:
        return None
    begin = val[:40] if isinstance(val, str) else val[:40].decode("latin-1")
    return f"{begin.encode('unicode_escape').decode()}... {len(val)}"


@pytest.fixture(scope="session")
def filled_template(clusters: Clusters, pytestconfig: pytest.Config) -> Filled:
    """The workspace of a database that is made once and cloned for each test."""
    made: list[Filled] = []

    def fill(dsn: str) -> None:
        in_a_thread(lambda: made.append(asyncio.run(fill_with_workspace(dsn))))

    clusters.prepare(pytestconfig.getoption("--postgres"), WITH_WORKSPACE, fill)
    return made[0]


@pytest.fixture
def filled(clusters: Clusters, pytestconfig: pytest.Config, filled_template: Filled) -> Iterator[Filled]:
    """A database that holds the usual workspace; for tests that open it with settings of their own."""
    with clusters.clone(pytestconfig.getoption("--postgres"), WITH_WORKSPACE) as dsn:
        yield filled_template._replace(dsn=dsn)


@asynccontextmanager
async def shared_service(
    clusters: Clusters, pytestconfig: pytest.Config, **settings: Any
) -> AsyncIterator[Copies]:
    """The workspaces of a running service that the tests of a process share.

    A database and a service of its own cost a test several times as much as most tests take.
    """
    with clusters.clone(pytestconfig.getoption("--postgres")) as dsn:
        async with running_app(dsn, **settings) as app:
            yield await Copies.of_usual_workspace(app)


@pytest.fixture(scope="session")
async def copies(clusters: Clusters, pytestconfig: pytest.Config) -> AsyncIterator[Copies]:
    """Workspaces of a service without a worker, in which most tests have one."""
    async with shared_service(clusters, pytestconfig) as copies:
        yield copies


@pytest.fixture(scope="session")
async def busy_copies(clusters: Clusters, pytestconfig: pytest.Config) -> AsyncIterator[Copies]:
    """Workspaces of a service whose worker rests for a moment only."""
    async with shared_service(clusters, pytestconfig, worker_interval_seconds=0.02) as copies:
        yield copies


@pytest.fixture
async def shared_workspace(copies: Copies) -> AsyncIterator[Workspace]:
    """A new workspace in the service that tests share."""
    made = await copies.make()
    async with made.client:
        yield made


@pytest.fixture
async def only_workspace(filled: Filled) -> AsyncIterator[Workspace]:
    """The only workspace of a database, in a service of its own."""
    async with open_filled(filled) as opened:
        yield opened


@pytest.fixture
def workspace(request: pytest.FixtureRequest) -> Workspace:
    """A workspace of a running service without a worker: ana, ben and eve in two teams, an active plan.

    It has neighbors in the same database, unless the test is marked as `alone`.
    """
    alone = request.node.get_closest_marker("alone")
    found: Workspace = request.getfixturevalue("only_workspace" if alone else "shared_workspace")
    return found


@pytest.fixture
async def busy(busy_copies: Copies) -> AsyncIterator[Workspace]:
    """The usual workspace with neighbors, of a service whose worker rests for a moment only.

    It is deleted afterwards: the worker visits every workspace that has a clock of its own.
    """
    made = await busy_copies.make()
    async with made.client:
        yield made
    async with made.pool.acquire() as connection:
        await delete_workspace(connection, made.workspace_id)


@pytest.fixture
async def workspace_with_worker(filled: Filled) -> AsyncIterator[Workspace]:
    """The only workspace of a database, whose worker rests for a second after each round, as usual."""
    async with open_filled(filled, worker_interval_seconds=1.0) as opened:
        yield opened
