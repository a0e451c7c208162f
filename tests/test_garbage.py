"""Young objects are searched in short steps, and all of them when that holds up nobody."""

import gc
import weakref
from collections.abc import Iterator

import pytest

from app.garbage import (
    CALM_LOOKS,
    EVERY_SECONDS,
    IDLE_LOOKS,
    LOOK_SECONDS,
    MUCH,
    FullCollections,
    collect_young,
)
from app.pace import long_work

BLOCKS = MUCH
BUSY = LOOK_SECONDS


class _Circle:
    """Refers to itself, so that only a collection frees it."""

    def __init__(self) -> None:
        self.itself = self


@pytest.fixture(autouse=True)
def _only_by_hand() -> Iterator[None]:
    before = gc.get_threshold()
    gc.set_threshold(0)
    yield
    gc.set_threshold(*before)


async def test_garbage_of_a_slice_is_gone_before_the_next_one() -> None:
    work = long_work()
    await work.next_slice()
    made = weakref.ref(_Circle())
    assert made() is not None
    await work.next_slice()
    assert made() is None


def test_process_without_collections_gets_none() -> None:
    made = weakref.ref(_Circle())
    gc.disable()
    try:
        collect_young()
    finally:
        gc.enable()
    assert made() is not None


@pytest.mark.parametrize(
    ("growth", "looks", "since", "expected"),
    [
        (1.0, IDLE_LOOKS, EVERY_SECONDS, True),
        (1.0, IDLE_LOOKS, EVERY_SECONDS - 1, False),
        (1.0, IDLE_LOOKS - 1, EVERY_SECONDS, False),
        (1.4, CALM_LOOKS, 0.0, False),
        (1.5, 0, EVERY_SECONDS, False),
        (1.5, CALM_LOOKS, 0.0, True),
        (2.0, 0, 0.0, True),
    ],
)
def test_full_collection_waits_until_the_process_is_idle_unless_the_memory_has_doubled(
    growth: float, looks: int, since: float, expected: bool
) -> None:
    now = 0.0
    full = FullCollections(BLOCKS, lambda: now)
    now = since
    full.is_time(BLOCKS, BUSY)
    for _ in range(looks - 1):
        full.is_time(BLOCKS, 0.0)
    assert full.is_time(int(growth * BLOCKS), 0.0 if looks else BUSY) is expected


def test_memory_is_compared_with_what_the_last_full_collection_left() -> None:
    full = FullCollections(BLOCKS, lambda: 0.0)
    full.collected(2 * BLOCKS)
    assert not full.is_time(2 * BLOCKS, 0.0)
    assert full.is_time(4 * BLOCKS, BUSY)


def test_small_process_that_reads_a_large_workspace_waits_until_it_is_idle() -> None:
    full = FullCollections(BLOCKS // 4, lambda: 0.0)
    assert not full.is_time(BLOCKS, BUSY)
    assert full.is_time(BLOCKS, 0.0)
