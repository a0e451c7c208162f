"""Forms are read by the worker, which here rests for a moment only."""

import pytest

from tests.support.workspace import Workspace


@pytest.fixture
def workspace(busy: Workspace) -> Workspace:
    """The usual workspace, of a service whose worker rests for a moment only."""
    return busy
