"""What is made for a caller who has gone is not made to its end."""

import asyncio
from types import SimpleNamespace

import pytest
from starlette.requests import Request
from starlette.types import Message

from app.api.http.callers_gone import unless_gone
from app.errors import BadRequest, ShuttingDown

SCOPE = {"type": "http", "method": "GET", "path": "/", "headers": [], "query_string": b""}


def _request(gone: asyncio.Event, *, draining: bool = False) -> Request:
    async def receive() -> Message:
        await gone.wait()
        return {"type": "http.disconnect"}

    app = SimpleNamespace(state=SimpleNamespace(draining=draining))
    return Request({**SCOPE, "app": app}, receive)


async def test_caller_who_stays_gets_the_result_or_the_error() -> None:
    async def work() -> int:
        await asyncio.sleep(0)
        return 7

    async def fail() -> int:
        raise LookupError

    request = _request(asyncio.Event())
    assert await unless_gone(request, work()) == 7
    with pytest.raises(LookupError):
        await unless_gone(request, fail())


async def test_work_ends_when_the_caller_has_gone() -> None:
    gone, begun, ended = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def work() -> None:
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    waiting = asyncio.create_task(unless_gone(_request(gone), work()))
    await begun.wait()
    gone.set()
    with pytest.raises(BadRequest):
        await waiting
    async with asyncio.timeout(5):
        await ended.wait()


@pytest.mark.parametrize(("draining", "error"), [(True, ShuttingDown), (False, asyncio.CancelledError)])
async def test_caller_is_told_that_the_process_ends(draining: bool, error: type[BaseException]) -> None:
    waiting = asyncio.create_task(
        unless_gone(_request(asyncio.Event(), draining=draining), asyncio.sleep(60))
    )
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(error):
        await waiting
