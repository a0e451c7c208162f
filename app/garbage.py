"""When Python looks for objects that only refer to one another: at young ones in short steps, at all seldom.

Nearly everything is freed without that, as soon as nothing refers to it. Python looks at young objects when
so many more were made than freed, and at all when a quarter more have become old. Neither count fits here.
While one state is read and another one freed, young objects seem few, until looking at them takes 100 ms.
And every state that was read and freed long ago still counts as old, so all would be looked at often.
"""

import asyncio
import gc
import sys
import time
from collections.abc import Callable

YOUNG = 3_000
"""Python looks at young objects when so many more were made than freed."""
NEVER = 2**31 - 1
LOOK_SECONDS = 10.0
"""How often to ask whether it is time for a full collection."""
CALM_SECONDS = 1.0
IDLE_SECONDS = 60.0
EVERY_SECONDS = 3_600.0
"""A full collection comes so often where nobody called for IDLE_SECONDS."""
GROWN, DOUBLED = 1.5, 2.0
"""By what factor the memory has grown since the last one: then it comes as soon as nobody called for
CALM_SECONDS, or at once, if it has grown by MUCH, too."""
MUCH = 4_000_000
"""Blocks of some 400 MB. A large workspace that has just been read has fewer."""


def settle_memory() -> None:
    """Keep what the start made out of all collections, because it lives as long as the process."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG, 2, NEVER)


def collect_young() -> None:
    """Look at what was made since the last time. Long computations call it so often that this is little."""
    if gc.isenabled():
        gc.collect(1)


class FullCollections:
    """When it is time for a full collection. Memory is counted in blocks."""

    def __init__(self, blocks: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self.collected(blocks)

    def collected(self, blocks: int) -> None:
        """One has just been, and left so many blocks."""
        self._blocks, self._at = blocks, self._clock()

    def is_time(self, blocks: int, calm_seconds: float) -> bool:
        """Whether it is time, with so many blocks now, when nobody called for so many seconds."""
        growth = blocks / self._blocks
        if growth >= DOUBLED and blocks - self._blocks >= MUCH:
            return True
        if growth >= GROWN:
            return calm_seconds >= CALM_SECONDS
        return calm_seconds >= IDLE_SECONDS and self._clock() - self._at >= EVERY_SECONDS


async def collecting_all(calm_seconds: Callable[[], float]) -> None:
    """Make full collections when it is time. `calm_seconds` says how long nobody has called."""
    full = FullCollections(sys.getallocatedblocks())
    while True:
        await asyncio.sleep(LOOK_SECONDS)
        if full.is_time(sys.getallocatedblocks(), calm_seconds()):
            gc.collect()
            full.collected(sys.getallocatedblocks())
