"""Fixtures for all tests: a database, and a workspace of a service that runs in this process."""

import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from tests.support.postgres import any_postgres_database, clusters, database, pytest_addoption
from tests.support.workspace import Workspace, open_workspace

__all__ = ["any_postgres_database", "clusters", "database", "pytest_addoption", "workspace"]

# The same examples on each run, and none that a slow machine could fail: `--hypothesis-profile=search`
# looks for new ones.
settings.register_profile("search", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("same", settings.get_profile("search"), derandomize=True, database=None)
settings.load_profile("same")

# Where Python is told to keep no compiled sources, compiling takes most of a process's start.
if os.environ.pop("PYTHONDONTWRITEBYTECODE", None):
    os.environ["PYTHONPYCACHEPREFIX"] = str(Path(__file__).parents[1] / ".pytest_cache" / "bytecode")


@pytest.fixture
async def workspace(database: str) -> AsyncIterator[Workspace]:
    """A running service with one workspace: ana, ben and eve in two teams, and an active plan."""
    async with open_workspace(database) as made:
        yield made
