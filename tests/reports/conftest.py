"""Workspaces that several reports are asked about."""

import pytest

from tests.support.told_lives import furnish
from tests.support.workspace import Workspace


@pytest.fixture
async def office(busy: Workspace) -> Workspace:
    """The office whose leads tests tell the lives of."""
    await furnish(busy)
    return busy
