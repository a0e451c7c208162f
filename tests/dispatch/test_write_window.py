"""New requests let a commit group decide first, but wait only for a limited time."""

import asyncio

import pytest

from app.dispatch.write_window import WriteWindow


async def _turns(count: int = 3) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


async def test_requests_do_not_wait_while_no_group_decides() -> None:
    write_window = WriteWindow()
    waiting = asyncio.create_task(write_window.wait())
    await _turns()
    assert waiting.done()


async def test_requests_wait_while_a_group_decides() -> None:
    write_window = WriteWindow()
    with write_window.deciding() as decided:
        waiting = [asyncio.create_task(write_window.wait()) for _ in range(3)]
        await asyncio.sleep(0)
        assert not any(one.done() for one in waiting)
        decided()
        await _turns()
        assert all(one.done() for one in waiting)
        # Now it writes, and keeps nobody.
        late = asyncio.create_task(write_window.wait())
        await _turns()
        assert late.done()


async def _failing(write_window: WriteWindow) -> None:
    with write_window.deciding():
        await asyncio.sleep(0)
        raise LookupError


async def test_group_that_fails_admits_all_requests() -> None:
    write_window = WriteWindow()
    failing = asyncio.create_task(_failing(write_window))
    await asyncio.sleep(0)
    waiting = asyncio.create_task(write_window.wait())
    with pytest.raises(LookupError):
        await failing
    await _turns()
    assert waiting.done()


async def test_requests_do_not_wait_for_a_group_that_waits_for_its_lock() -> None:
    write_window = WriteWindow()
    with write_window.deciding():
        await write_window.wait()


async def test_request_canceled_while_it_waits_is_forgotten() -> None:
    write_window = WriteWindow()
    with write_window.deciding():
        waiting = asyncio.create_task(write_window.wait())
        await asyncio.sleep(0)
        waiting.cancel()
        await _turns()
    assert waiting.cancelled()
