"""When requests may use the thread without delaying a commit group.

A commit group and the requests that arrive share one thread. While the database writes for the group, the
thread is free for requests. While the group reads and decides, requests would delay it and then leave the
thread idle during the write. So they wait for the write, which comes within milliseconds.
"""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager

MAX_WAIT_SECONDS = 0.01
"""A request waits no longer, however long a group waits for its workspace lock."""


class WriteWindow:
    """Whether any group of this process needs the thread."""

    def __init__(self) -> None:
        self._deciding = 0
        self._waiting: list[asyncio.Future[None]] = []

    @contextmanager
    def deciding(self) -> Iterator[Callable[[], None]]:
        """A group reads and decides, until it calls the function it gets, or leaves the block."""
        self._deciding += 1
        over = False

        def decided() -> None:
            nonlocal over
            if not over:
                over = True
                self._deciding -= 1
                self._admit()

        try:
            yield decided
        finally:
            decided()

    async def wait(self) -> None:
        """Wait until the groups that are deciding have decided."""
        if not self._deciding:
            return
        loop = asyncio.get_running_loop()
        admitted: asyncio.Future[None] = loop.create_future()
        self._waiting.append(admitted)
        limit = loop.call_later(MAX_WAIT_SECONDS, _admit, admitted)
        try:
            await admitted
        finally:
            limit.cancel()

    def _admit(self) -> None:
        waiting, self._waiting = self._waiting, []
        for admitted in waiting:
            _admit(admitted)


def _admit(admitted: asyncio.Future[None]) -> None:
    if not admitted.done():
        admitted.set_result(None)
