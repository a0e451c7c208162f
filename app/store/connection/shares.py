"""How many connections of a pool one workspace may hold, so that others always find one."""

import asyncio
from collections import deque


class ShareTaken(TimeoutError):
    """A request waited in vain, because others of its workspace held all connections that it may have."""


class Shares:
    """At most `most` connections for one workspace at a time. Further requests of it wait in their order.

    They wait here and not for the pool, so that nobody else has to wait behind them.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._held: dict[int, int] = {}
        self._waiting: dict[int, deque[asyncio.Future[None]]] = {}

    def held(self, workspace_id: int) -> int:
        """How many the workspace holds now."""
        return self._held.get(workspace_id, 0)

    def waiting(self) -> int:
        """How many requests wait for one of their workspace."""
        return sum(map(len, self._waiting.values()))

    async def take(self, workspace_id: int, seconds: float) -> None:
        """Count one more for the workspace.

        Raises ShareTaken when none of its own becomes free in time.
        """
        held = self._held.get(workspace_id, 0)
        if held < self._most:
            self._held[workspace_id] = held + 1
            return
        free: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(workspace_id, deque()).append(free)
        try:
            async with asyncio.timeout(seconds):
                await free
        except BaseException as error:
            if free.done() and not free.cancelled():
                self.give_back(workspace_id)
            if isinstance(error, TimeoutError):
                raise ShareTaken from None
            raise

    def give_back(self, workspace_id: int) -> None:
        """Count one less, or pass it on to the first who waits."""
        waiting = self._waiting.get(workspace_id)
        while waiting:
            free = waiting.popleft()
            if not free.done():
                free.set_result(None)
                return
        self._waiting.pop(workspace_id, None)
        self._held[workspace_id] -= 1
        if not self._held[workspace_id]:
            del self._held[workspace_id]
