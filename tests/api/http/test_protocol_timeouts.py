"""Connections with unfinished headers are closed; waiting for a response has no such limit (S-11)."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import ClassVar

import pytest
import uvicorn
from starlette.types import Receive, Scope, Send

from app.api.http.protocol import HttpProtocol

GUARD = 120.0  # seconds until a line that stays open fails the test
REQUEST = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
Line = tuple[asyncio.StreamReader, asyncio.StreamWriter]
LONG = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\n"


class Hasty(HttpProtocol):
    """The same with less patience."""

    seconds: ClassVar[float] = 0.1

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        if self.first_in_time:
            self.seconds = GUARD  # type: ignore[misc]
        super().connection_made(transport)

    def on_headers_complete(self) -> None:
        super().on_headers_complete()
        self.seconds = Hasty.seconds  # type: ignore[misc]

    first_in_time: ClassVar[bool] = False
    """Whether the first request has all the time it needs, so that no busy machine cuts it off."""


class HastyLater(Hasty):
    """Waits for the first request, and has less patience afterwards."""

    first_in_time: ClassVar[bool] = True


async def slow(scope: Scope, receive: Receive, send: Send) -> None:
    """Answers without reading the body, and takes longer than the protocol's patience."""
    await asyncio.sleep(3 * Hasty.seconds)
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
    await send({"type": "http.response.body", "body": b"ok"})


async def closed(reader: asyncio.StreamReader) -> bool:
    """Wait for the end. A server that closes before it has read everything resets the connection."""
    try:
        return await reader.read() == b""
    except ConnectionResetError:
        return True


@asynccontextmanager
async def line(
    protocol: type[Hasty] = HastyLater,
) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """A connection to a server of its own."""
    config = uvicorn.Config(slow, http=protocol, lifespan="off", log_config=None, access_log=False)
    server, listening = uvicorn.Server(config), socket.create_server(("127.0.0.1", 0))
    serving = asyncio.create_task(server.serve(sockets=[listening]))
    reader, writer = await asyncio.open_connection(*listening.getsockname())
    try:
        yield reader, writer
    finally:
        writer.close()
        server.should_exit = True
        await serving


async def answer(reader: asyncio.StreamReader) -> None:
    """Reads one answer."""
    assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 200 ")
    assert await reader.readexactly(2) == b"ok"


@pytest.mark.parametrize(
    ("whole", "rest"),
    [
        (b"", b""),
        (b"", b"GE"),
        (b"", REQUEST[:-2]),
        (REQUEST, b"\r\n"),
        (REQUEST, REQUEST[:-2]),
        (LONG, b"a part of the body"),
    ],
    ids=[
        "nothing",
        "half a line",
        "half the headers",
        "an empty line",
        "half a second request",
        "a late body",
    ],
)
async def test_half_a_request_is_cut_off(whole: bytes, rest: bytes) -> None:
    async with asyncio.timeout(GUARD), line(HastyLater if whole else Hasty) as (reader, writer):
        if whole:
            writer.write(whole)
            await answer(reader)
        writer.write(rest)
        assert await closed(reader)


async def test_slow_bytes_do_not_extend_the_timeout() -> None:
    async with asyncio.timeout(GUARD), line(Hasty) as (reader, writer):

        async def trickle() -> None:
            writer.write(b"GET / HTTP/1.1\r\nX-Long: ")
            while True:
                await asyncio.sleep(Hasty.seconds / 10)
                writer.write(b"a")

        trickling = asyncio.create_task(trickle())
        assert await closed(reader)
        trickling.cancel()


async def test_slow_response_and_idle_connection_are_not_closed() -> None:
    async with asyncio.timeout(GUARD), line() as (reader, writer):
        for _ in range(2):
            writer.write(REQUEST)
            await answer(reader)
            await asyncio.sleep(3 * Hasty.seconds)
