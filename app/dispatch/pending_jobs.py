"""The jobs of one workspace that wait, and which of them form the next commit group."""

import asyncio
import time
from collections import deque
from collections.abc import Sequence
from contextlib import suppress

from app.dispatch.jobs.base import Job

MAX_JOBS = 256
"""Jobs in one commit group."""
TAKE_ALL_UP_TO = 16
"""Up to this many single jobs form one group; of more, half of them, but at least this many."""
BULK_BESIDE_SINGLE = 4
"""Bulk jobs in one group with single jobs."""
BULK_AFTER_SINGLE = 16
"""Bulk jobs in a group of their own while single jobs may come; otherwise as many as a group takes."""
SINGLE_SECONDS = 0.1
"""So long after a single job another one may come."""
WAIT_SECONDS = 0.01
"""How long bulk jobs wait for the next request of a caller who has just got a reply."""


class PendingJobs:
    """Jobs in the order they came. Single jobs go before bulk, and bulk goes in slices.

    Of many waiting jobs only half form the next group. While it waits for the database, the process reads
    requests and writes responses for the other half, so neither is idle.

    A caller often sends the next request once it has a reply. Bulk jobs wait a moment for it, and go with it:
    in a group of their own they would hold it up.

    While a bulk job waits for plugins, all bulk jobs wait: a batch is decided in its order.
    """

    def __init__(self, wait_seconds: float = WAIT_SECONDS) -> None:
        self._wait_seconds = wait_seconds
        self._single: deque[Job] = deque()
        self._bulk: deque[Job] = deque()
        self._away = 0
        self._had_single = False
        self._single_until = 0.0
        self._single_came = asyncio.Event()

    def __len__(self) -> int:
        """The jobs that the next group may take."""
        return len(self._single) + (0 if self._away else len(self._bulk))

    def enter(self, job: Job) -> None:
        """Append a job."""
        (self._bulk if job.bulk else self._single).append(job)
        if not job.bulk:
            self._single_until = time.monotonic() + SINGLE_SECONDS
            self._single_came.set()

    async def expect_single(self) -> None:
        """Wait a moment for a single job, if the last group had one and none is here."""
        if self._single or not self._had_single:
            return
        self._single_came.clear()
        with suppress(TimeoutError):
            async with asyncio.timeout(self._wait_seconds):
                await self._single_came.wait()

    def requeue(self, jobs: Sequence[Job]) -> None:
        """Put jobs that a group did not reach back at the front, in their order."""
        for job in reversed(jobs):
            job.taken = False
            (self._bulk if job.bulk else self._single).appendleft(job)

    def leave(self, job: Job) -> None:
        """A job goes away, to plugins, and will return."""
        self._away += job.bulk

    def come_back(self, job: Job) -> None:
        """Put back a job that was away: a single one behind the others, a bulk one in its old place."""
        if job.bulk:
            self._away -= 1
            self._bulk.appendleft(job)
        else:
            self._single.append(job)

    def next_group(self) -> list[Job]:
        """The jobs of the next group. Jobs whose caller has gone are dropped."""
        waiting = len(self._single)
        singles = min(MAX_JOBS, max(TAKE_ALL_UP_TO, (waiting + 1) // 2))
        chosen = _take(self._single, singles)
        self._had_single = bool(chosen)
        if self._away:
            return chosen
        bulk = BULK_BESIDE_SINGLE if chosen else self._bulk_alone()
        return chosen + _take(self._bulk, min(bulk, MAX_JOBS - len(chosen)))

    def _bulk_alone(self) -> int:
        return BULK_AFTER_SINGLE if time.monotonic() < self._single_until else MAX_JOBS


def _take(queue: deque[Job], count: int) -> list[Job]:
    chosen: list[Job] = []
    while queue and len(chosen) < count:
        job = queue.popleft()
        if not job.done.done():
            job.taken = True
            chosen.append(job)
    return chosen
