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
IDLE_SHARE = 0.02
"""A process that needed less of this time is idle."""
CALM_LOOKS, IDLE_LOOKS = 1, 6
EVERY_SECONDS = 3_600.0
"""A full collection comes so often where the process was idle at IDLE_LOOKS one after another."""
GROWN, DOUBLED = 1.5, 2.0
"""By what factor the memory has grown since the last one: then it comes when the process was idle at
CALM_LOOKS, or at once, if it has grown by MUCH, too."""
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
    """When it is time for a full collection. Memory is counted in blocks, and time on the processor."""

    def __init__(self, blocks: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._idle = 0
        self.collected(blocks)

    def collected(self, blocks: int) -> None:
        """One has just been, and left so many blocks."""
        self._blocks, self._at = blocks, self._clock()

    def is_time(self, blocks: int, used: float) -> bool:
        """Whether it is time, with so many blocks now, when so many seconds were used since the last look."""
        self._idle = self._idle + 1 if used < IDLE_SHARE * LOOK_SECONDS else 0
        growth = blocks / self._blocks
        if growth >= DOUBLED and blocks - self._blocks >= MUCH:
            return True
        if growth >= GROWN:
            return self._idle >= CALM_LOOKS
        return self._idle >= IDLE_LOOKS and self._clock() - self._at >= EVERY_SECONDS


async def collecting_all() -> None:
    """Make full collections when it is time."""
    full = FullCollections(sys.getallocatedblocks())
    while True:
        before = time.process_time()
        await asyncio.sleep(LOOK_SECONDS)
        if full.is_time(sys.getallocatedblocks(), time.process_time() - before):
            gc.collect()
            full.collected(sys.getallocatedblocks())
