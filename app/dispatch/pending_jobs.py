"""The jobs of one workspace that wait, and which of them form the next commit group."""

import asyncio
import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from math import ceil

from app.dispatch.group_times import MAX_JOBS, GroupTimes
from app.dispatch.jobs.base import Job

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
MAX_SINGLE = 4096
"""Single jobs that wait in a process."""
MAX_BULK = 16384
"""Bulk jobs that wait in a process."""
WORKSPACE_SHARE = 0.5
"""The part of these that one workspace may have, so that there is always room for another."""
WAIT_SHARE = 0.5
"""The part of its time that a request may be expected to wait: the forecast may be too short."""
LATE_WAIT_SHARE = 0.9
"""The same when its job enters. To refuse it then wastes what was done for it since it was let in."""


@dataclass(slots=True)
class ProcessJobs:
    """How many jobs of all workspaces wait in this process."""

    single: int = 0
    bulk: int = 0


@dataclass(slots=True)
class _Running:
    """The group under way.

    `alone` says whether it is a job that goes alone, and `noted` whether its time is noted already.
    """

    since: float
    jobs: int
    alone: bool
    noted: bool = False


class Coming:
    """A request that is on its way to enter its jobs. It counts until it `end`s."""

    __slots__ = ("_bulk", "_counts", "_ended")

    def __init__(self, counts: dict[bool, int], bulk: bool) -> None:
        self._counts, self._bulk, self._ended = counts, bulk, False
        counts[bulk] += 1

    def end(self) -> None:
        """The jobs enter, or will not come. Calling this again does nothing."""
        if not self._ended:
            self._ended = True
            self._counts[self._bulk] -= 1


class PendingJobs:
    """Jobs in the order they came. Single jobs go before bulk, and bulk goes in slices.

    Of many waiting jobs only half form the next group. While it waits for the database, the process reads
    requests and writes responses for the other half, so neither is idle.

    A caller often sends the next request once it has a reply. Bulk jobs wait a moment for it, and go with it:
    in a group of their own they would hold it up.

    Jobs that go alone, which take long, and groups of the others take turns.

    While a bulk job waits for plugins, all bulk jobs wait: a batch is decided in its order.

    Jobs that would wait too long are better refused at once, so it tells how long a new one would wait.
    """

    def __init__(
        self,
        process: ProcessJobs | None = None,
        *,
        wait_seconds: float = WAIT_SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.times = GroupTimes()
        self._process = process or ProcessJobs()
        self._wait_seconds = wait_seconds
        self._clock = clock
        self._running: _Running | None = None
        self._waiting_since: float | None = None
        self._single: deque[Job] = deque()
        self._bulk: deque[Job] = deque()
        self._alone: deque[Job] = deque()
        self._alone_now = False
        self._alone_seconds = 0.0
        self._away = 0
        self._coming = {False: 0, True: 0}
        self._had_single = False
        self._single_until = 0.0
        self._single_came = asyncio.Event()

    def __len__(self) -> int:
        """The jobs that the next group may take."""
        return len(self._alone) + self._others()

    @property
    def single_waits(self) -> bool:
        """Whether a single job waits for the group that is under way."""
        return bool(self._single)

    def coming(self, *, bulk: bool) -> "Coming":
        """A request with at least one such job is on its way here."""
        return Coming(self._coming, bulk)

    def has_room(self, jobs: int, seconds: float, *, bulk: bool, with_coming: bool = False) -> bool:
        """Whether so many more jobs can wait, and be done within so many seconds as far as can be foreseen.

        Of a batch only the beginning counts: the caller sends the rest again. `with_coming` tells that they
        are not under way yet, and enter behind those that are.
        """
        coming = self._coming[bulk] if with_coming else 0
        jobs += coming
        here, everywhere, most = (
            (len(self._bulk), self._process.bulk, MAX_BULK)
            if bulk
            else (len(self._single), self._process.single, MAX_SINGLE)
        )
        if everywhere + jobs > most or here + jobs > most * WORKSPACE_SHARE:
            return False
        idle = self._running is None and not (coming or self._single or (bulk and self._bulk))
        wait = self.expected_wait(bulk=bulk, behind=coming)
        return idle or wait <= seconds * (WAIT_SHARE if with_coming else LATE_WAIT_SHARE)

    def expected_wait(self, *, bulk: bool = False, behind: int = 0) -> float:
        """The seconds from now until a job has its reply, by what groups took lately.

        It enters now, or `behind` so many others that are about to enter.
        """
        times, running = self.times, self._running
        size = times.group_size()
        ahead = len(self._single) + behind + 1
        if bulk:
            ahead += len(self._bulk)
        else:
            size = min(size, _half(ahead))
        groups = ceil(ahead / size)
        if self._bulk and not bulk:
            ahead += groups * _bulk_beside(size)
        wait = groups * times.overhead + ahead * times.deciding
        wait += min(groups, len(self._alone)) * self._alone_seconds
        if running is not None:
            usual = self._alone_seconds if running.alone else times.overhead + running.jobs * times.deciding
            # A group that is late, for example because somebody else holds the lock, may take long yet.
            wait += abs(usual - (self._clock() - running.since))
        return wait

    def group_begins(self, jobs: int) -> None:
        """A group of so many jobs is under way: since the last one, if jobs have waited since then."""
        since = self._clock() if self._waiting_since is None else self._waiting_since
        self._running = _Running(since, jobs, alone=self._alone_now)

    def group_decided(self, decisions: int, deciding: float) -> None:
        """The group under way is written, after so many decisions that took so many seconds together."""
        running, now = self._running, self._clock()
        if running is not None and not running.noted:
            if running.alone:
                self._alone_seconds = now - running.since  # it says nothing of the others
            else:
                self.times.note(decisions, deciding, now - running.since)
            self._waiting_since, running.noted = now, True

    def group_ends(self) -> None:
        """No group is under way any more."""
        if self._running is not None and not self._running.noted:
            self._waiting_since = self._clock()  # what a failed group took says nothing of the others
        if not self._any_waits:
            self._waiting_since = None
        self._running = None

    def enter(self, job: Job) -> None:
        """Append a job."""
        if self._running is None and not self._any_waits:
            self._waiting_since = None  # those that waited have gone
        self._queue(job).append(job)
        self._count(job, 1)
        if not job.bulk:
            self._single_until = self._clock() + SINGLE_SECONDS
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
            self._queue(job).appendleft(job)
            self._count(job, 1)

    def leave(self, job: Job) -> None:
        """A job goes away, to plugins, and will return."""
        self._away += job.bulk

    def come_back(self, job: Job) -> None:
        """Put back a job that was away: a single one behind the others, a bulk one in its old place."""
        self._count(job, 1)
        if job.bulk:
            self._away -= 1
            self._bulk.appendleft(job)
        else:
            self._queue(job).append(job)

    def next_group(self) -> list[Job]:
        """The jobs of the next group. Jobs whose caller has gone are dropped."""
        alone = not (self._alone_now and self._others())
        self._alone_now = alone and bool(chosen := self._take(self._alone, 1))
        if self._alone_now:
            return chosen
        size = self.times.group_size()
        chosen = self._take(self._single, min(size, _half(len(self._single))))
        self._had_single = bool(chosen)
        if self._away:
            return chosen
        bulk = _bulk_beside(size) if chosen else self._bulk_alone(size)
        return chosen + self._take(self._bulk, min(bulk, MAX_JOBS - len(chosen)))

    @property
    def _any_waits(self) -> bool:
        return bool(self._single or self._bulk or self._alone)

    def _others(self) -> int:
        """The jobs that wait and share a group."""
        return len(self._single) + (0 if self._away else len(self._bulk))

    def _bulk_alone(self, size: int) -> int:
        return min(size, BULK_AFTER_SINGLE) if self._clock() < self._single_until else size

    def _take(self, queue: deque[Job], count: int) -> list[Job]:
        chosen: list[Job] = []
        while queue and len(chosen) < count:
            job = queue.popleft()
            self._count(job, -1)
            if not job.done.done():
                chosen.append(job)
        return chosen

    def _queue(self, job: Job) -> deque[Job]:
        if job.goes_alone():
            return self._alone
        return self._bulk if job.bulk else self._single

    def _count(self, job: Job, jobs: int) -> None:
        if job.bulk:
            self._process.bulk += jobs
        else:
            self._process.single += jobs


def _half(waiting: int) -> int:
    """How many of the single jobs that wait form a group."""
    return min(MAX_JOBS, max(TAKE_ALL_UP_TO, (waiting + 1) // 2))


def _bulk_beside(size: int) -> int:
    """How many bulk jobs a group of single jobs takes along. Where decisions are slow it is one."""
    return max(1, min(BULK_BESIDE_SINGLE, size // 4))
