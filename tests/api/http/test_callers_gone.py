"""What is made for a caller who has gone is not made to its end."""

import asyncio

import pytest
from starlette.requests import Request
from starlette.types import Message

from app.api.http.callers_gone import unless_gone
from app.errors import BadRequest

SCOPE = {"type": "http", "method": "GET", "path": "/", "headers": [], "query_string": b""}


def _request(gone: asyncio.Event) -> Request:
    async def receive() -> Message:
        await gone.wait()
        return {"type": "http.disconnect"}

    return Request(SCOPE, receive)


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
