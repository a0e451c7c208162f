"""Scrapes that come at the same time share one look into the store."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from app.audit.scrapes import Scrapes

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
