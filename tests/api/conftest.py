"""What tests of the HTTP layer share."""

from pathlib import Path
from typing import Any

import orjson
import pytest

from tests.api.small_app import Small


@pytest.fixture(scope="session")
def example_bytes() -> bytes:
    """A request with every field there is."""
    return Path(__file__).with_name("assign.json").read_bytes()


@pytest.fixture
def example(example_bytes: bytes) -> Any:
    """The same, parsed for each test."""
    return orjson.loads(example_bytes)


@pytest.fixture
def small() -> Small:
    """A small app of its own for each test."""
    return Small()
