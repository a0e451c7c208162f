"""Large work of one workspace does not keep that of others from its turn."""

import asyncio
import threading

import pytest

from app import places
from app.errors import Overloaded
from app.places import AT_ONCE, LONG_BYTES, Places

GREEDY, MODEST = 1, 2


async def test_one_workspace_has_one_place_and_leaves_the_others() -> None:
    taken, go_on, under_way, most = Places("Others work."), asyncio.Event(), 0, 0

    async def work() -> None:
        nonlocal under_way, most
        async with taken.take(GREEDY):
            under_way += 1
            most = max(most, under_way)
            await go_on.wait()
            under_way -= 1

    greedy = [asyncio.create_task(work()) for _ in range(3 * AT_ONCE)]
    await asyncio.sleep(0)
    async with asyncio.timeout(60), taken.take(MODEST):
        assert under_way == 1
    go_on.set()
    await asyncio.gather(*greedy)
    assert most == 1


async def test_who_waits_in_vain_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(places, "WAIT_SECONDS", 0.01)
    taken = Places("Others work.")
    async with taken.take(GREEDY):
        with pytest.raises(Overloaded):
            async with taken.take(GREEDY):
                pass
    async with taken.take(GREEDY):
        pass


async def test_short_delivery_is_read_at_once_and_a_long_one_in_its_turn() -> None:
    taken = Places("Others work.")
    here = threading.get_ident()
    async with taken.take(GREEDY):
        assert await taken.run_if_long(LONG_BYTES - 1, GREEDY, threading.get_ident) == here
        waiting = asyncio.create_task(taken.run_if_long(LONG_BYTES, GREEDY, threading.get_ident))
        await asyncio.sleep(0)
        assert not waiting.done()
    assert await waiting != here
