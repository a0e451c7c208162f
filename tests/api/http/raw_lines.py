"""Raw connections to a real server in this process."""

import asyncio
import socket
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any, NamedTuple

import orjson
import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send

from app.api.http.protocol import HttpProtocol

GUARD = 120.0  # seconds until a line that stays open fails the test


class Answer(NamedTuple):
    """One response."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """Its body."""
        return orjson.loads(self.body)


class Line:
    """The caller's end of a connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self._writer = reader, writer

    def send(self, data: bytes) -> None:
        """Sends, or keeps what the server does not take yet."""
        self._writer.write(data)

    async def answer(self) -> Answer:
        """The next response."""
        head = (await self.reader.readuntil(b"\r\n\r\n")).decode()
        first, *lines = head.rstrip().split("\r\n")
        headers = dict(line.lower().split(": ", 1) for line in lines)
        body = await self.reader.readexactly(int(headers["content-length"]))
        return Answer(int(first.split()[1]), headers, body)

    async def ended(self) -> bool:
        """Waits for the end. True if nothing came before it."""
        try:
            return await self.reader.read() == b""
        except ConnectionError:
            return True

    async def sent(self) -> None:
        """Waits until the server has taken most of what was sent."""
        await self._writer.drain()

    def send_eof(self) -> None:
        """Sends nothing more, but still reads."""
        self._writer.write_eof()

    def abort(self) -> None:
        """Leaves at once."""
        self._writer.transport.abort()

    def close(self) -> None:
        """Leaves."""
        self._writer.close()


class Server(NamedTuple):
    """A running server."""

    address: tuple[str, int]

    @asynccontextmanager
    async def line(self) -> AsyncIterator[Line]:
        """A connection to it."""
        line = Line(*await asyncio.open_connection(*self.address))
        try:
            async with asyncio.timeout(GUARD):
                yield line
        finally:
            line.close()


@asynccontextmanager
async def serving(app: ASGIApp, protocol: type[HttpProtocol]) -> AsyncIterator[Server]:
    """A server of this app. A test that takes too long fails."""
    server, listening = _server(app, protocol), socket.create_server(("127.0.0.1", 0))
    task = asyncio.create_task(server.serve(sockets=[listening]))
    try:
        async with asyncio.timeout(GUARD):
            yield Server(listening.getsockname())
    finally:
        server.should_exit = True
        await task


@contextmanager
def serving_in_a_thread(app: ASGIApp, protocol: type[HttpProtocol]) -> Iterator[Server]:
    """The same for several tests, each of which has an event loop of its own."""
    server, listening = _server(app, protocol), socket.create_server(("127.0.0.1", 0))
    thread = threading.Thread(target=lambda: asyncio.run(server.serve(sockets=[listening])))
    thread.start()
    try:
        yield Server(listening.getsockname())
    finally:
        server.should_exit = True
        thread.join()


def _server(app: ASGIApp, protocol: type[HttpProtocol]) -> uvicorn.Server:
    return uvicorn.Server(
        uvicorn.Config(app, http=protocol, ws="none", lifespan="off", log_config=None, access_log=False)
    )


async def echo(scope: Scope, receive: Receive, send: Send) -> None:
    """Answers with what it received."""
    body, more = b"", True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            return
        body, more = body + message.get("body", b""), message.get("more_body", False)
    names = [name.decode() for name, _ in scope["headers"]]
    seen = {"method": scope["method"], "path": scope["path"], "body": body.decode(), "names": names}
    await respond(send, orjson.dumps(seen))


async def respond(send: Send, body: bytes) -> None:
    """A whole response."""
    headers = [(b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})
