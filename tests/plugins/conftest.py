"""A workspace with plugins installed."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.plugins.packages import ODD, install
from tests.support.workspace import Filled, Workspace, open_filled

PATIENT: dict[str, Any] = {"request_timeout_seconds": 30.0, "plugin_timeout_seconds": 10.0}
"""Nobody is late here because the machine is busy."""


@pytest.fixture
def plugin_steps(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """All plugins of `tests/plugins/odd.py` are installed."""
    install(tmp_path, {name.lower(): f"{ODD}:{name}" for name in ("Odd", "Kind", "Prepared", "Clumsy")})
    monkeypatch.syspath_prepend(tmp_path)


@pytest.fixture
async def workspace(filled: Filled, plugin_steps: None) -> AsyncIterator[Workspace]:
    """A running service whose plugins have all the time they want."""
    async with open_filled(filled, **PATIENT) as workspace:
        yield workspace


@pytest.fixture
async def hasty(filled: Filled, plugin_steps: None) -> AsyncIterator[Workspace]:
    """A running service whose plugins have little time."""
    async with open_filled(filled, request_timeout_seconds=30.0, plugin_timeout_seconds=2.5) as workspace:
        yield workspace


@pytest.fixture
async def impatient(filled: Filled, plugin_steps: None) -> AsyncIterator[Workspace]:
    """A running service that waits for no reply; for plugins that never give one."""
    async with open_filled(filled, request_timeout_seconds=30.0, plugin_timeout_seconds=0.1) as workspace:
        yield workspace
