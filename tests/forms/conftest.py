"""Forms are read by the worker, which here rests for a moment only."""

from collections.abc import AsyncIterator

import pytest

from tests.support.workspace import Filled, Workspace, open_filled


@pytest.fixture
async def workspace(filled: Filled) -> AsyncIterator[Workspace]:
    """The usual workspace, of a service whose worker rests for a moment only."""
    async with open_filled(filled, worker_interval_seconds=0.02) as opened:
        yield opened
