"""Workspaces that several reports are asked about."""

from collections.abc import AsyncIterator

import pytest

from tests.support.told_lives import open_office
from tests.support.workspace import Filled, Workspace


@pytest.fixture
async def office(filled: Filled) -> AsyncIterator[Workspace]:
    """The office whose leads tests tell the lives of."""
    async with open_office(filled) as workspace:
        yield workspace
