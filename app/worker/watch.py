"""Looks after the process itself: its files, the clock, the worker, and whether the database answers."""

import asyncio
import os
import resource
import time
from collections.abc import AsyncIterator, Callable, Collection
from contextlib import asynccontextmanager, suppress

from app.background import in_background
from app.metrics.process import Metrics
from app.store import clocks
from app.store.connection.pool import Pool, is_connection_error, look_up, transaction

EVERY_SECONDS = 5.0
ANSWER_SECONDS = 2.0
SPARE_FILES = 16
"""With fewer left, connections of callers and to the database soon fail."""
STUCK_SECONDS = 120.0
"""One slice of a duty takes seconds. A worker that makes no progress for so long is stuck."""
JUMP_SECONDS = 2.0
APART_SECONDS = 30.0
"""If the clocks of the process and the database are further apart, one of them is wrong."""
CLOCKS_AT_ONCE = 20
"""Clocks of workspaces that are looked at each time, so that many take turns."""


class Watch:
    """What is looked at every few seconds. `wall` and `steady` are the clocks of the system."""

    def __init__(
        self,
        metrics: Metrics,
        wall: Callable[[], float] = time.time,
        steady: Callable[[], float] = time.monotonic,
    ) -> None:
        self._metrics, self._wall, self._steady = metrics, wall, steady
        self._offset = self._wall() - self._steady()

    def look(self) -> None:
        """Note the troubles there are now."""
        self._look_at_files()
        self._look_at_clock()
        stuck = self._metrics.worker_silence()
        if stuck > STUCK_SECONDS:
            self._metrics.troubles.note("worker_stuck", seconds=round(stuck))

    def _look_at_files(self) -> None:
        limit, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        try:
            open_files = len(os.listdir("/proc/self/fd"))
        except FileNotFoundError:
            return  # a system without /proc
        except OSError:
            open_files = limit
        if limit - open_files < SPARE_FILES:
            self._metrics.troubles.note("files_exhausted", open=open_files, limit=limit)

    def _look_at_clock(self) -> None:
        offset = self._wall() - self._steady()
        jump, self._offset = offset - self._offset, offset
        if abs(jump) > JUMP_SECONDS:
            self._metrics.troubles.note("clock_jumped", seconds=round(jump, 3))


async def ask_database(pool: Pool, metrics: Metrics, wall: Callable[[], float] = time.time) -> None:
    """Find out whether the database answers, and has the same time, unless every connection is in use."""
    if pool.get_size() >= pool.get_max_size() and not pool.get_idle_size():
        return
    asked = wall()
    try:
        found = await look_up(pool, ANSWER_SECONDS, clocks.SELECT_SERVER_TIME)
    except Exception as error:
        if not is_connection_error(error):
            raise
        metrics.database_answered(False)
    else:
        metrics.database_answered(True)
        if _are_apart(found["time"], asked, wall()):
            metrics.troubles.note("clock_differs", seconds=round(found["time"] - asked))


async def clocks_agree(pool: Pool, wall: Callable[[], float] = time.time) -> bool:
    """Whether the process and the database have the same time. If not, nothing may be deleted for its age."""
    async with pool.acquire() as connection:
        asked = wall()
        found = await clocks.read_server_time(connection)
    return not _are_apart(found, asked, wall())


def _are_apart(found: float, asked: float, answered: float) -> bool:
    # The database looked at its clock some time between the question and the answer.
    return max(found - answered, asked - found) > APART_SECONDS


class ClockWatch:
    """Looks whether workspaces have a clock of their own. `serving` lists those the process serves."""

    def __init__(self, pool: Pool, metrics: Metrics, serving: Callable[[], Collection[int]]) -> None:
        self._pool, self._metrics, self._serving = pool, metrics, serving
        self._left: list[int] = []

    async def look(self) -> None:
        """Look at the clocks of a few workspaces, each in its turn."""
        self._left = self._left or list(self._serving())
        now, self._left = self._left[:CLOCKS_AT_ONCE], self._left[CLOCKS_AT_ONCE:]
        for workspace_id in now:
            async with transaction(self._pool, workspace_id, read_only=True) as connection:
                speed = await clocks.find_clock_speed(connection, workspace_id)
            if speed is not None:
                self._metrics.troubles.note("clock_set", workspace_id=workspace_id)


@asynccontextmanager
async def watching(
    pool: Pool, metrics: Metrics, serving: Callable[[], Collection[int]] | None = None
) -> AsyncIterator[None]:
    """Look every few seconds while the process runs, also at the clocks of the workspaces `serving` lists."""
    watch = Watch(metrics)
    clocks_of_workspaces = ClockWatch(pool, metrics, serving or tuple)
    async with in_background(_watch(pool, metrics, watch, clocks_of_workspaces), "watch"):
        yield


async def _watch(pool: Pool, metrics: Metrics, watch: Watch, clocks_of_workspaces: ClockWatch) -> None:
    while True:
        watch.look()
        with suppress(Exception):
            await ask_database(pool, metrics)
            await clocks_of_workspaces.look()
        await asyncio.sleep(EVERY_SECONDS)
