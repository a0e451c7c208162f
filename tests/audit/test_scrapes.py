"""Scrapes that come at the same time share one look into the store."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from app.audit.scrapes import MAX_REST_SECONDS, Scrapes

CALLERS = 16


async def test_callers_who_come_during_a_scrape_share_the_next_one() -> None:
    begun, under_way, free = 0, asyncio.Event(), asyncio.Event()

    async def scrape(_workspace_id: int) -> bytes:
        nonlocal begun
        begun += 1
        number = begun
        under_way.set()
        await free.wait()
        return b"%d" % number

    scrapes = Scrapes(scrape)
    first = asyncio.create_task(scrapes.get(1))
    await under_way.wait()
    later = [asyncio.create_task(scrapes.get(1)) for _ in range(CALLERS)]
    later.pop().cancel()
    await asyncio.sleep(0)
    assert begun == 1
    free.set()
    assert await first == b"1"
    assert await asyncio.gather(*later) == [b"2"] * (CALLERS - 1)
    assert await scrapes.get(1) == b"3"


async def test_next_scrape_rests_in_proportion_to_the_one_before() -> None:
    now, rests, over = 0.0, list[float](), asyncio.Event()

    async def scrape(_workspace_id: int) -> float:
        nonlocal now
        now += 0.01
        return now

    async def rest(seconds: float) -> None:
        rests.append(seconds)
        await over.wait()

    scrapes = Scrapes(scrape, rests=4, clock=lambda: now, sleep=rest)
    assert await scrapes.get(1) == pytest.approx(0.01)
    callers = [asyncio.create_task(scrapes.get(1)) for _ in range(CALLERS)]
    assert await scrapes.get(2) == pytest.approx(0.02)
    for _ in range(20):
        await asyncio.sleep(0)
    assert rests == pytest.approx([0.04, 0.04])
    assert not any(caller.done() for caller in callers)
    over.set()
    assert await asyncio.gather(*callers) == pytest.approx([0.03] * CALLERS)


async def test_rest_has_an_end_however_long_a_scrape_took() -> None:
    now, rests = 0.0, list[float]()

    async def scrape(_workspace_id: int) -> bytes:
        nonlocal now
        now += 1000
        raise OSError("away")

    async def rest(seconds: float) -> None:
        rests.append(seconds)

    scrapes = Scrapes(scrape, rests=4, clock=lambda: now, sleep=rest)
    for _ in range(2):
        with pytest.raises(OSError, match="away"):
            await scrapes.get(1)
    await asyncio.sleep(0)
    assert rests == [MAX_REST_SECONDS, MAX_REST_SECONDS]


async def test_workspaces_do_not_wait_for_one_another() -> None:
    never, both = asyncio.Event(), {1: asyncio.Event(), 2: asyncio.Event()}

    async def scrape(workspace_id: int) -> bytes:
        both[workspace_id].set()
        await never.wait()
        return b""

    scrapes = Scrapes(scrape)
    waiting = [asyncio.create_task(scrapes.get(workspace_id)) for workspace_id in both]
    await asyncio.gather(*(each.wait() for each in both.values()))
    never.set()
    await asyncio.gather(*waiting)


async def test_error_of_a_scrape_reaches_everybody_who_shares_it_and_nobody_else() -> None:
    outcomes: list[Callable[[], Awaitable[bytes]]] = [_fail, _succeed]
    scrapes = Scrapes(lambda _: outcomes.pop(0)())
    found = await asyncio.gather(scrapes.get(1), scrapes.get(1), return_exceptions=True)
    assert [type(each) for each in found] == [OSError, OSError]
    assert await scrapes.get(1) == b"fine"
    with pytest.raises(IndexError):
        await scrapes.get(1)


async def _fail() -> bytes:
    raise OSError


async def _succeed() -> bytes:
    return b"fine"
