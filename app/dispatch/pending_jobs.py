"""Who waits for the gate of one workspace, and who goes into the next pass."""

from collections import deque

from app.dispatch.jobs.base import Job

MAX_JOBS = 256
"""Jobs in one pass at most."""
TAKE_ALL_UP_TO = 16
"""Up to so many waiting jobs all go at once; of more, half, but so many at least."""
BULK_SLICE = 64
"""Bulk jobs in one pass when nobody else waits; beside single ones a quarter of it."""


class PendingJobs:
    """Jobs in the order they came. Single ones go before bulk, bulk enters in slices.

    Of many that wait only half go into the next pass: while it waits for the database, the process
    reads the requests and writes the answers of the other half, and neither stands idle.
    """

    def __init__(self) -> None:
        self._single: deque[Job] = deque()
        self._bulk: deque[Job] = deque()

    def __len__(self) -> int:
        return len(self._single) + len(self._bulk)

    def enter(self, job: Job) -> None:
        """At the end of the line."""
        (self._bulk if job.bulk else self._single).append(job)

    def put_back(self, jobs: list[Job]) -> None:
        """At the head of the line, in their order: those a pass did not reach."""
        for job in reversed(jobs):
            job.taken = False
            (self._bulk if job.bulk else self._single).appendleft(job)

    def next_pass(self) -> list[Job]:
        """The jobs of the next pass; those whose caller has gone meanwhile are dropped."""
        waiting = len(self._single)
        singles = min(MAX_JOBS, max(TAKE_ALL_UP_TO, (waiting + 1) // 2))
        chosen = _first(self._single, singles)
        bulk = BULK_SLICE // 4 if chosen else BULK_SLICE
        return chosen + _first(self._bulk, min(bulk, MAX_JOBS - len(chosen)))


def _first(line: deque[Job], count: int) -> list[Job]:
    chosen: list[Job] = []
    while line and len(chosen) < count:
        job = line.popleft()
        if not job.done.done():
            job.taken = True
            chosen.append(job)
    return chosen
