"""The command line on a database of its own."""

from pathlib import Path

import pytest

from tests.support.shell import Shell


@pytest.fixture
def shell(database: str, tmp_path: Path) -> Shell:
    """Commands in development, on a database of their own."""
    return Shell(tmp_path, DATABASE_URL=database)
