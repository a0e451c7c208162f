"""Which jobs form the next commit group, and which are refused because they would wait too long."""

import asyncio
from itertools import count, takewhile

import pytest

from app.dispatch.group_times import DECIDING_SECONDS, MAX_JOBS, GroupTimes
from app.dispatch.jobs.base import Job
from app.dispatch.pending_jobs import (
    BULK_AFTER_SINGLE,
    BULK_BESIDE_SINGLE,
    LATE_WAIT_SHARE,
    MAX_BULK,
    MAX_SINGLE,
    WAIT_SHARE,
    WORKSPACE_SHARE,
    PendingJobs,
    ProcessJobs,
)


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


async def test_group_of_slow_decisions_is_small() -> None:
    pending = PendingJobs()
    pending.times.note(1, 0.5, 0.51)
    _enter(pending, 40)
    assert len(pending.next_group()) == 1
    pending.times = GroupTimes(deciding=DECIDING_SECONDS / 10)
    assert len(pending.next_group()) == 10


async def test_job_that_goes_alone_and_groups_of_the_others_take_turns() -> None:
    pending = _pending(bulk=MAX_JOBS)
    for _ in range(3):
        pending.enter(_Alone())
    _enter(pending, 2)
    groups = [pending.next_group() for _ in range(6)]
    assert [[type(job) for job in group] == [_Alone] for group in groups[:5]] == [True, False] * 2 + [True]
    assert not any(isinstance(job, _Alone) for group in (groups[1], groups[3], groups[5]) for job in group)
    assert len(groups[1]) == 2 + BULK_BESIDE_SINGLE


async def test_jobs_that_go_alone_follow_one_another_where_nobody_else_waits() -> None:
    pending = PendingJobs()
    jobs = [_Alone() for _ in range(3)]
    jobs[0].done.cancel()
    for job in jobs:
        pending.enter(job)
    assert [pending.next_group(), pending.next_group()] == [[jobs[1]], [jobs[2]]]
    assert (len(pending), pending.next_group()) == (0, [])


async def test_long_time_of_a_job_that_goes_alone_refuses_no_others() -> None:
    now = 0.0
    pending = PendingJobs(clock=lambda: now)
    pending.times.note(1, 0.03, 0.04)
    before = pending.expected_wait()
    for _ in range(5):
        pending.enter(_Alone())
        pending.group_begins(len(pending.next_group()))
        pending.enter(Job())
        now += 1.5
        pending.group_decided(1, 0.03)
        pending.group_ends()
        pending.group_begins(len(pending.next_group()))
        now += before
        pending.group_decided(1, 0.03)
        pending.group_ends()
    assert pending.expected_wait() <= 2 * before
    assert pending.has_room(1, 2, bulk=False)
    pending.enter(_Alone())
    assert 1.5 <= pending.expected_wait() <= 1.5 + 2 * before


class _Alone(Job):
    def goes_alone(self) -> bool:
        return True


async def test_jobs_are_admitted_as_long_as_their_wait_is_short_enough() -> None:
    pending = PendingJobs()
    pending.times.note(1, 0.03, 0.04)
    let_in = int(2 * WAIT_SHARE / (0.03 + 0.01))
    _enter(pending, let_in - 1)
    assert pending.has_room(1, 2, bulk=False, with_coming=True)
    _enter(pending, 1)
    assert not pending.has_room(1, 2, bulk=False, with_coming=True)
    # Those that were let in before are not refused because the forecast becomes a little worse.
    assert let_in + _admitted(pending, seconds=2) == int(2 * LATE_WAIT_SHARE / (0.03 + 0.01))


async def test_job_is_admitted_where_nobody_waits_however_slow_the_last_one_was() -> None:
    pending = PendingJobs()
    pending.times.note(1, 10, 20)
    assert _admitted(pending, seconds=2) == 1


async def test_jobs_are_refused_while_a_group_is_late() -> None:
    now = 100.0
    pending = PendingJobs(clock=lambda: now)
    pending.times.note(10, 0.01, 0.02)
    pending.group_begins(1)
    assert pending.has_room(1, 2.0, bulk=False)
    now += 3
    assert not pending.has_room(1, 2.0, bulk=False)
    pending.group_ends()
    assert pending.has_room(1, 2.0, bulk=False)


async def test_fewer_jobs_are_admitted_where_time_passes_between_groups() -> None:
    now = 100.0
    pending = PendingJobs(clock=lambda: now)
    pending.times.note(1, 0.03, 0.04)
    admitted = _admitted(pending, seconds=2)
    for _ in range(8):
        pending.group_begins(len(pending.next_group()))
        now += 0.04
        pending.group_decided(1, 0.03)
        pending.group_ends()
        now += 0.4  # the process answers other requests
    while pending.next_group():
        pass
    assert 1 < _admitted(pending, seconds=2) < 0.7 * admitted


@pytest.mark.parametrize("rest", ["nobody waits", "those who waited have gone"])
async def test_time_without_waiting_jobs_does_not_count(rest: str) -> None:
    now = 100.0
    pending = PendingJobs(clock=lambda: now)
    for _ in range(8):
        _enter(pending, 1)
        pending.group_begins(len(pending.next_group()))
        now += 0.04
        pending.group_decided(1, 0.03)
        if rest == "those who waited have gone":
            _enter(pending, 1)
        pending.group_ends()
        now += 10
        for job in pending.next_group():
            job.done.cancel()
    assert pending.times.overhead == pytest.approx(0.01)


async def test_time_of_a_failed_group_does_not_count() -> None:
    now = 100.0
    pending = PendingJobs(clock=lambda: now)
    _enter(pending, 40)
    for fails in (False, True, False):
        pending.group_begins(len(pending.next_group()))
        now += 10 if fails else 0.04
        if not fails:
            pending.group_decided(1, 0.03)
        pending.group_ends()
    assert pending.times.overhead == pytest.approx(0.01)


async def test_requests_on_their_way_count_for_those_behind_them() -> None:
    pending = PendingJobs()
    pending.times.note(1, 0.03, 0.04)
    coming = []
    while pending.has_room(1, 2.0, bulk=False, with_coming=True):
        coming.append(pending.coming(bulk=False))
    assert len(coming) == int(2 * WAIT_SHARE / (0.03 + 0.01))
    assert pending.has_room(1, 2.0, bulk=False)
    coming[0].end()
    coming[0].end()
    assert pending.has_room(1, 2.0, bulk=False, with_coming=True)
    coming.append(pending.coming(bulk=False))
    assert not pending.has_room(1, 2.0, bulk=False, with_coming=True)
    for each in coming:
        each.end()
    assert pending.has_room(1, 2.0, bulk=False, with_coming=True)


async def test_bulk_jobs_that_go_along_count_in_the_wait_of_a_single_job() -> None:
    alone, beside = PendingJobs(), PendingJobs()
    for each in (alone, beside):
        each.times.note(1, 0.1, 0.1)
    beside.enter(Job(bulk=True))
    assert beside.expected_wait() == 2 * alone.expected_wait()


async def test_one_workspace_leaves_room_for_another() -> None:
    process = ProcessJobs()
    greedy, other = PendingJobs(process), PendingJobs(process)
    assert _admitted(greedy, seconds=2) == MAX_SINGLE * WORKSPACE_SHARE
    assert other.has_room(1, 2, bulk=False)
    assert not greedy.has_room(int(MAX_BULK * WORKSPACE_SHARE) + 1, 2, bulk=True)
    assert greedy.has_room(int(MAX_BULK * WORKSPACE_SHARE), 2, bulk=True)


async def test_jobs_of_all_workspaces_together_are_bounded() -> None:
    process = ProcessJobs()
    waiting = [PendingJobs(process) for _ in range(4)]
    assert sum(_admitted(each, seconds=2) for each in waiting) == MAX_SINGLE
    for each in waiting:
        each.requeue(each.next_group())
    assert process.single == MAX_SINGLE
    while any(each.next_group() for each in waiting):
        pass
    assert process == ProcessJobs()


def test_mean_times_follow_a_plan_that_became_slow() -> None:
    times = GroupTimes()
    times.note(1000, 0.1, 0.2)
    for _ in range(40):
        times.note(1, 0.03, 0.04)
    assert 0.025 < times.deciding <= 0.03
    assert times.group_size() == 1


def _admitted(pending: PendingJobs, seconds: float) -> int:
    """How many single jobs enter until one is refused."""
    return sum(1 for _ in takewhile(lambda _: _enters(pending, seconds), count()))


def _enters(pending: PendingJobs, seconds: float) -> bool:
    room = pending.has_room(1, seconds, bulk=False)
    if room:
        pending.enter(Job())
    return room


def _enter(pending: PendingJobs, jobs: int) -> None:
    for _ in range(jobs):
        pending.enter(Job())


def _pending(bulk: int) -> PendingJobs:
    """Bulk jobs that wait a minute for a single one."""
    pending = PendingJobs(wait_seconds=60)
    for _ in range(bulk):
        pending.enter(Job(bulk=True))
    return pending
