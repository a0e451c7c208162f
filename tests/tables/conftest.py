"""A workspace with people and a plan, for the tests of tables."""

from collections.abc import AsyncIterator

import pytest

from tests.office import Office, open_office


@pytest.fixture
async def office(database: str) -> AsyncIterator[Office]:
    """A running service with one workspace: ana, ben and eve in two teams, and a plan in force."""
    async with open_office(database) as office:
        yield office
