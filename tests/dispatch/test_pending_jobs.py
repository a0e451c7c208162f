"""Which jobs form the next commit group: callers who wait for one reply go before bulk."""

import asyncio

from app.dispatch.jobs.base import Job
from app.dispatch.pending_jobs import BULK_AFTER_SINGLE, BULK_BESIDE_SINGLE, MAX_JOBS, PendingJobs


async def test_group_with_a_single_job_takes_few_bulk_jobs() -> None:
    pending = _pending(bulk=MAX_JOBS)
    single = Job()
    pending.enter(single)
    group = pending.next_group()
    assert group[0] is single
    assert [job.bulk for job in group[1:]] == [True] * BULK_BESIDE_SINGLE


async def test_bulk_jobs_fill_a_group_where_nobody_else_calls() -> None:
    assert len(_pending(bulk=MAX_JOBS + 1).next_group()) == MAX_JOBS


async def test_bulk_jobs_form_small_groups_shortly_after_a_single_job() -> None:
    pending = _pending(bulk=0)
    pending.enter(Job())
    pending.next_group()
    for _ in range(MAX_JOBS):
        pending.enter(Job(bulk=True))
    assert len(pending.next_group()) == BULK_AFTER_SINGLE


async def test_bulk_jobs_wait_for_the_next_request_of_a_caller() -> None:
    pending = _pending(bulk=2 * BULK_BESIDE_SINGLE)
    pending.enter(Job())
    pending.next_group()
    waiting = asyncio.create_task(pending.expect_single())
    await asyncio.sleep(0)
    assert not waiting.done()
    second = Job()
    pending.enter(second)
    await waiting
    assert pending.next_group()[0] is second


async def test_bulk_jobs_do_not_wait_after_a_group_of_their_own() -> None:
    pending = _pending(bulk=MAX_JOBS + 1)
    pending.next_group()
    await asyncio.wait_for(pending.expect_single(), 1)


def _pending(bulk: int) -> PendingJobs:
    """Bulk jobs that wait a minute for a single one."""
    pending = PendingJobs(wait_seconds=60)
    for _ in range(bulk):
        pending.enter(Job(bulk=True))
    return pending
