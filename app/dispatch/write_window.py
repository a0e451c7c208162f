"""Letting a pass go first.

A pass and the requests that arrive share one thread. While the database writes for a pass, the thread is free
for them; while the pass reads and decides, they would only delay it, and then stand idle during the write.
So they wait for the lull, which comes within a few milliseconds.
"""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager

MAX_WAIT_SECONDS = 0.01
"""Nobody gives way for longer, however long a pass waits for its gate."""


class WriteWindow:
    """The moments of one process in which no pass needs the thread."""

    def __init__(self) -> None:
        self._deciding = 0
        self._waiting: list[asyncio.Future[None]] = []

    @contextmanager
    def deciding(self) -> Iterator[Callable[[], None]]:
        """A pass that reads and decides. Calling what this gives, or leaving, says that it has decided."""
        self._deciding += 1
        over = False

        def decided() -> None:
            nonlocal over
            if not over:
                over = True
                self._deciding -= 1
                self._let_in()

        try:
            yield decided
        finally:
            decided()

    async def wait(self) -> None:
        """Wait until a pass has decided, if one is at it."""
        if not self._deciding:
            return
        loop = asyncio.get_running_loop()
        let_in: asyncio.Future[None] = loop.create_future()
        self._waiting.append(let_in)
        limit = loop.call_later(MAX_WAIT_SECONDS, _let_in, let_in)
        try:
            await let_in
        finally:
            limit.cancel()

    def _let_in(self) -> None:
        waiting, self._waiting = self._waiting, []
        for one in waiting:
            _let_in(one)


def _let_in(one: asyncio.Future[None]) -> None:
    if not one.done():
        one.set_result(None)
