"""An office for each test."""

from collections.abc import AsyncIterator

import pytest_asyncio

from tests.office import Office, open_office


@pytest_asyncio.fixture
async def office(database: str) -> AsyncIterator[Office]:
    """The service with one workspace, its people and its plan."""
    async with open_office(database) as made:
        yield made
