"""An office with plug-ins installed."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.office import Office, open_office
from tests.plug_ins.packages import ODD, install

PATIENT: dict[str, Any] = {"deadline_seconds": 30.0, "plug_in_seconds": 10.0}
"""Nobody is late here because the machine is busy."""


@pytest.fixture
def plugin_steps(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """All plug-ins of `tests/plug_ins/odd.py` are installed."""
    install(tmp_path, {name.lower(): f"{ODD}:{name}" for name in ("Odd", "Kind", "Prepared", "Clumsy")})
    monkeypatch.syspath_prepend(tmp_path)


@pytest.fixture
async def office(database: str, plugin_steps: None) -> AsyncIterator[Office]:
    """A running service whose plug-ins have all the time they want."""
    async with open_office(database, **PATIENT) as office:
        yield office


@pytest.fixture
async def hasty(database: str, plugin_steps: None) -> AsyncIterator[Office]:
    """A running service whose plug-ins have little time."""
    async with open_office(database, deadline_seconds=30.0, plug_in_seconds=1.0) as office:
        yield office
