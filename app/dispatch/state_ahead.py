"""Reads the state of a workspace before its first commit group, without the lock and in its own time."""

import asyncio
import time
from collections.abc import Callable, Coroutine

from app.background import has_failed
from app.errors import Overloaded
from app.store.path.snapshot import Snapshot


class StateAhead:
    """Reads a state that groups begin with. One that is not read in time is kept for the next group.

    To read it takes as long as it takes: tens of thousands of owners need longer than a caller waits, where
    others read it, too. If each group began to read it again, none would ever be decided.
    """

    def __init__(self, read: Callable[[], Coroutine[object, object, Snapshot]]) -> None:
        self._read = read
        self._reading: asyncio.Task[Snapshot] | None = None

    async def take(self, until: float) -> Snapshot:
        """The state, for a group that changes it. It may be older than the newest one.

        Raises what reading it raises, and Overloaded when it is not read at this time of the monotonic clock.
        """
        if self._reading is None:
            self._reading = asyncio.create_task(self._read(), name="state ahead")
            self._reading.add_done_callback(has_failed)
        await asyncio.wait([self._reading], timeout=max(0.0, until - time.monotonic()))
        if not self._reading.done():
            raise Overloaded("The state of the workspace is being read.")
        reading, self._reading = self._reading, None
        return reading.result()
